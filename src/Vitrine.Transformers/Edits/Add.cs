using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>Adds a vector (or a whole tensor that broadcasts) times a factor.</summary>
/// <param name="At">Address, wildcards allowed.</param>
/// <param name="Value">Broadcasts to the point's tensor, or has as many positions as the scope names, in their order.</param>
/// <param name="Factor">Multiplies the value; 0 is the zero dose.</param>
[EditName("add")]
public sealed record Add(string At, EditValue Value, double Factor = 1) : Edit
{
    /// <inheritdoc/>
    public override IEnumerable<string> Places() => [At];

    /// <inheritdoc/>
    protected internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var (region, dose) = (site.RegionOf(Scope), Dose(site, Factor));
        return (x, pass) => region.Write(x, pass, x.Plus(site.Fit(region.Placed(dose, x, pass), x)));
    }

    private protected override bool IsRowByRowWith(Edit other)
        => other is Add add && add.At == At && add.Value.Equals(Value) && AlikeButRows(Scope, other.Scope);

    /// <remarks>The factors may differ.</remarks>
    internal override Func<Tensor, Pass, Tensor> BindRowByRow(IReadOnlyList<Edit> edits, int rows, EditSite site)
    {
        var (region, value) = (site.RegionOf(RowsOf(edits)), Dose(site, 1));
        var factors = site.PerRow(edits.Cast<Add>().SelectMany(e => e.Scope.Rows!.Select(row => (row, e.Factor))), rows);
        return (x, pass) => region.Write(x, pass, x.Plus((site.Fit(value, x) * pass.OfBatch(factors, site.Address.Point.Axes)).RoundedAs(x)));
    }

    private Tensor Dose(EditSite site, double times)
    {
        using var value = Value.ToTensor(site.Dtype);
        return site.Own(value.Times(times));
    }
}
