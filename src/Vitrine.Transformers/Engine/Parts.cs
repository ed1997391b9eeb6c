using TorchSharp;
using Vitrine.Checkpoints.Gguf;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>y = x W^T + b, W as [out, in]; files that store [in, out] are seen through a transposed view.</summary>
internal sealed record Linear
{
    /// <summary>Weights that are widened at a time: 4 MB of float32, for which a product finds work enough.</summary>
    private const long TileWeights = 1 << 20;

    private readonly StoredTensor stored;
    private readonly StoredTensor? bias;
    private readonly IRowProduct? oneRow;

    /// <param name="stored">
    /// W as it is kept: in the precision that is computed in, or narrower, as the file has it; or the bytes of its rows (out, row bytes), where they are
    /// blocks.
    /// </param>
    /// <param name="bias">In the precision that is computed in; null for none.</param>
    /// <param name="dtype">What is computed in.</param>
    /// <param name="blocks">What the rows of <paramref name="stored"/> are where they are blocks of a .gguf file; null where they are numbers.</param>
    public Linear(StoredTensor stored, StoredTensor? bias, ScalarType dtype, BlockRows? blocks = null)
    {
        (this.stored, this.bias, Dtype, Blocks) = (stored, bias, dtype, blocks);
        oneRow = !stored.IsHere ? null
            : (IRowProduct?)RowProduct.Of(stored.Value, blocks) ?? (blocks is null ? PlainProduct.Of(stored.Value) : null);
    }

    public Linear(Tensor weight, Tensor? bias)
        : this(weight, (StoredTensor?)bias, weight.dtype)
    {
    }

    /// <summary>W as it is kept: see the constructor.</summary>
    public Tensor Stored => stored.Value;

    /// <summary>In the precision that is computed in; null for none.</summary>
    public Tensor? Bias
    {
        get => bias?.Value;
        init => bias = value;
    }

    /// <summary>What is computed in.</summary>
    public ScalarType Dtype { get; }

    /// <summary>What the rows of <see cref="Stored"/> are where they are blocks of a .gguf file; null where they are numbers.</summary>
    public BlockRows? Blocks { get; }

    public long Outputs => stored.Shape[0];

    public long Inputs => Blocks?.Columns ?? stored.Shape[1];

    /// <summary>W in the precision that is computed in; where it is kept narrower, a widened copy that belongs to the current dispose scope.</summary>
    public Tensor Weight => Blocks is not null ? Rows(0, Outputs) : Stored.dtype == Dtype ? Stored : Stored.to(Dtype);

    /// <summary>Whether W is kept narrower than what is computed in.</summary>
    public bool IsNarrow => Blocks is not null || Stored.dtype != Dtype;

    /// <summary>Whether single rows go through <see cref="RowProduct"/>, or would on the CPU.</summary>
    public bool HasRowProduct => RowProduct.Suits(stored, Blocks);

    /// <summary>The product for single rows; null where <see cref="Stored"/> does not lie as it needs it.</summary>
    public IRowProduct? OneRow => oneRow;

    /// <summary>The same computed in float32 where it is in 16 bits, else this; what is widened belongs to the current dispose scope.</summary>
    public Linear Widened() => Dtype.IsNarrow() ? new Linear(Weight.Widened(), Bias?.Widened()) : this;

    /// <summary>
    /// Neighbouring rows of W in the precision that is computed in (n,in); a view where they are kept in it, else of the current dispose scope.
    /// </summary>
    public Tensor Rows(long first, long count)
    {
        if (!IsNarrow)
        {
            return Stored.narrow(0, first, count);
        }

        var rows = empty([count, Inputs], Dtype, Stored.device);
        Widen(rows, first);
        return rows;
    }

    /// <summary>Chosen rows of W in the precision that is computed in (n,in); of the current dispose scope.</summary>
    /// <param name="places">(n) int64.</param>
    public Tensor Rows(Tensor places) => Blocks is null ? Stored.index_select(0, places).to(Dtype) : StoredRows.Chosen(Stored, Blocks, places, Dtype);

    /// <summary>Chosen columns of W in the precision that is computed in (n,out); of the current dispose scope.</summary>
    /// <param name="places">(n) int64.</param>
    public Tensor Columns(Tensor places) => Blocks is null ? Stored.index_select(1, places).to(Dtype).t() : Weight.index_select(1, places).t();

    /// <remarks>
    /// A single row, or a few by narrow weights, are multiplied with the weights as they lie: see <see cref="IRowProduct"/>. For many, W is widened tile by
    /// tile into one buffer.
    /// </remarks>
    public Tensor Apply(Tensor x)
    {
        if (oneRow is not null && oneRow.Fits(x))
        {
            var product = oneRow.Apply(x);
            return Bias is null ? product : product.Plus(Bias);
        }

        if (!IsNarrow)
        {
            return nn.functional.linear(x, Stored, Bias);
        }

        using var scope = NewDisposeScope();
        return (Stored.device_type != DeviceType.CPU || (is_grad_enabled() && x.requires_grad) ? nn.functional.linear(x, Weight, Bias) : Tiled(x))
            .MoveToOuterDisposeScope();
    }

    private Tensor Tiled(Tensor x)
    {
        var flat = x.reshape(-1, Inputs);                                                                  // (n, in)
        var y = empty([flat.shape[0], Outputs], Dtype);
        var height = Math.Min(Outputs, Math.Max(16, TileWeights / Inputs));
        var buffer = empty([height, Inputs], Dtype);
        for (long first = 0; first < Outputs; first += height)
        {
            var count = Math.Min(height, Outputs - first);
            using var tile = buffer.narrow(0, 0, count);
            Widen(tile, first);
            using var turned = tile.t();
            using var columns = y.narrow(1, first, count);
            _ = columns.addmm_(flat, turned, beta: 0, alpha: 1);
        }

        var shaped = y.view([.. x.shape[..^1], Outputs]);
        return Bias is null ? shaped : shaped.Plus(Bias);
    }

    private void Widen(Tensor rows, long first)
    {
        if (Blocks is not null)
        {
            StoredRows.Widen(Stored, Blocks, rows, first);
            return;
        }

        using var stored = Stored.narrow(0, first, rows.shape[0]);
        _ = rows.copy_(stored);
    }
}

/// <summary>A norm with its gain (what the normed values are multiplied with) and, for a LayerNorm, its bias.</summary>
/// <remarks>
/// TorchSharp does not keep a number that becomes a <see cref="Scalar"/> alive during the native call, and the garbage collector may free it there: whatever
/// runs often keeps its scalars in fields. <c>square</c>, <c>add_</c> of a number without its factor, and <c>linalg.vector_norm</c> make such numbers unseen
/// and are not used. The root mean square comes from one reduction over the row, without a tensor of squares, and the gain is multiplied in place: at 256 x
/// 2048 numbers that takes a quarter of the time of the formula written out. 16-bit rows are normed in float32 and rounded where the reference rounds them:
/// Llama and its kin before the gain (transformers, LlamaRMSNorm), Gemma behind it (Gemma2RMSNorm), whose gain 1 + w is therefore kept in float32.
/// </remarks>
internal sealed record Norm(NormSpec Spec, StoredTensor StoredGain, StoredTensor? StoredBias)
{
    private static readonly Scalar One = 1;
    private readonly Lazy<Scalar> epsilon = new(() => Spec.Epsilon);
    private readonly Lazy<Scalar> inverseWidth = new(() => 1.0 / StoredGain.Shape[0]);

    public Norm(NormSpec spec, Tensor gain, Tensor? bias)
        : this(spec, (StoredTensor)gain, (StoredTensor?)bias)
    {
    }

    /// <summary>From a condition to scale, shift and gate, one above the other (3d,c); null where the norm takes none.</summary>
    public Linear? Modulation { get; init; }

    /// <summary>What the normed values are multiplied with (d).</summary>
    public Tensor Gain => StoredGain.Value;

    /// <summary>Of a LayerNorm (d).</summary>
    public Tensor? Bias => StoredBias?.Value;

    public Tensor Apply(Tensor x)
    {
        if (RowMath.Takes(x))
        {
            return OfOneRow(x);
        }

        if (Spec.Kind == NormKind.LayerNorm)
        {
            return OnAnyDevice.LayerNorm(x, Gain, Bias, Spec.Epsilon);
        }

        if (!x.dtype.IsNarrow())
        {
            return OverRootMeanSquare(x).mul_(Gain);
        }

        var wide = OverRootMeanSquare(x.Widened());
        return Spec.Kind == NormKind.Rms ? wide.RoundedAs(x).mul_(Gain) : wide.mul_(Gain.Widened()).RoundedAs(x);
    }

    /// <remarks>
    /// pi0.5's expert: [scale, shift, gate] = W condition + b; the normed stream is n (1 + scale) + shift, and what the part then computes is multiplied by the
    /// gate.
    /// </remarks>
    /// <returns>The normed values, and the gate of what is added, null where there is none.</returns>
    /// <exception cref="VitrineException">The norm takes a condition and there is none.</exception>
    public (Tensor Normed, Tensor? Gate) Apply(Tensor x, Tensor? condition)
    {
        if (Modulation is null)
        {
            return (Apply(x), null);
        }

        // (B, 3d) or (B, T, 3d)
        var modulation = Modulation.Apply(condition ?? throw new VitrineException("norm: takes a condition; this pass was given none."));
        var parts = (modulation.dim() == 2 ? modulation.unsqueeze(1) : modulation).chunk(3, -1);
        return ((OverRootMeanSquare(x.Widened()) * parts[0].Widened().add(One)).Plus(parts[1].Widened()).RoundedAs(x), parts[2]);
    }

    /// <summary>What the normed values are multiplied with under a condition (d), in float32.</summary>
    /// <param name="condition">(1,c); null for a norm that takes none.</param>
    public Tensor GainUnder(Tensor? condition) => Modulation is null || condition is null
        ? Gain.Widened()
        : Modulation.Apply(condition).chunk(3, -1)[0].Widened().add(One)[0];

    /// <summary>What a condition multiplies that a part adds behind this norm (d), in float32; null where nothing.</summary>
    /// <param name="condition">(1,c); null for a norm that takes none.</param>
    public Tensor? GateUnder(Tensor? condition) => Modulation is null || condition is null ? null : Modulation.Apply(condition).chunk(3, -1)[2].Widened()[0];

    /// <summary>The same with gain and bias in float32 where they have 16 bits; what is widened belongs to the current dispose scope.</summary>
    public Norm Widened() => this with { StoredGain = Gain.Widened(), StoredBias = Bias?.Widened() };

    /// <summary>What the norm scales: its argument, without its mean where it centres.</summary>
    public Tensor Centred(Tensor x) => Spec.Kind == NormKind.LayerNorm ? x - x.mean([-1], keepdim: true) : x;

    private unsafe Tensor OfOneRow(Tensor x)
    {
        var normed = empty_like(x);
        var width = (int)Gain.shape[0];
        RowMath.Norm(Spec.Kind, Spec.Epsilon, RowMath.At(Gain), Bias is null ? null : RowMath.At(Bias), RowMath.At(x), RowMath.At(normed),
            (int)(x.numel() / width), width);
        GC.KeepAlive(x);
        return normed;
    }

    private Tensor OverRootMeanSquare(Tensor x)
    {
        var length = x.norm(-1, keepdim: true);                                                            // (..., 1)
        return x * (length * length).mul_(inverseWidth.Value).add_(epsilon.Value, One).rsqrt_();
    }
}

/// <summary>Keeps numbers within (-limit, limit): limit tanh(x / limit).</summary>
internal sealed class SoftCap(double limit)
{
    private readonly Lazy<Scalar> inverse = new(() => 1 / limit);
    private readonly Lazy<Scalar> limit = new(() => limit);

    public Tensor Apply(Tensor x) => (x * inverse.Value).tanh() * limit.Value;
}

/// <summary>Weights of a block, in the slots that <see cref="Block"/> reads. A norm that does not stand in the family is null.</summary>
internal sealed class BlockWeights
{
    private Writing? attentionWriting;
    private Writing? mlpWriting;

    /// <summary>Of what attention reads.</summary>
    public Norm? AttentionNorm { get; init; }

    /// <summary>Of what attention adds, before it is added.</summary>
    public Norm? AttentionOutputNorm { get; init; }

    /// <summary>Of the sum of residual and attention.</summary>
    public Norm? AttentionPostNorm { get; init; }

    /// <summary>Of what the feed-forward reads.</summary>
    public Norm? MlpNorm { get; init; }

    /// <summary>Of what the feed-forward adds, before it is added.</summary>
    public Norm? MlpOutputNorm { get; init; }

    /// <summary>Of the sum of residual and feed-forward.</summary>
    public Norm? MlpPostNorm { get; init; }

    public required Linear Query { get; init; }

    public required Linear Key { get; init; }

    public required Linear Value { get; init; }

    /// <summary>On each head's query.</summary>
    public Norm? QueryNorm { get; init; }

    /// <summary>On each head's key.</summary>
    public Norm? KeyNorm { get; init; }

    public required Linear Output { get; init; }

    public Linear? Gate { get; init; }

    public required Linear Up { get; init; }

    public required Linear Down { get; init; }

    /// <summary>Of attention to another stack's output; null where there is none.</summary>
    public CrossWeights? Cross { get; init; }

    /// <summary>Those that stand there.</summary>
    public IEnumerable<Norm> Norms()
        => new[] { AttentionNorm, AttentionOutputNorm, AttentionPostNorm, MlpNorm, MlpOutputNorm, MlpPostNorm, QueryNorm, KeyNorm, Cross?.PostNorm }
            .OfType<Norm>();

    /// <summary>LayerScale vector (d) on what attention adds.</summary>
    public Tensor? AttentionScale { get; init; }

    /// <summary>LayerScale vector (d) on what the feed-forward adds.</summary>
    public Tensor? MlpScale { get; init; }

    /// <summary>How what attention computes arrives in the residual.</summary>
    public Writing AttentionWriting
        => attentionWriting ??= new Writing(AttentionScale, AttentionOutputNorm, AttentionPostNorm, AttentionNorm?.Modulation is not null);

    /// <summary>How what the feed-forward computes arrives in the residual.</summary>
    public Writing MlpWriting => mlpWriting ??= new Writing(MlpScale, MlpOutputNorm, MlpPostNorm, MlpNorm?.Modulation is not null);
}

/// <summary>Weights of attention to another stack's output.</summary>
/// <param name="Query">Reads the block's own tokens.</param>
/// <param name="Key">Reads the other stack's output.</param>
/// <param name="Value">As <paramref name="Key"/>.</param>
/// <param name="Output">Back into the stream.</param>
/// <param name="PostNorm">Of the sum; null for none.</param>
internal sealed record CrossWeights(Linear Query, Linear Key, Linear Value, Linear Output, Norm? PostNorm);

/// <summary>Norms that may not stand there.</summary>
internal static class Norms
{
    /// <summary>The normed values, or the argument where there is no norm.</summary>
    public static Tensor Of(this Norm? norm, Tensor x) => norm is null ? x : norm.Apply(x);

    /// <summary>The same of a norm that may take a condition, with the gate that comes of it.</summary>
    public static (Tensor Normed, Tensor? Gate) Of(this Norm? norm, Tensor x, Tensor? condition) => norm is null ? (x, null) : norm.Apply(x, condition);
}
