using TorchSharp;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>Adds a vector (or a whole tensor that broadcasts) times a factor.</summary>
/// <param name="At">Address, wildcards allowed.</param>
/// <param name="Value">Broadcasts to the point's tensor.</param>
/// <param name="Factor">Multiplies the value; 0 is the zero dose.</param>
public sealed record Add(string At, EditValue Value, double Factor = 1) : Edit
{
    /// <summary>A further factor for each row, so that one run is a sweep of doses; null for none.</summary>
    public IReadOnlyList<double>? Factors { get; init; }

    internal override IEnumerable<AddressPattern> Places() => [AddressPattern.Parse(At)];

    internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var (region, dose) = (new Region(Scope, site), Dose(site));
        if (Factors is not { } factors)
        {
            return (x, pass) => region.Write(x, pass, x.Plus(site.Fit(dose, x)));
        }

        site.RequireRows(factors.Count, site.Rows);
        return (x, pass) => region.Write(x, pass, x.Plus(site.Fit(dose, x) * site.PerRow(factors, x.dim(), pass.Rows)));
    }

    private Tensor Dose(EditSite site)
    {
        using var value = Value.ToTensor(site.Dtype);
        Scalar factor = Factor;
        var dose = value * factor;
        GC.KeepAlive(factor);
        return dose;
    }
}
