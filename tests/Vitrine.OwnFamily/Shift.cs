using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.OwnFamily;

/// <summary>Adds one number to one coordinate.</summary>
/// <param name="At">Address, wildcards allowed.</param>
/// <param name="Coordinate">Of the point's last axis.</param>
/// <param name="By">0 changes nothing.</param>
[EditName("shift")]
public sealed record Shift(string At, int Coordinate, double By) : Edit
{
    /// <inheritdoc/>
    public override IEnumerable<string> Places() => [At];

    /// <inheritdoc/>
    protected override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        site.Require([Coordinate], site.Width, "coordinate");
        var numbers = new double[site.Width];
        numbers[Coordinate] = By;
        var (shift, region) = (site.Own(tensor(numbers)), site.RegionOf(Scope));
        return (x, pass) => region.Write(x, pass, x + shift);
    }
}
