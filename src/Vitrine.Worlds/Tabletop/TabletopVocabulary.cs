using Vitrine.Mechanisms.Concepts;

namespace Vitrine.Worlds.Tabletop;

/// <summary>The words of the tabletop's language, by concept, in the order in which their token ids count up.</summary>
public static class TabletopVocabulary
{
    private static readonly (string, string)[] Opposites = [("fast", "slow"), ("high", "low"), ("up", "down"), ("left", "right"), ("forward", "backward")];
    private static readonly Dictionary<string, WordList> ByName, ByWord;

    static TabletopVocabulary()
    {
        ByName = Concepts.ToDictionary(c => c.Name);
        ByWord = Concepts.SelectMany(c => c.Words, (c, word) => (c, word)).ToDictionary(p => p.word, p => p.c);
    }

    /// <summary>All concepts.</summary>
    public static IReadOnlyList<WordList> Concepts { get; } =
    [
        List("fast quickly rapidly swiftly speedily hurriedly briskly promptly"),
        List("slowly gently carefully cautiously gradually softly calmly patiently", "slow"),
        List("high highly overhead elevated above raised aloft tall"),
        List("low lowly beneath lowered below under underneath flat"),
        List("up upward upwards skyward"),
        List("down downward downwards groundward"),
        List("left leftward leftwards west port"),
        List("right rightward rightwards east starboard"),
        List("forward forwards ahead onward north"),
        List("backward backwards back rearward south"),
        List("red crimson scarlet ruby"),
        List("green emerald lime olive"),
        List("blue azure navy cobalt"),
        List("yellow golden amber lemon"),
        List("purple violet lilac plum"),
        List("cube block box brick"),
        List("ball sphere orb marble"),
        List("cone pyramid triangle wedge"),
        List("reach approach touch visit"),
        List("lift grab grasp take"),
        List("push shove nudge slide"),
        List("move go travel shift"),
        List("open released empty"),
        List("closed shut gripping"),
    ];

    /// <summary>The words of a concept.</summary>
    /// <exception cref="VitrineException">There is no such concept.</exception>
    public static WordList Concept(string name)
        => ByName.GetValueOrDefault(name) ?? throw new VitrineException($"tabletop: no concept '{name}'; there are {string.Join(", ", ByName.Keys)}.");

    /// <summary>What of an action a concept is about: <c>speed</c>, or a dimension; null where it names an object, a colour or a verb.</summary>
    public static string? MetricOf(string concept) => concept switch
    {
        "fast" or "slow" => "speed",
        "high" or "low" or "up" or "down" => "dz",
        "left" or "right" => "dx",
        "forward" or "backward" => "dy",
        "open" or "closed" => "gripper",
        _ => null,
    };

    /// <summary>The concept that a word belongs to, or null.</summary>
    public static WordList? ConceptOf(string word) => ByWord.GetValueOrDefault(word);

    private static WordList List(string words, string? name = null)
    {
        name ??= words[..words.IndexOf(' ')];
        var opposite = Opposites.Where(p => p.Item1 == name).Select(p => p.Item2).Concat(Opposites.Where(p => p.Item2 == name).Select(p => p.Item1))
            .FirstOrDefault();
        return new(name, words.Split(' '), opposite);
    }
}
