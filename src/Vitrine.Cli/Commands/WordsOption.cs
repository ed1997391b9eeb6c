using System.CommandLine;
using Vitrine.Mechanisms.Concepts;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Commands;

/// <summary><c>--words FILE</c>: the word lists that count as concepts.</summary>
internal sealed class WordsOption() : Option<string?>("--words")
{
    /// <summary>The option.</summary>
    public static WordsOption Create() => new() { Description = "YAML of concept words; those of its world by default, for a policy that has one." };

    /// <summary>Word lists of the file, or of the world that a policy was trained in; none for any other model.</summary>
    /// <exception cref="VitrineException">The file is none of concept words.</exception>
    public IReadOnlyList<WordList> Lists(ParseResult parsed, Model model)
        => parsed.GetValue(this) is { } path ? WordList.Open(path)
            : model is Policy policy && StateSource.WorldOf(policy) is not null ? TabletopVocabulary.Concepts
            : [];
}
