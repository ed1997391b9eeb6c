using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>The text tower of a model of pictures and texts.</summary>
public sealed class TextTower
{
    private readonly Linear projection;
    private readonly long endToken;

    internal TextTower(TextStack text, Linear projection, long endToken, Tensor logitScale) => (Text, this.projection, this.endToken, LogitScale) = (text, projection, endToken, logitScale);

    /// <summary>Embedding and blocks.</summary>
    public TextStack Text { get; }

    /// <summary>Logarithm of the factor on cosines.</summary>
    internal Tensor LogitScale { get; }

    /// <summary>Texts in the common space, not normalised (B,P).</summary>
    internal Tensor Forward(TokenBatch batch, BoundPlan plan, Dictionary<Address, Tensor> kept)
    {
        using var pass = Text.NewPass(batch, 0, plan, kept);
        var ids = tensor([.. batch.Ids.SelectMany(r => r)], [batch.Ids.Count, batch.Ids[0].Count]);
        var normed = Text.Forward(Text.Embed(ids), pass);                                                  // (B, T, d)
        normed = plan.Of(Text.Stack.Shape.Name).At(Point.Features, normed, pass);
        var ends = tensor([.. batch.Ids.Select(EndOf)]);
        return projection.Apply(normed.index(TensorIndex.Tensor(tensor([.. Enumerable.Range(0, batch.Ids.Count).Select(i => (long)i)])), TensorIndex.Tensor(ends)));
    }

    /// <remarks>
    /// The first end token stands for the text. Old configurations say 2, which is wrong for the vocabulary; the reference then takes the largest id, which is the end
    /// token there (transformers, modeling_clip.py).
    /// </remarks>
    private long EndOf(IReadOnlyList<long> row)
    {
        var end = endToken == 2 ? row.Max() : endToken;
        var at = row.TakeWhile(id => id != end).LongCount();
        return at < row.Count ? at : 0;
    }
}
