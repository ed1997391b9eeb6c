using TorchSharp;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>Multiplies.</summary>
/// <param name="At">Address, wildcards allowed.</param>
/// <param name="Factor">1 changes nothing.</param>
[EditName("scale")]
public sealed record Scale(string At, double Factor) : Edit
{
    /// <inheritdoc/>
    public override IEnumerable<string> Places() => [At];

    /// <inheritdoc/>
    protected internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var region = site.RegionOf(Scope);
        Scalar factor = Factor;
        return (x, pass) => region.Write(x, pass, x * factor);
    }

    private protected override bool IsRowByRowWith(Edit other) => other is Scale scale && scale.At == At && AlikeButRows(Scope, other.Scope);

    /// <remarks>The factors may differ.</remarks>
    internal override Func<Tensor, Pass, Tensor> BindRowByRow(IReadOnlyList<Edit> edits, int rows, EditSite site)
    {
        var region = site.RegionOf(RowsOf(edits));
        var factors = site.PerRow(edits.Cast<Scale>().SelectMany(e => e.Scope.Rows!.Select(row => (row, e.Factor))), rows);
        return (x, pass) => region.Write(x, pass, (x * factors).RoundedAs(x));
    }
}
