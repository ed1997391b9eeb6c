using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>Sets to zero (zero ablation).</summary>
/// <param name="At">Address, wildcards allowed.</param>
[EditName("zero")]
public sealed record Zero(string At) : Edit
{
    /// <inheritdoc/>
    public override IEnumerable<string> Places() => [At];

    /// <inheritdoc/>
    protected internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var region = site.RegionOf(Scope);
        return (x, pass) => region.Write(x, pass, zeros_like(x));
    }
}
