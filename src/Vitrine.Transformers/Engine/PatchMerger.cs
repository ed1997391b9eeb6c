using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>Squares of neighbouring patches to tokens of a decoder: a norm, two matrices with exact GELU between them (Qwen2.5-VL, Qwen3-VL).</summary>
/// <param name="Norm">Of each patch, or of the whole square.</param>
/// <param name="OfSquare">Which of the two.</param>
/// <param name="Up">Of the square.</param>
/// <param name="Down">To the decoder.</param>
internal sealed record PatchMerger(Norm Norm, bool OfSquare, Linear Up, Linear Down)
{
    /// <param name="x">(1,P,d), the patches of a square behind each other.</param>
    /// <returns>(1,P/m^2,width of the decoder).</returns>
    public Tensor Apply(Tensor x)
    {
        var square = Up.Inputs;
        var read = OfSquare ? Norm.Apply(x.reshape(1, -1, square)) : Norm.Apply(x).reshape(1, -1, square);
        return Down.Apply(nn.functional.gelu(Up.Apply(read)));
    }
}
