using Vitrine.Transformers.Points;

namespace Vitrine.Transformers.Engine;

/// <summary>The part of a decoder that a run computes.</summary>
/// <param name="Stack">Name of the stack.</param>
/// <param name="FromEmbeddings">Whether what stands in front of block 0 runs too.</param>
/// <param name="First">First block.</param>
/// <param name="Last">Last block.</param>
/// <param name="ToTheEnd">Whether final norm and head run too.</param>
internal sealed record BlockRange(string Stack, bool FromEmbeddings, int First, int Last, bool ToTheEnd)
{
    /// <param name="shape">The stack.</param>
    /// <param name="start">The block that a cached residual stands in front of; null for the embeddings.</param>
    /// <param name="stopAfter">The last block; null for the whole way.</param>
    /// <exception cref="VitrineException">The stack has no such block, or the run would stop before it starts.</exception>
    public static BlockRange Of(StackShape shape, int? start, int? stopAfter)
    {
        var first = start ?? 0;
        var last = stopAfter ?? shape.Layers - 1;
        return first >= 0 && first < shape.Layers && last >= first && last < shape.Layers
            ? new BlockRange(shape.Name, start is null, first, last, stopAfter is null)
            : throw new VitrineException(
                $"run: starts at block {first} and stops after block {last}; stack '{shape.Name}' has {shape.Layers}, counted from 0.");
    }

    /// <summary>
    /// Whether a place is computed. Stacks in front of this one are, where it starts from their output; what stands behind it where it runs to its end.
    /// </summary>
    public bool Reaches(Address place)
        => place.Stack == Stack && place.Layer is { } layer ? layer >= First && layer <= Last
            : place.Stack == Stack && (place.Point == Point.Embed || place.Point == Point.EntryNormIn) ? FromEmbeddings
            : place.Stack == Stack || !InFront.Contains(place.Stack) ? ToTheEnd
            : FromEmbeddings;

    /// <summary>Stacks whose output this one reads.</summary>
    public IReadOnlySet<string> InFront { get; init; } = new HashSet<string>();

    public override string ToString() => $"blocks {First} to {Last} of '{Stack}'{(ToTheEnd ? " and its head" : "")}";
}
