using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers;

/// <summary>The patch embedding as one product of matrices, as devices other than the CPU compute it, is the convolution that the references call.</summary>
public sealed class PatchEmbeddingTests
{
    private const int Width = 12;

    /// <remarks>16 and 17 pixels in patches of 5 leave pixels over, which a convolution leaves out.</remarks>
    [Theory]
    [InlineData(28, 28, 7), InlineData(28, 42, 7), InlineData(16, 17, 5), InlineData(14, 14, 14), InlineData(6, 6, 1)]
    public void It_is_the_convolution_and_so_is_its_gradient(int height, int width, int patch)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(6, CPU);
        var (kernel, bias) = (randn([Width, 3, patch, patch], generator: generator), randn([Width], generator: generator));
        var pixels = randn([2, 3, height, width], generator: generator).requires_grad_();
        var (embedded, expected) = (Embedding(kernel, bias, height, width).Multiplied(pixels, height / patch, width / patch), Convolved(pixels, kernel, bias));
        embedded.ShouldBeClose(expected);
        var outer = randn(expected.shape, generator: generator);
        Slope(embedded).ShouldBeClose(Slope(expected), "gradient to the pixels");

        Tensor Slope(Tensor answer) => autograd.grad([(answer * outer).sum()], [pixels])[0];
    }

    private static Tensor Convolved(Tensor pixels, Tensor kernel, Tensor bias)
        => nn.functional.conv2d(pixels, kernel, bias, strides: [kernel.shape[2], kernel.shape[2]]).flatten(2).transpose(1, 2);   // (B, P, d)

    /// <summary>Positions are zero, and follow a picture that is no square.</summary>
    private static PatchEmbedding Embedding(Tensor kernel, Tensor bias, int height, int width)
    {
        var patch = (int)kernel.shape[2];
        var side = Math.Max(height, width);
        var spec = new TowerSpec(side, patch, ClassToken: false, Registers: 0, PositionOnClassToken: false, PositionResampling.Bicubic, TowerFeatures.Normed);
        return new PatchEmbedding(spec, kernel, bias, zeros(1, spec.Positions, kernel.shape[0]), ClassToken: null, Registers: null);
    }
}
