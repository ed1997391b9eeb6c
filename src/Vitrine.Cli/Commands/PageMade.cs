using System.CommandLine;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Vitrine.Transformers;
using Vitrine.Views;

namespace Vitrine.Cli.Commands;

/// <summary>How a page was made, as every verb that writes one tells it.</summary>
internal static partial class PageMade
{
    /// <summary>The command line as it was said.</summary>
    /// <remarks>A password does not stand in a page.</remarks>
    public static string CommandLine(string verb, ParseResult parsed)
        => string.Join(' ', ["vitrine", verb, .. parsed.Tokens.Skip(1).Select(t => Quoted(Password().Replace(t.Value, "$1=...")))]);

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

    [GeneratedRegex("(Password|Pwd)=[^;]*", RegexOptions.IgnoreCase)]
    private static partial Regex Password();

    private static string Quoted(string word) => word.Contains(' ', StringComparison.Ordinal) ? $"\"{word}\"" : word;
}
