using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>An image tower: patches, blocks, features.</summary>
public sealed class VisionStack
{
    private readonly PatchEmbedding embedding;

    internal VisionStack(Stack stack, PatchEmbedding embedding) => (Stack, this.embedding) = (stack, embedding);

    /// <summary>The blocks.</summary>
    public Stack Stack { get; }

    /// <summary>What stands around them.</summary>
    public TowerSpec Spec => embedding.Spec;

    /// <summary>Pixels on a side of the square pictures of the training.</summary>
    public int ImageSize => Spec.ImageSize;

    /// <summary>Patches on a side of such a picture.</summary>
    public int Grid => Spec.Grid;

    /// <summary>Class and register tokens in front of the patches.</summary>
    public int PrefixTokens => Spec.PrefixTokens;

    /// <summary>Pools by attention; null where the class token stands for the picture, or nothing.</summary>
    internal AttentionPool? Pool { get; init; }

    /// <summary>On the class token, with tanh; null for the token as it is.</summary>
    internal Linear? Pooler { get; init; }

    /// <param name="pixels">(B,3,H,W), normalised.</param>
    /// <param name="plan">Bound to the model.</param>
    /// <param name="kept">Receives what is captured.</param>
    /// <returns>Features (B,tokens,d), and the pooled output (B,d) where the whole depth runs and the family has one.</returns>
    internal (Tensor Features, Tensor? Pooled) Forward(Tensor pixels, BoundPlan plan, Dictionary<Address, Tensor> kept)
    {
        Require(pixels);
        var embedded = embedding.Apply(pixels.to(Stack.Dtype));
        var positions = Enumerable.Range(0, (int)embedded.shape[1]).Select(i => (long)i).ToArray();
        using var pass = new Pass(0, [.. Enumerable.Repeat(positions, (int)embedded.shape[0])], [], [.. Enumerable.Repeat(positions.LongLength, (int)embedded.shape[0])], causal: false, plan, kept);
        var (residual, cut) = Stack.Forward(embedded, pass);
        var own = plan.Of(Stack.Shape.Name);
        if (Stack.LastNorm is null)
        {
            return (cut!, null);
        }

        if (Spec.Features == TowerFeatures.Residual)
        {
            var whole = own.At(Point.Features, residual, pass);
            return (whole, Stack.FinalNorm(whole.select(1, 0), pass));                                     // CLIP norms the class token alone
        }

        var normed = Stack.FinalNorm(residual, pass);                                                      // (B, T, d)
        if (cut is null)
        {
            normed = own.At(Point.Features, normed, pass);
        }

        var pooled = Pool?.Forward(normed, pass, Stack.Shape.Name) ?? (Spec.ClassToken ? normed.select(1, 0) : null);
        return (cut ?? normed, pooled is not null && Pooler is not null ? Pooler.Apply(pooled).tanh() : pooled);
    }

    private void Require(Tensor pixels)
    {
        var fits = pixels.dim() == 4 && pixels.shape[0] > 0 && pixels.shape[1] == 3;
        var native = fits && pixels.shape[2] == ImageSize && pixels.shape[3] == ImageSize;
        var resampled = fits && Spec.Resampling != PositionResampling.None && pixels.shape[2] >= Spec.PatchSize && pixels.shape[3] >= Spec.PatchSize
            && pixels.shape[2] % Spec.PatchSize == 0 && pixels.shape[3] % Spec.PatchSize == 0;
        if (!native && !resampled)
        {
            var others = Spec.Resampling == PositionResampling.None ? "" : $", or sides that are multiples of {Spec.PatchSize}";
            throw new VitrineException($"stack '{Stack.Shape.Name}': pixels are [{string.Join(", ", pixels.shape)}]; expected [B, 3, {ImageSize}, {ImageSize}]{others}.");
        }
    }
}
