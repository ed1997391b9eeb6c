namespace Vitrine.Transformers.Points;

/// <summary>What a stack is made of, as addresses and edits see it.</summary>
/// <param name="Name">First part of its addresses.</param>
/// <param name="Layers">How many blocks run.</param>
/// <param name="Width">d, width of the residual stream.</param>
/// <param name="Heads">H.</param>
/// <param name="KeyValueHeads">Hkv.</param>
/// <param name="HeadWidth">hd.</param>
/// <param name="Neurons">F, feed-forward neurons in a block.</param>
/// <param name="Vocabulary">V, or 0 for a stack that speaks no language.</param>
/// <param name="Points">Those that exist in it: the vocabulary's, and the model's own.</param>
public sealed record StackShape(
    string Name, int Layers, int Width, int Heads, int KeyValueHeads, int HeadWidth, int Neurons, int Vocabulary, IReadOnlySet<Point> Points)
{
    /// <summary>Stacks whose tokens it reads by their keys and values, or by their output; none where it reads its own alone.</summary>
    public IReadOnlyList<string> Reads { get; init; } = [];

    /// <summary>The shape of a part of a model that is no stack of blocks: a projector, a head.</summary>
    /// <param name="name">First part of its addresses.</param>
    /// <param name="width">Size of its points' last axis, where they do not say it themselves.</param>
    /// <param name="points">Its points, none of them in a block.</param>
    public static StackShape Part(string name, int width, params Point[] points) => new(name, 0, width, 0, 0, 0, 0, 0, points.ToHashSet());

    /// <summary>Every place of the stack, in the order of the forward pass, without steps.</summary>
    public IEnumerable<Address> Places()
    {
        Point[] ordered = [.. Points.Order()];
        for (var layer = 0; layer < Layers; layer++)
        {
            foreach (var point in ordered.Where(p => p.IsInBlock))
            {
                yield return new Address(Name, layer, point);
            }
        }

        foreach (var point in ordered.Where(p => !p.IsInBlock))
        {
            yield return new Address(Name, null, point);
        }
    }

    /// <summary>The same stack with further points of a model's own.</summary>
    public StackShape With(params Point[] points) => this with { Points = Points.Concat(points).ToHashSet() };
}
