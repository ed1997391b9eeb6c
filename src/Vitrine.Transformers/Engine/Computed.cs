using Vitrine.Transformers.Points;

namespace Vitrine.Transformers.Engine;

/// <summary>The part of a decoder that a run computes.</summary>
/// <param name="Stack">Name of the stack.</param>
/// <param name="FromEmbeddings">Whether what stands in front of block 0 runs too.</param>
/// <param name="First">First block.</param>
/// <param name="Last">Last block.</param>
/// <param name="ToTheEnd">Whether final norm and head run too.</param>
internal sealed record Computed(string Stack, bool FromEmbeddings, int First, int Last, bool ToTheEnd)
{
    /// <param name="shape">The stack.</param>
    /// <param name="start">The block that a cached residual stands in front of; null for the embeddings.</param>
    /// <param name="stopAfter">The last block; null for the whole way.</param>
    /// <exception cref="VitrineException">The stack has no such block, or the run would stop before it starts.</exception>
    public static Computed Of(StackShape shape, int? start, int? stopAfter)
    {
        var first = start ?? 0;
        var last = stopAfter ?? shape.Layers - 1;
        return first >= 0 && first < shape.Layers && last >= first && last < shape.Layers
            ? new Computed(shape.Name, start is null, first, last, stopAfter is null)
            : throw new VitrineException($"run: starts at block {first} and stops after block {last}; stack '{shape.Name}' has {shape.Layers}, counted from 0.");
    }

    /// <summary>Whether a place is computed.</summary>
    public bool Reaches(Address place) => place switch
    {
        { Layer: { } layer } when place.Stack == Stack => layer >= First && layer <= Last,
        { Point: Point.Embed or Point.PreNormIn } => FromEmbeddings,
        _ => ToTheEnd,
    };

    public override string ToString() => $"blocks {First} to {Last} of '{Stack}'{(ToTheEnd ? " and its head" : "")}";
}
