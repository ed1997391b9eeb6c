using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>A row of blocks with what stands before and behind them. Weights are read-only, so one stack serves many threads.</summary>
public sealed class Stack
{
    private readonly IReadOnlyList<Block> blocks;
    private readonly Norm? finalNorm;
    private readonly Linear? head;
    private readonly int featuresAfter;
    private readonly int prefixTokens;
    private readonly Tensor? frequencies;

    internal Stack(StackShape shape, BlockSpec spec, IReadOnlyList<Block> blocks, Norm? finalNorm = null, Linear? head = null, int featuresAfter = -1, int prefixTokens = 0)
    {
        (Shape, Spec, this.blocks, this.finalNorm, this.head, this.featuresAfter, this.prefixTokens) = (shape, spec, blocks, finalNorm, head, featuresAfter, prefixTokens);
        frequencies = spec.Attention.Rotary is { } rotary ? Frequencies(rotary, spec.Attention.HeadWidth) : null;
    }

    /// <summary>Sizes and points.</summary>
    public StackShape Shape { get; }

    /// <summary>What every block is.</summary>
    public BlockSpec Spec { get; }

    /// <summary>What the stack computes in.</summary>
    public ScalarType Dtype => blocks[0].Weights.Down.Weight.dtype;

    /// <summary>Value vectors of a layer (F,d): row i is what neuron i writes. A view of the weights, owned by the caller.</summary>
    /// <remarks>Columns of the down projection (Geva et al. 2021).</remarks>
    /// <exception cref="VitrineException">The stack has no such layer.</exception>
    public Tensor ValueVectors(int layer) => layer >= 0 && layer < blocks.Count
        ? blocks[layer].Weights.Down.Weight.t()
        : throw new VitrineException($"layer {layer}: stack '{Shape.Name}' has {blocks.Count} layers, counted from 0.");

    /// <summary>The unembedding (V,d), a view of the weights, owned by the caller.</summary>
    /// <exception cref="VitrineException">The stack speaks no language.</exception>
    public Tensor Unembedding() => head is null
        ? throw new VitrineException($"stack '{Shape.Name}' has no vocabulary.")
        : head.Weight.alias();

    /// <summary>What the final norm multiplies each coordinate with (d), owned by the caller.</summary>
    /// <remarks>
    /// Read off the norm's answer to +1, -1, +1, ...: mean 0 and mean square 1, so that it is the gain however a family stores it (w, or 1 + w),
    /// up to the norm's epsilon, which is taken out again, and to rounding.
    /// </remarks>
    /// <exception cref="VitrineException">The stack has no final norm.</exception>
    public Tensor FinalGain()
    {
        if (finalNorm is null)
        {
            throw new VitrineException($"stack '{Shape.Name}' has no final norm.");
        }

        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var signs = tensor(Enumerable.Range(0, Shape.Width).Select(i => i % 2 == 0 ? 1f : -1f).ToArray(), [1, 1, Shape.Width]).to(Dtype);
        var scale = tensor((float)Math.Sqrt(1 + finalNorm.Spec.Epsilon)).to(Dtype);
        return ((finalNorm.Apply(signs) - finalNorm.Apply(zeros_like(signs))) * signs * scale).reshape(-1).MoveToOuterDisposeScope();
    }

    /// <summary>Blocks over a residual; features are cut off behind their block.</summary>
    /// <returns>The residual behind the last block (B,T,d), and the features where the stack hands some on.</returns>
    internal (Tensor Residual, Tensor? Features) Forward(Tensor embedded, Pass pass, KeyValueCache? cache = null)
    {
        var own = pass.Plan.Of(Shape.Name);
        pass.Rotation = frequencies is null ? null : Rotation(pass);
        var x = own.At(Point.Embed, embedded, pass);
        Tensor? features = null;
        for (var layer = 0; layer < blocks.Count; layer++)
        {
            using (var scope = NewDisposeScope())
            {
                x = blocks[layer].Forward(x, pass.Plan.In(Shape.Name, layer), pass, cache, layer).MoveToOuterDisposeScope();
            }

            if (layer == featuresAfter)
            {
                features = own.At(Point.Features, x.narrow(1, prefixTokens, x.shape[1] - prefixTokens), pass);
            }
        }

        return (x, features);
    }

    /// <summary>The normed residual (B,T,d).</summary>
    internal Tensor FinalNorm(Tensor residual, Pass pass) => pass.Plan.Of(Shape.Name).At(Point.FinalNorm, finalNorm!.Apply(residual), pass);

    /// <summary>Logits (B,T,V) of normed residuals.</summary>
    internal Tensor Logits(Tensor normed, Pass pass) => pass.Plan.Of(Shape.Name).At(Point.Logits, head!.Apply(normed), pass);

    private (Tensor Cos, Tensor Sin) Rotation(Pass pass)
    {
        var angles = pass.PositionIds().to(float32).unsqueeze(-1) * frequencies!;                          // (B, T, hd/2)
        var full = cat([angles, angles], -1).unsqueeze(2);                                                 // (B, T, 1, hd)
        return (full.cos().to(Dtype), full.sin().to(Dtype));
    }

    /// <remarks>Reference implementations compute wavelengths and angles in float32 (transformers, modeling_rope_utils.py), so do we.</remarks>
    private static Tensor Frequencies(RotarySpec rotary, int width)
        => tensor(Enumerable.Range(0, width / 2).Select(i => 1 / MathF.Pow((float)rotary.Theta, 2 * i / (float)width)).ToArray()).DetachFromDisposeScope();
}
