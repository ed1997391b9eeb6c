using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>What an interchange does with the two activations.</summary>
public enum InterchangeRule
{
    /// <summary>Takes the chosen part from the source.</summary>
    Replace,

    /// <summary>Adds the source.</summary>
    Add,

    /// <summary>Subtracts the source.</summary>
    Subtract,
}

/// <summary>
/// Interchange intervention: part of an activation is taken from a source activation, in the model's basis or in a rotated one (distributed alignment search).
/// </summary>
/// <param name="At">Address of a point whose last axis is not the keys, wildcards allowed.</param>
/// <param name="Source">
/// The source activation: broadcasts to the point's tensor, or has as many positions as the scope names, in their order; a first axis of rows gives each row
/// its own.
/// </param>
/// <remarks>
/// Geiger et al. 2023; Wu et al. 2023. With base b, source s, directions in the columns of W and a mask m over the columns: square W, b becomes
/// ((1 - m) b W + m s W) W^T; fewer columns than coordinates, b + (m (s - b) W) W^T; no W, (1 - m) b + m s. As pyvene has it.
/// </remarks>
[EditName("interchange")]
public sealed record Interchange(string At, EditValue Source) : Edit
{
    /// <summary>W (d,k): a direction in each column; null for the model's own basis.</summary>
    public EditValue? Rotation { get; init; }

    /// <summary>Columns that are taken: those whose place this list names; null for all, or for what <see cref="Boundary"/> or <see cref="Mask"/>
    /// says.</summary>
    public IReadOnlyList<int>? Columns { get; init; }

    /// <summary>
    /// Share of the columns that is taken, softly: m_i = sigmoid(i / T) sigmoid((b d - i) / T), b within [0.001, 1] (boundless); null for none.
    /// </summary>
    public double? Boundary { get; init; }

    /// <summary>Logits of a mask over the columns: m = sigmoid(logits / T); null for none.</summary>
    public EditValue? Mask { get; init; }

    /// <summary>T of <see cref="Boundary"/> and <see cref="Mask"/>.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>What is done with the source.</summary>
    public InterchangeRule Rule { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<string> Places() => [At];

    /// <inheritdoc/>
    protected internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var width = site.Width;
        if (site.Address.Point.Axes == PointAxes.Attention || width == 0)
        {
            throw new VitrineException($"interchange at '{site.Address}': the point's last axis is the keys; choose a point such as resid_post.");
        }

        if (Rotation is { } given && (given.Shape is not [var rows, var columns] || rows != width || columns < 1 || columns > width))
        {
            throw new VitrineException(
                $"interchange at '{site.Address}': the rotation is [{string.Join(", ", given.Shape)}]; expected {width} rows and up to {width} columns.");
        }

        var count = (int)(Rotation?.Shape[1] ?? width);
        site.Require(Columns, count, "column");
        if (new object?[] { Columns, Boundary, Mask }.Count(c => c is not null) > 1 || !(Temperature > 0) || (Mask is { } m && m.Data.Count != count)
            || (Rule != InterchangeRule.Replace && (Rotation ?? (object?)Columns ?? Boundary ?? (object?)Mask) is not null))
        {
            throw new VitrineException($"interchange at '{site.Address}': expected one of columns, boundary and mask ({count} numbers), a temperature above 0, "
                + "and none of them nor a rotation where the source is added or subtracted.");
        }

        var (region, source) = (site.RegionOf(Scope), site.OwnForSums(Source.ToTensor()));
        var rotation = Rotation is { } w ? site.OwnForSums(w.ToTensor()) : null;
        var mask = MaskOf(count, Columns, Boundary is { } b ? tensor((float)b) : null, Mask?.ToTensor(), Temperature) is { } made ? site.OwnForSums(made)
            : null;
        return (x, pass) =>
        {
            var (wide, from) = (x.Widened(), site.Fit(region.Placed(source, x, pass), x).expand_as(x));
            return region.Write(x, pass, Mix(wide, from, rotation, mask, Rule).RoundedAs(x));
        };
    }

    /// <summary>Two that do the same are equal.</summary>
    public bool Equals(Interchange? other)
        => other is not null && At == other.At && Source.Equals(other.Source) && Equals(Rotation, other.Rotation) && Lists.Same(Columns, other.Columns)
            && Equals(Mask, other.Mask) && (Boundary, Temperature, Rule) == (other.Boundary, other.Temperature, other.Rule) && Scope.Equals(other.Scope);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(At, Source, Rotation, Columns?.Count, Boundary, Temperature, Rule);

    /// <summary>m over so many columns (n), as the type's remarks say; null where all are taken.</summary>
    /// <param name="count">Columns.</param>
    /// <param name="columns">Those that are taken.</param>
    /// <param name="boundary">A share of them.</param>
    /// <param name="logits">(n).</param>
    /// <param name="temperature">Of the last two.</param>
    public static Tensor? MaskOf(int count, IReadOnlyList<int>? columns, Tensor? boundary, Tensor? logits, double temperature)
    {
        if (logits is not null)
        {
            return (logits / tensor(temperature, logits.dtype, logits.device)).sigmoid();
        }

        if (boundary is not null)
        {
            var (places, soft) = (arange(count, dtype: boundary.dtype, device: boundary.device), tensor(temperature, boundary.dtype, boundary.device));
            var end = boundary.clamp(1e-3, 1) * tensor((double)count, boundary.dtype, boundary.device);
            return (places / soft).sigmoid() * ((end - places) / soft).sigmoid();
        }

        return columns is null ? null : tensor(Enumerable.Range(0, count).Select(i => columns.Contains(i) ? 1f : 0f).ToArray());
    }

    /// <summary>The base with what the mask takes from the source.</summary>
    /// <param name="given">(...,d).</param>
    /// <param name="source">Of the same shape.</param>
    /// <param name="rotation">(d,k); null for the model's own basis.</param>
    /// <param name="mask">(k); null for all.</param>
    /// <param name="rule">What is done with the source.</param>
    /// <remarks>Derivatives pass through it. The result belongs to the caller's dispose scope.</remarks>
    public static Tensor Mix(Tensor given, Tensor source, Tensor? rotation, Tensor? mask, InterchangeRule rule = InterchangeRule.Replace)
    {
        ArgumentNullException.ThrowIfNull(given);
        ArgumentNullException.ThrowIfNull(source);
        if (rule != InterchangeRule.Replace)
        {
            return rule == InterchangeRule.Add ? given.Plus(source) : given - source;
        }

        if (rotation is null)
        {
            return Mixed(given, source, mask);
        }

        if (rotation.shape[0] == rotation.shape[1])
        {
            return Mixed(given.matmul(rotation), source.matmul(rotation), mask).matmul(rotation.t());
        }

        var difference = (source - given).matmul(rotation);
        return given.Plus((mask is null ? difference : difference * mask).matmul(rotation.t()));
    }

    private static Tensor Mixed(Tensor given, Tensor source, Tensor? mask)
        => mask is null ? source : (given * (ones_like(mask) - mask)).Plus(source * mask);
}
