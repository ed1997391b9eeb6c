using TorchSharp;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>What a mean is taken over.</summary>
public enum MeanOver
{
    /// <summary>The row's own positions of the same pass.</summary>
    Positions,

    /// <summary>The rows of the batch, position by position of their own texts.</summary>
    Rows,
}

/// <summary>Replaces by a mean (mean ablation): of the same pass, or a given one.</summary>
/// <param name="At">Address of a point with a position axis, wildcards allowed.</param>
[EditName("mean")]
public sealed record Mean(string At) : Edit
{
    private static readonly Scalar One = 1;

    /// <summary>What the mean is taken over.</summary>
    public MeanOver Over { get; init; } = MeanOver.Positions;

    /// <summary>A mean from elsewhere, e.g. of a corpus; broadcasts to the point's tensor. Null for the pass's own.</summary>
    public EditValue? Given { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<string> Places() => [At];

    /// <inheritdoc/>
    protected internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        if (site.Address.Point.Axes == PointAxes.Attention)
        {
            throw new VitrineException($"mean at '{site.Address}': scores and patterns have no mean over positions; choose a point such as attn.z.");
        }

        var region = site.RegionOf(Scope);
        if (Given is { } given)
        {
            var value = site.Own(given.ToTensor(site.Dtype));
            return (x, pass) => region.Write(x, pass, site.Fit(value, x).expand_as(x));
        }

        return (x, pass) =>
        {
            if (x.dim() < 3 || x.shape[1] != pass.Length)
            {
                throw new VitrineException($"mean at '{site.Address}': the point has no positions to average over.");
            }

            return region.Write(x, pass, Over == MeanOver.Rows ? OfRows(x, pass) : OfPositions(x, pass));
        };
    }

    private static Tensor OfPositions(Tensor x, Pass pass)
    {
        var wide = x.Widened();
        var own = pass.OwnPositions(x.dim()).to(wide.dtype);                               // (B, T, 1...)
        var mean = (wide * own).sum(1, keepdim: true) / own.sum(1, keepdim: true);         // (B, 1, ...)
        return mean.RoundedAs(x).expand_as(x);
    }

    /// <remarks>Sums gather by position, so that rows may be padded on either side; 16-bit rows are summed in float32.</remarks>
    private static Tensor OfRows(Tensor x, Pass pass)
    {
        var wide = x.Widened();
        var own = pass.OwnPositions(x.dim()).to(wide.dtype).flatten(0, 1);                 // (B T, 1...)
        var places = pass.OwnPlaces().flatten();                                           // (B T)
        var count = pass.LastOwnPlace + 1;
        var values = wide.flatten(0, 1) * own;                                             // (B T, ...)
        var sums = zeros([count, .. values.shape[1..]], wide.dtype, x.device).index_add(0, places, values, One);
        var counts = zeros([count, .. own.shape[1..]], wide.dtype, x.device).index_add(0, places, own, One).clamp_min(One);
        return (sums / counts)[places].RoundedAs(x).view(x.shape);
    }
}
