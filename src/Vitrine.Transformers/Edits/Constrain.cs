using TorchSharp;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>Keeps what a linear probe reads within bounds, by the smallest change that does it.</summary>
/// <param name="At">Address, wildcards allowed; the probe reads the last axis.</param>
/// <param name="Weights">w of the probe zeta = w x + b, (d).</param>
/// <param name="Bias">b.</param>
/// <param name="Low">Smallest reading allowed; null for no bound.</param>
/// <param name="High">Largest reading allowed; null for no bound.</param>
/// <remarks>
/// Where zeta leaves [low, high], x becomes x + (bound - zeta) w / |w|^2, the point of the bound's plane nearest to x; elsewhere x stays as it is
/// (Buurmeijer et al., "Observing and Controlling Features", arXiv 2603.05487).
/// </remarks>
[EditName("constrain")]
public sealed record Constrain(string At, EditValue Weights, double Bias, double? Low = null, double? High = null) : Edit
{
    /// <inheritdoc/>
    public override IEnumerable<string> Places() => [At];

    /// <inheritdoc/>
    protected internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var width = site.Width;
        if (width == 0 || Weights.Shape is not [var length] || length != width)
        {
            throw new VitrineException($"constraint at '{site.Address}': the probe is [{string.Join(", ", Weights.Shape)}]; expected "
                + $"{(width == 0 ? "a point whose last axis is not the keys" : $"[{width}]")}.");
        }

        var square = Weights.Data.Sum(w => (double)w * w);
        if (!(square > 0) || !double.IsFinite(square) || !double.IsFinite(Bias) || Low is double.NaN || High is double.NaN)
        {
            throw new VitrineException($"constraint at '{site.Address}': the probe's weights are all zero, or a number is not finite.");
        }

        if (Low > High)
        {
            throw new VitrineException($"constraint at '{site.Address}': low is {Low} and high {High}; expected low <= high.");
        }

        var weights = site.OwnForSums(Weights.ToTensor(site.Dtype.OfSums()));
        var back = site.OwnForSums(Weights.ToTensor() / tensor((float)square));   // w / |w|^2
        var (region, bias) = (site.RegionOf(Scope), (Scalar)Bias);
        var (low, high) = ((Scalar)(Low ?? double.NegativeInfinity), (Scalar)(High ?? double.PositiveInfinity));
        return (x, pass) =>
        {
            var wide = x.Widened();
            var reading = wide.matmul(weights).add(bias);                                                  // (B, T) or (B, T, H)
            var excess = (reading.clamp(low, high) - reading).unsqueeze(-1);                               // 0 within the bounds
            return region.Write(x, pass, wide.Plus(excess * back).RoundedAs(x));
        };
    }
}
