using System.CommandLine;
using System.Globalization;
using Vitrine.Checkpoints;
using Vitrine.Transformers;
using Vitrine.Views;

namespace Vitrine.Cli.Commands;

/// <summary>The <c>--page</c> option: the result as an HTML file that needs nothing beside it.</summary>
internal sealed class PageOption
{
    private readonly Option<string?> file = new("--page") { Description = "HTML file for the result, with its drawings; it needs nothing beside it." };

    /// <summary>Adds the option to a command.</summary>
    public void AddTo(Command command) => command.Add(file);

    /// <summary>Whether a page is asked for.</summary>
    public bool IsAsked(ParseResult parsed) => parsed.GetValue(file) is not null;

    /// <summary>Refuses a page that could not be written, before the work that it shows.</summary>
    /// <exception cref="VitrineException">The file cannot be written.</exception>
    public void RequireWritable(ParseResult parsed)
    {
        if (parsed.GetValue(file) is { } path)
        {
            AtomicFile.RequireWritable(path);
        }
    }

    /// <summary>Writes the page where one is asked for, and says where on standard error.</summary>
    /// <param name="parsed">The command line, which stands on the page.</param>
    /// <param name="verb">Its verb.</param>
    /// <param name="model">Whose fingerprint stands on it.</param>
    /// <param name="seed">Of what was drawn.</param>
    /// <param name="page">The page, told how it was made.</param>
    /// <exception cref="VitrineException">The file cannot be written.</exception>
    public void Write(ParseResult parsed, string verb, Model model, ulong seed, Func<Provenance, string> page)
    {
        if (parsed.GetValue(file) is { } path)
        {
            AtomicFile.WriteAllText(path, page(PageMade.Of(PageMade.CommandLine(verb, parsed), model, seed.ToString(CultureInfo.InvariantCulture))));
            Console.Error.WriteLine($"page: {path}");
        }
    }
}
