using Vitrine.Transformers.Points;
using Vitrine.Transformers.Weights;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>
/// A row of blocks with what stands before and behind them: a <see cref="Decoder"/> of tokens or a <see cref="Tower"/> of patches. Weights are read-only, so
/// one stack serves many threads.
/// </summary>
public abstract class Stack
{
    private readonly IReadOnlyList<Block> blocks;
    private readonly Lazy<Dictionary<RotarySpec, Rotary>> rotaries;

    private protected Stack(StackShape shape, IReadOnlyList<Block> blocks)
    {
        (Shape, this.blocks) = (shape, blocks);
        rotaries = new(() => blocks.Select(b => b.Spec.Attention.Rotary).OfType<RotarySpec>().Distinct().ToDictionary(r => r, r => new Rotary(r, Device)));
    }

    /// <summary>Sizes and points.</summary>
    public StackShape Shape { get; }

    /// <summary>What the blocks are, in order.</summary>
    public IReadOnlyList<BlockSpec> Specs => [.. blocks.Select(b => b.Spec)];

    /// <summary>What the first block is; the others differ from it at most in their attention (see <see cref="Specs"/>).</summary>
    public BlockSpec Spec => blocks[0].Spec;

    /// <summary>What the stack computes in.</summary>
    /// <remarks>Weights may be kept narrower, as their file has them; they are widened where they are computed with.</remarks>
    public ScalarType Dtype => blocks[0].Weights.Down.Dtype;

    /// <summary>Where its weights lie and its runs compute.</summary>
    public Device Device => blocks[0].Weights.Down.Stored.device;

    /// <summary>Matrices that each token is multiplied with, the unembedding included.</summary>
    public int Matrices => Linears().Count();

    /// <summary>How many of them are read by the one-row product when a single token is decoded; the others go through libtorch.</summary>
    public int RowProducts => Linears().Count(l => l.HasRowProduct);

    /// <summary>How many weights the blocks, their norms and the head hold; embeddings left out.</summary>
    public long Parameters
        => Linears().Sum(l => (l.Outputs * l.Inputs) + (l.Bias?.numel() ?? 0))
            + blocks.SelectMany(b => b.Weights.Norms()).Append(EntryNorm).Append(LastNorm).OfType<Norm>().Sum(n => n.Gain.numel() + (n.Bias?.numel() ?? 0));

    internal IReadOnlyList<Block> Blocks => blocks;

    /// <summary>In front of block 0.</summary>
    internal Norm? EntryNorm { get; init; }

    /// <summary>Behind the last block; null where its norms stand behind the sums.</summary>
    internal Norm? LastNorm { get; init; }

    /// <summary>The unembedding as the file has it.</summary>
    internal Linear? Head { get; init; }

    /// <summary>Folds weights when they are asked for; null where they run as the file has them.</summary>
    internal ProcessedWeights? Processing { get; init; }

    /// <summary>Of the logits.</summary>
    internal SoftCap? LogitCap { get; init; }

    /// <summary>Block behind which features are cut off; -1 where the stack hands on something else.</summary>
    internal int FeaturesAfter { get; init; } = -1;

    /// <summary>Tokens in front that are no part of the features.</summary>
    internal int PrefixTokensCut { get; init; }

    /// <summary>
    /// What stands between what neurons compute and the residual stream: <c>LayerScale</c>, <c>norm</c> or <c>gate</c>; null where they write into it directly.
    /// </summary>
    public string? BehindNeurons => blocks[0].Weights.MlpWriting.Between;

    /// <summary>
    /// Value vectors of a layer (F,d): row i is the direction in which neuron i writes into the residual stream. In <see cref="Dtype"/>, owned by the caller: a
    /// view of the weights where nothing stands between the two and they are kept so.
    /// </summary>
    /// <remarks>
    /// Columns of the down projection (Geva et al. 2021), behind what stands there: times the LayerScale, or times the gain of the norm, centred first where
    /// that is a LayerNorm. A norm's scale depends on the input and multiplies all coordinates alike: of what is written the direction is fixed, not the
    /// length.
    /// </remarks>
    /// <exception cref="VitrineException">The stack has no such layer, or a gate of the pass leaves no fixed direction.</exception>
    public Tensor ValueVectors(int layer) => Released(() => Weights(layer).MlpWriting.Direction(Weights(layer).Down.Weight.t()));

    /// <summary>Value vectors of some neurons of a layer (n,d), in the order asked; only they are read where weights are kept as numbers.</summary>
    /// <exception cref="VitrineException">The stack has no such layer or neuron, or a gate of the pass leaves no fixed direction.</exception>
    public Tensor ValueVectors(int layer, IReadOnlyList<int> neurons)
        => Released(() => Weights(layer).MlpWriting.Direction(Weights(layer).Down.Columns(Places(neurons))));

    /// <summary>
    /// The columns of a layer's down projection as they are (F,d), whatever stands behind them; as <see cref="ValueVectors(int)"/> where nothing does.
    /// </summary>
    /// <exception cref="VitrineException">The stack has no such layer.</exception>
    public Tensor RawValueVectors(int layer) => Released(() => Weights(layer).Down.Weight.t());

    /// <summary>The columns of some neurons of a layer as they are (n,d), in the order asked; only they are read where weights are kept as numbers.</summary>
    /// <exception cref="VitrineException">The stack has no such layer or neuron.</exception>
    public Tensor RawValueVectors(int layer, IReadOnlyList<int> neurons) => Released(() => Weights(layer).Down.Columns(Places(neurons)));

    /// <summary>
    /// What neurons of a layer look for (F,d): row i is the direction with which the normed residual is compared, that of the gate where there is one, else of
    /// the up projection. In <see cref="Dtype"/>, owned by the caller.
    /// </summary>
    /// <remarks>The keys of Geva et al. 2021. A gated neuron multiplies what its gate makes of this with a second product, that of the up projection.</remarks>
    /// <exception cref="VitrineException">The stack has no such layer.</exception>
    public Tensor NeuronKeys(int layer) => Released(() => (Weights(layer).Gate ?? Weights(layer).Up).Weight.alias());

    /// <summary>What some neurons of a layer look for (n,d), in the order asked; only they are read.</summary>
    /// <exception cref="VitrineException">The stack has no such layer or neuron.</exception>
    public Tensor NeuronKeys(int layer, IReadOnlyList<int> neurons) => Released(() => (Weights(layer).Gate ?? Weights(layer).Up).Rows(Places(neurons)));

    /// <summary>
    /// What heads of a layer write (H,hd,d): row c of head h is the direction in which coordinate c of its <c>attn.z</c> is written into the residual stream,
    /// behind what stands there as for <see cref="ValueVectors(int)"/>. In <see cref="Dtype"/>, owned by the caller.
    /// </summary>
    /// <exception cref="VitrineException">The stack has no such layer, or a gate of the pass leaves no fixed direction.</exception>
    public Tensor HeadVectors(int layer) => Released(() =>
        Weights(layer).AttentionWriting.Direction(Weights(layer).Output.Weight.t()).reshape(Shape.Heads, Shape.HeadWidth, Shape.Width));

    /// <summary>
    /// The unembedding (V,d) in <see cref="Dtype"/>: a view of the weights, or a widened copy where they are kept narrower; owned by the caller.
    /// </summary>
    /// <exception cref="VitrineException">The stack speaks no language.</exception>
    public Tensor Unembedding() => Head is null
        ? throw new VitrineException($"stack '{Shape.Name}' has no vocabulary.")
        : Released(() => HeadAsRun()!.Weight.alias());

    /// <summary>What the final norm multiplies each coordinate with (d), a view of the weights, owned by the caller.</summary>
    /// <exception cref="VitrineException">The stack has no final norm.</exception>
    public Tensor FinalGain() => LastNorm is null
        ? throw new VitrineException($"stack '{Shape.Name}' has no final norm.")
        : LastNorm.Gain.alias();

    /// <summary>A block with the weights that it runs with; what is computed for them belongs to the current dispose scope.</summary>
    internal Block At(int layer) => Processing?.Layer(layer) ?? blocks[layer];

    /// <summary>The unembedding with the weights that it runs with; as <see cref="At"/>.</summary>
    internal Linear? HeadAsRun() => Processing is not null && Head is not null ? Processing.Head() : Head;

    /// <summary>Blocks over embeddings; features are cut off behind their block.</summary>
    /// <returns>The residual behind the last block (B,T,d), and the features where the stack hands some on.</returns>
    internal (Tensor Residual, Tensor? Features) Forward(Tensor embedded, Pass pass, KeyValueCache? cache = null, FusedRow? fused = null)
        => Through(Enter(embedded, pass), pass, cache, 0, blocks.Count - 1, fused);

    /// <summary>The rotation of a specification.</summary>
    internal Rotary RotaryOf(RotarySpec spec) => rotaries.Value[spec];

    /// <summary>The residual in front of block 0 (B,T,d).</summary>
    internal Tensor Enter(Tensor embedded, Pass pass)
    {
        var own = pass.Plan.Of(Shape.Name);
        return own.At(Point.Embed, EntryNorm is null ? embedded : EntryNorm.Apply(own.At(Point.EntryNormIn, embedded, pass)), pass);
    }

    /// <summary>A range of blocks over a residual, both ends included.</summary>
    /// <param name="x">(B,T,d).</param>
    /// <param name="pass">Over the tokens.</param>
    /// <param name="cache">Of keys and values; null for none.</param>
    /// <param name="first">Block.</param>
    /// <param name="last">Block.</param>
    /// <param name="fused">For a pass over one token of one row: runs blocks that nobody looks into, without tensors.</param>
    internal (Tensor Residual, Tensor? Features) Through(Tensor x, Pass pass, KeyValueCache? cache, int first, int last, FusedRow? fused = null)
    {
        Dictionary<RotarySpec, (Tensor Cos, Tensor Sin)>? rotations = null;
        Tensor? features = null;
        fused?.Begin(pass.LastOwnPlace, pass.PositionShift?[0] ?? 0);
        var isInBuffer = false;
        for (var layer = first; layer <= last; layer++)
        {
            var slots = pass.Plan.In(Shape.Name, layer);
            if (fused is not null && slots.IsEmpty)
            {
                if (!isInBuffer)
                {
                    fused.Take(x);
                    isInBuffer = true;
                }

                fused.Through(layer);
                pass.Run.FusedBlocks++;
                continue;
            }

            if (isInBuffer)
            {
                x = fused!.Give();
                isInBuffer = false;
            }

            rotations ??= rotaries.Value.ToDictionary(r => r.Key, r => r.Value.Tables(pass, Dtype));
            pass.Rotation = blocks[layer].Spec.Attention.Rotary is { } rotary ? rotations[rotary] : null;
            using (var scope = NewDisposeScope())
            {
                x = At(layer).Forward(x, slots, pass, cache, layer).MoveToOuterDisposeScope();
            }

            x = pass.AddedBehind?.Invoke(pass, layer) is { } added ? x.Plus(added) : x;
            if (layer == FeaturesAfter)
            {
                // In memory of its own: what is read of a slice of several rows may be rounded otherwise than a copy of it.
                var patches = x.narrow(1, PrefixTokensCut, x.shape[1] - PrefixTokensCut).contiguous();
                features = pass.Plan.Of(Shape.Name).At(Point.Features, patches, pass);
            }
        }

        return (isInBuffer ? fused!.Give() : x, features);
    }

    /// <summary>The normed residual (B,T,d), or the residual where the last block's norms stand behind its sums.</summary>
    internal Tensor FinalNorm(Tensor residual, Pass pass)
        => LastNorm is null ? residual : pass.Plan.Of(Shape.Name).At(Point.FinalNorm, LastNorm.Apply(residual, pass.Condition).Normed, pass);

    /// <summary>Logits (B,T,V) of normed residuals.</summary>
    internal Tensor Logits(Tensor normed, Pass pass)
    {
        var logits = HeadAsRun()!.Apply(normed);
        return pass.Plan.Of(Shape.Name).At(Point.Logits, LogitCap is null ? logits : LogitCap.Apply(logits), pass);
    }

    /// <summary>Logits (B,T,V) of residuals from any block, through the last norm and the head; owned by the current dispose scope.</summary>
    /// <exception cref="VitrineException">The stack speaks no language, or its last norm needs a condition.</exception>
    internal Tensor Spoken(Tensor residual)
    {
        var head = HeadAsRun() ?? throw new VitrineException($"stack '{Shape.Name}' has no vocabulary.");
        var logits = head.Apply(LastNorm is null ? residual : LastNorm.Apply(residual, condition: null).Normed);
        return LogitCap is null ? logits : LogitCap.Apply(logits);
    }

    /// <summary>Logits (B,T,n) of chosen tokens alone, of which no others' weights are read; owned by the current dispose scope.</summary>
    /// <param name="residual">(B,T,d), from any block.</param>
    /// <param name="ids">Of the vocabulary.</param>
    /// <exception cref="VitrineException">As <see cref="Spoken(Tensor)"/> says.</exception>
    internal Tensor Spoken(Tensor residual, IReadOnlyList<int> ids)
    {
        var head = HeadAsRun() ?? throw new VitrineException($"stack '{Shape.Name}' has no vocabulary.");
        var rows = tensor(ids.Select(id => (long)id).ToArray(), device: Device);
        var logits = nn.functional.linear(
            LastNorm is null ? residual : LastNorm.Apply(residual, condition: null).Normed, head.Rows(rows),
            head.Bias?.index_select(0, rows));
        return LogitCap is null ? logits : LogitCap.Apply(logits);
    }

    private BlockWeights Weights(int layer) => layer >= 0 && layer < blocks.Count
        ? At(layer).Weights
        : throw new VitrineException($"layer {layer}: stack '{Shape.Name}' has {blocks.Count} layers, counted from 0.");

    private IEnumerable<Linear> Linears()
        => blocks.Select(b => b.Weights)
            .SelectMany(w => new[] { w.Query, w.Key, w.Value, w.Output, w.Cross?.Query, w.Cross?.Key, w.Cross?.Value, w.Cross?.Output, w.Gate, w.Up, w.Down })
            .Append(Head).OfType<Linear>();

    /// <summary>Indices of neurons, (n) int64.</summary>
    private Tensor Places(IReadOnlyList<int> neurons)
    {
        ArgumentNullException.ThrowIfNull(neurons);
        foreach (var neuron in neurons.Where(n => n < 0 || n >= Shape.Neurons))
        {
            throw new VitrineException($"neuron {neuron}: stack '{Shape.Name}' has {Shape.Neurons} in a layer, counted from 0.");
        }

        return tensor([.. neurons.Select(n => (long)n)], device: Weights(0).Down.Stored.device);
    }

    private static Tensor Released(Func<Tensor> compute)
    {
        using var scope = NewDisposeScope();
        return compute().MoveToOuterDisposeScope();
    }
}
