using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>The texts of a model of pictures and texts: a stack of tokens whose end token, projected, stands for the text.</summary>
/// <param name="Decoder">Embedding and blocks.</param>
/// <param name="Projection">Into the common space.</param>
/// <param name="EndToken">Of config.json.</param>
/// <param name="LogitScale">Logarithm of the factor on cosines.</param>
internal sealed record TextSide(Decoder Decoder, Linear Projection, int EndToken, Tensor LogitScale)
{
    /// <summary>Texts in the common space, not normalised (B,P).</summary>
    public Tensor Forward(RunScope run, TokenBatch batch)
    {
        var input = DecoderInput.Of(Decoder, batch);
        using var pass = Decoder.PassOver(run, input);
        var normed = Decoder.FinalNorm(Decoder.Residual(input, pass, from: null), pass);      // (B, T, d)
        normed = pass.Plan.Of(Decoder.Shape.Name).At(Point.Features, normed, pass);
        return Projection.Apply(Engine.Decoder.Pick(normed, [.. batch.Ids.Select(EndOf)]));
    }

    /// <remarks>
    /// The first end token stands for the text. Old configurations say 2, which is wrong for the vocabulary; the reference then takes the largest id, which is
    /// the end token there (transformers, modeling_clip.py).
    /// </remarks>
    private long EndOf(IReadOnlyList<int> row)
    {
        var end = EndToken == 2 ? row.Max() : EndToken;
        var at = row.TakeWhile(id => id != end).LongCount();
        return at < row.Count ? at : 0;
    }
}
