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

    internal Stack(StackShape shape, BlockSpec spec, IReadOnlyList<Block> blocks, Norm? finalNorm = null, Linear? head = null, int featuresAfter = -1, int prefixTokens = 0)
    {
        (Shape, Spec, this.blocks, this.finalNorm, this.head, this.featuresAfter, this.prefixTokens) = (shape, spec, blocks, finalNorm, head, featuresAfter, prefixTokens);
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

    /// <summary>Blocks over a residual; features are cut off behind their block.</summary>
    /// <returns>The residual behind the last block (B,T,d), and the features where the stack hands some on.</returns>
    internal (Tensor Residual, Tensor? Features) Forward(Tensor embedded, Pass pass, KeyValueCache? cache = null)
    {
        var own = pass.Plan.Of(Shape.Name);
        pass.Rotation = Spec.Attention.Rotary is { } rotary ? Rotation(rotary, pass) : null;
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

    /// <remarks>HF computes the wavelengths and angles in float32 (modeling_llama.py), so do we.</remarks>
    private (Tensor Cos, Tensor Sin) Rotation(RotarySpec rotary, Pass pass)
    {
        var width = Spec.Attention.HeadWidth;
        var exponents = arange(0, width, 2, ScalarType.Int64).to(float32) / width;
        var frequencies = 1.0 / pow(tensor((float)rotary.Theta), exponents);                              // (hd/2)
        var angles = pass.PositionIds().to(float32).unsqueeze(-1) * frequencies;                           // (B, T, hd/2)
        var full = cat([angles, angles], -1).unsqueeze(2);                                                 // (B, T, 1, hd)
        return (full.cos().to(Dtype), full.sin().to(Dtype));
    }
}
