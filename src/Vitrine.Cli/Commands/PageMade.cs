using System.CommandLine;
using System.Reflection;
using System.Runtime.InteropServices;
using Vitrine.Transformers;
using Vitrine.Views;

namespace Vitrine.Cli.Commands;

/// <summary>How a page was made, as every verb that writes one tells it.</summary>
internal static class PageMade
{
    /// <summary>The command line as it was said.</summary>
    public static string CommandLine(string verb, ParseResult parsed)
        => string.Join(' ', ["vitrine", verb, .. parsed.Tokens.Skip(1).Select(t => Quoted(t.Value))]);

    /// <summary>What a page is to say about itself.</summary>
    public static Provenance Of(string command, Model model, string seed) => new()
    {
        Command = command,
        Seed = seed,
        Fingerprint = model.Fingerprint,
        Versions =
        [
            new NamedValue("vitrine", Assembly.GetExecutingAssembly().GetName().Version?.ToString(3) ?? ""),
            new NamedValue(".NET", RuntimeInformation.FrameworkDescription),
        ],
    };

    private static string Quoted(string word) => word.Contains(' ', StringComparison.Ordinal) ? $"\"{word}\"" : word;
}
