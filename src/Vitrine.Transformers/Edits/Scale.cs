using TorchSharp;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>Multiplies.</summary>
/// <param name="At">Address, wildcards allowed.</param>
/// <param name="Factor">1 changes nothing.</param>
public sealed record Scale(string At, double Factor) : Edit
{
    /// <summary>A further factor for each row; null for none.</summary>
    public IReadOnlyList<double>? Factors { get; init; }

    internal override IEnumerable<AddressPattern> Places() => [AddressPattern.Parse(At)];

    internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var region = new Region(Scope, site);
        Scalar factor = Factor;
        if (Factors is not { } factors)
        {
            return (x, pass) => region.Write(x, pass, x * factor);
        }

        site.RequireRows(factors.Count, site.Rows);
        return (x, pass) => region.Write(x, pass, x * factor * site.PerRow(factors, x.dim(), pass.Rows));
    }
}
