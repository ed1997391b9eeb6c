using System.CommandLine;
using Vitrine.Mechanisms.Concepts;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Commands;

/// <summary><c>--words FILE</c>: the word lists that count as concepts.</summary>
internal sealed class WordsOption() : Option<string?>("--words")
{
    /// <summary>The option.</summary>
    public static WordsOption Create()
        => new() { Description = "YAML of concept words; those of the tabletop by default for a policy, none for a text model." };

    /// <summary>Word lists of the file; else the tabletop's words of motion for a policy, and none for any other model.</summary>
    /// <exception cref="VitrineException">The file is none of concept words.</exception>
    public IReadOnlyList<WordList> Lists(ParseResult parsed, Model model)
        => parsed.GetValue(this) is { } path ? WordList.Open(path)
            : model is Policy ? TabletopVocabulary.Concepts
            : [];
}
