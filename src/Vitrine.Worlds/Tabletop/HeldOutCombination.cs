namespace Vitrine.Worlds.Tabletop;

/// <summary>Which instructions a world gives, where some combinations of colour and shape are held out.</summary>
public enum CombinationUse
{
    /// <summary>All.</summary>
    All,

    /// <summary>None that names a combination which is held out: to train in.</summary>
    Seen,

    /// <summary>Those alone that name one: to test generalisation in. <c>move</c>, which names no object, is as it was.</summary>
    HeldOut,
}

/// <summary>A colour and a shape that instructions of a training name one by one, never together.</summary>
/// <param name="Colour">
/// The name of a colour, for all its words (<c>red</c>), or another of its words, for that alone (<c>crimson</c>).
/// </param>
/// <param name="Shape">The name of a shape, or another of its words, likewise.</param>
public sealed record HeldOutCombination(string Colour, string Shape)
{
    /// <summary>Reads <c>red cone</c>.</summary>
    /// <exception cref="VitrineException">It is no colour and shape.</exception>
    public static HeldOutCombination Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var colour, var shape] && Is<ObjectColour>(colour) && Is<ObjectShape>(shape)
            ? new(colour, shape)
            : throw new VitrineException($"held-out combination '{text}': expected a colour and a shape, such as 'red cone' or 'crimson cone'.");
    }

    /// <summary>Whether an instruction names it.</summary>
    public bool IsNamedBy(string instruction)
    {
        ArgumentNullException.ThrowIfNull(instruction);
        var words = instruction.Split(' ');
        return words.Index().Skip(1).Any(w => Fits(Colour, words[w.Index - 1]) && Fits(Shape, w.Item));
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Colour} {Shape}";

    private static bool Fits(string held, string word)
        => held == word || (TabletopVocabulary.ConceptOf(word) is { } concept && concept.Name == held);

    private static bool Is<T>(string word) where T : struct, Enum
        => TabletopVocabulary.ConceptOf(word) is { } concept && Enum.TryParse<T>(concept.Name, ignoreCase: true, out _);
}
