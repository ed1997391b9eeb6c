using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>An image tower: patches, blocks, features.</summary>
public sealed class VisionStack
{
    private readonly TimmVisionTransformer.Config config;
    private readonly PatchEmbedding embedding;
    private readonly AttentionPool? pool;

    internal VisionStack(Stack stack, TimmVisionTransformer.Config config, PatchEmbedding embedding, AttentionPool? pool)
        => (Stack, this.config, this.embedding, this.pool) = (stack, config, embedding, pool);

    /// <summary>The blocks.</summary>
    public Stack Stack { get; }

    /// <summary>Pixels on a side of the square picture.</summary>
    public int ImageSize => config.ImageSize;

    /// <summary>Patches on a side.</summary>
    public int Grid => config.ImageSize / config.PatchSize;

    /// <summary>Class and register tokens in front of the patches.</summary>
    public int PrefixTokens => config.PrefixTokens;

    /// <param name="pixels">(B,3,S,S), normalised.</param>
    /// <param name="plan">Bound to the model.</param>
    /// <param name="kept">Receives what is captured.</param>
    /// <returns>Features (B,patches,d) without prefix tokens, and the pooled output (B,d) where the whole depth runs.</returns>
    internal (Tensor Features, Tensor? Pooled) Forward(Tensor pixels, BoundPlan plan, Dictionary<Address, Tensor> kept)
    {
        if (pixels.dim() != 4 || pixels.shape[1] != 3 || pixels.shape[2] != config.ImageSize || pixels.shape[3] != config.ImageSize)
        {
            throw new VitrineException($"stack '{Stack.Shape.Name}': pixels are [{string.Join(", ", pixels.shape)}]; expected [B, 3, {config.ImageSize}, {config.ImageSize}].");
        }

        var embedded = Embedded(pixels.to(Stack.Dtype));
        var positions = Enumerable.Range(0, (int)embedded.shape[1]).Select(i => (long)i).ToArray();
        using var pass = new Pass(0, [.. Enumerable.Repeat(positions, (int)embedded.shape[0])], [], [.. Enumerable.Repeat(positions.LongLength, (int)embedded.shape[0])], causal: false, plan, kept);
        var (residual, features) = Stack.Forward(embedded, pass);
        if (!Stack.Shape.Points.Contains(Point.FinalNorm))
        {
            return (features!, null);
        }

        var normed = Stack.FinalNorm(residual, pass);
        return (features!, pool?.Forward(normed, pass, Stack.Shape.Name) ?? normed.select(1, 0));
    }

    /// <remarks>Class token, registers, then patches; positions are added to the patches before the prefix is put in front, unless the table has rows for it.</remarks>
    private Tensor Embedded(Tensor pixels)
    {
        var patches = nn.functional.conv2d(pixels, embedding.Kernel, embedding.Bias, strides: [config.PatchSize, config.PatchSize]).flatten(2).transpose(1, 2);   // (B, P, d)
        var prefix = new[] { embedding.ClassToken, embedding.Registers }.OfType<Tensor>().Select(t => t.expand(patches.shape[0], -1, -1)).ToArray();
        return config.PositionsOnPrefix
            ? cat([.. prefix, patches], 1) + embedding.Positions
            : cat([.. prefix, patches + embedding.Positions], 1);
    }
}
