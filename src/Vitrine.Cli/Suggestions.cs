using System.CommandLine;
using System.CommandLine.Parsing;

namespace Vitrine.Cli;

/// <summary>What a misspelled verb or option most likely meant.</summary>
internal static class Suggestions
{
    /// <summary>A line for each word that is nearly a verb or an option; none when the words are right.</summary>
    /// <remarks>
    /// A misspelled option may stand where a verb takes a model or a text, and is then no error of the parser. Words behind <c>--</c> are the user's own.
    /// </remarks>
    public static IReadOnlyList<string> Of(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        string[] verbs = [.. command.Subcommands.Select(c => c.Name)];
        string[] options = [.. Options(parsed.CommandResult)];
        var taken = parsed.Tokens.TakeWhile(t => t.Type != TokenType.DoubleDash).Where(t => t.Type == TokenType.Argument).Select(t => t.Value).Where(IsOption);
        return
        [
            .. parsed.UnmatchedTokens.Union(taken)
                .Select(word => (Word: word, Nearest: Nearest.Close(word, IsOption(word) ? options : verbs)))
                .Where(w => w.Nearest is not null)
                .Select(w => $"'{w.Word}': there is no such {(IsOption(w.Word) ? "option" : "verb")}; the nearest is '{w.Nearest}'."),
        ];
    }

    private static bool IsOption(string word) => word.StartsWith("--", StringComparison.Ordinal) && word.Length > 2;

    /// <remarks>Options of a command above count where they are recursive.</remarks>
    private static IEnumerable<string> Options(CommandResult command)
    {
        var names = command.Command.Options.SelectMany(o => o.Aliases.Prepend(o.Name));
        for (var above = command.Parent as CommandResult; above is not null; above = above.Parent as CommandResult)
        {
            names = names.Concat(above.Command.Options.Where(o => o.Recursive).SelectMany(o => o.Aliases.Prepend(o.Name)));
        }

        return names.Where(IsOption).Distinct();
    }
}
