namespace Vitrine.Mechanisms.Metrics;

/// <summary>What an input is.</summary>
public enum InputKind
{
    /// <summary>A token of a text.</summary>
    Word,

    /// <summary>A patch of a picture.</summary>
    Patch,

    /// <summary>What a robot measures of itself.</summary>
    State,
}

/// <summary>One input of a model, where it enters.</summary>
/// <param name="Position">In the sequence of the stack that reads it.</param>
/// <param name="Name">For tables: the word, the patch's place, <c>state</c>.</param>
/// <param name="Kind">What it is.</param>
public sealed record InputToken(int Position, string Name, InputKind Kind)
{
    /// <summary>Whose picture the patch is of; null where there is one picture, or for others.</summary>
    public string? Camera { get; init; }

    /// <summary>Row of the patch in its picture, from 0.</summary>
    public int Row { get; init; }

    /// <summary>Column of the patch in its picture, from 0.</summary>
    public int Column { get; init; }
}
