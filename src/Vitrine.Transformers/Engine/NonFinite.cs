using System.Globalization;
using TorchSharp;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>An element that is NaN or infinite.</summary>
/// <param name="Value">What it is.</param>
/// <param name="Index">Where it stands, axis by axis.</param>
internal sealed record NonFinite(double Value, IReadOnlyList<long> Index)
{
    private static readonly Scalar PlusInfinity = double.PositiveInfinity;

    /// <summary>The first such element of a tensor; null where there is none, or where there are no numbers (the meta device).</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="isMasked">Whether minus infinity stands for what is left out, as in scores, and passes.</param>
    /// <remarks>
    /// A row of float32 in main memory, as a decode step has it, is looked through where it lies. Of other tensors one sum tells nearly always: it is finite
    /// only if every element is. A sum of finite elements may overflow; then each is looked at.
    /// </remarks>
    public static NonFinite? First(Tensor x, bool isMasked = false)
    {
        if (x.device_type == DeviceType.META || !x.is_floating_point() || x.numel() == 0)
        {
            return null;
        }

        if (IsOneRow(x))
        {
            return AreFinite(x) ? null : LookedInto(x, isMasked);
        }

        using var plain = x.requires_grad ? x.detach() : null;
        using var sum = (plain ?? x).sum(x.dtype == float64 ? float64 : float32);
        return double.IsFinite(x.dtype == float64 ? sum.item<double>() : sum.item<float>()) ? null : LookedInto(x, isMasked);
    }

    private static bool IsOneRow(Tensor x)
        => x.dtype == ScalarType.Float32 && x.device_type == DeviceType.CPU && x.dim() > 0 && x.size(-1) == x.numel() && !x.requires_grad && x.is_contiguous();

    private static unsafe bool AreFinite(Tensor row) => RowMath.AreFinite(RowMath.At(row), (int)row.numel());

    private static NonFinite? LookedInto(Tensor x, bool isMasked)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var bad = isMasked ? x.isnan().logical_or(x.eq(PlusInfinity)) : x.isfinite().logical_not();
        return bad.any().item<bool>() ? At(x, bad.flatten().to(int8).argmax().item<long>()) : null;
    }

    /// <summary>The value as it is printed.</summary>
    public string Name => double.IsNaN(Value) ? "NaN" : Value > 0 ? "infinity" : "minus infinity";

    /// <summary>The value with its place, e.g. <c>NaN at [0, 3, 17]</c>.</summary>
    public override string ToString() => $"{Name} at [{string.Join(", ", Index.Select(i => i.ToString(CultureInfo.InvariantCulture)))}]";

    private static NonFinite At(Tensor x, long flat)
    {
        var index = new long[x.dim()];
        for (var axis = index.Length - 1; axis >= 0; axis--)
        {
            (flat, index[axis]) = Math.DivRem(flat, x.shape[axis]);
        }

        var value = index.Aggregate(x, (part, i) => part[i]);
        return new NonFinite(value.to(float64).item<double>(), index);
    }
}

/// <summary>Ends a pass that looks for the first point that is not finite.</summary>
internal sealed class NonFinitePoint(Address place, NonFinite found, bool isEdited) : Exception
{
    public Address Place => place;

    /// <summary>Every point's first axis is the rows.</summary>
    public int Row => (int)found.Index[0];

    public override string Message
        => $"the first point that is not finite is '{place}', {found}{(isEdited ? ", as the plan's edits leave it" : "")}";

    /// <param name="place">Of the point.</param>
    /// <param name="before">As the pass computed it.</param>
    /// <param name="after">As the plan leaves it.</param>
    /// <param name="isMasked">Whether minus infinity passes.</param>
    public static void Refuse(Address place, Tensor before, Tensor after, bool isMasked)
    {
        if (NonFinite.First(after, isMasked) is { } found)
        {
            throw new NonFinitePoint(place, found, isEdited: !ReferenceEquals(before, after) && NonFinite.First(before, isMasked) is null);
        }
    }
}
