using System.CommandLine;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using Vitrine.Checkpoints;
using Vitrine.Views;

namespace Vitrine.Cli.Commands;

/// <summary>The <c>--page</c> option: the result as an HTML file that needs nothing beside it.</summary>
internal sealed class PageOption
{
    private readonly Option<string?> file = new("--page") { Description = "HTML file for the result, with its drawings; it needs nothing beside it." };

    /// <summary>Adds the option to a command.</summary>
    public void AddTo(Command command) => command.Add(file);

    /// <summary>Writes the page where one is asked for, and says where on standard error.</summary>
    /// <param name="parsed">The command line, which stands on the page.</param>
    /// <param name="fingerprint">Of the model.</param>
    /// <param name="seed">Of what was drawn.</param>
    /// <param name="page">The page, told how it was made.</param>
    /// <exception cref="VitrineException">The file cannot be written.</exception>
    public void Write(ParseResult parsed, string fingerprint, object seed, Func<Provenance, string> page)
    {
        if (parsed.GetValue(file) is not { } path)
        {
            return;
        }

        AtomicFile.WriteAllText(path, page(new Provenance
        {
            Command = string.Join(' ', ["vitrine", .. parsed.Tokens.Select(t => Quoted(t.Value))]),
            Seed = Convert.ToString(seed, CultureInfo.InvariantCulture) ?? "",
            Fingerprint = fingerprint,
            Versions =
            [
                new NamedValue("vitrine", Assembly.GetExecutingAssembly().GetName().Version?.ToString(3) ?? ""),
                new NamedValue(".NET", RuntimeInformation.FrameworkDescription),
            ],
        }));
        Console.Error.WriteLine($"page: {path}");
    }

    private static string Quoted(string word)
        => word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:@=,#".Contains(c)) ? word : $"\"{word}\"";
}
