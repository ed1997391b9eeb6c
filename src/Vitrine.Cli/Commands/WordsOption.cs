using System.CommandLine;
using Vitrine.Mechanisms.Concepts;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Commands;

/// <summary><c>--words FILE</c>: the word lists that count as concepts.</summary>
internal sealed class WordsOption() : Option<string?>("--words")
{
    /// <summary>The option.</summary>
    public static WordsOption Create() => new() { Description = "YAML of concept words; those of the tabletop by default." };

    /// <summary>Word lists of the file, or the tabletop's.</summary>
    /// <exception cref="VitrineException">The file is none of concept words.</exception>
    public IReadOnlyList<WordList> Lists(ParseResult parsed) => parsed.GetValue(this) is { } path ? WordList.Open(path) : TabletopVocabulary.Concepts;
}
