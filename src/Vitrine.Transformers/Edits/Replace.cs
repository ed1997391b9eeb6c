using System.Text.Json.Serialization;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>Puts other values in: those of another run (activation patching), of a file, or any that broadcast.</summary>
/// <param name="At">Address, wildcards allowed.</param>
/// <param name="Value">
/// Broadcasts to the point's tensor, or has as many positions as the scope names, in their order; a first axis of rows gives each row its own.
/// </param>
[EditName("replace")]
[method: JsonConstructor]
public sealed record Replace(string At, EditValue Value) : Edit
{
    /// <summary>Values of a captured tensor, copied.</summary>
    public Replace(Address at, Tensor value) : this((at with { Step = 0 }).ToString(), EditValue.Of(value)) => Scope = new EditScope { Steps = [at.Step] };

    /// <summary>Values that another run captured there, copied.</summary>
    /// <exception cref="VitrineException">The run did not capture it.</exception>
    public static Replace From(Run run, string address)
    {
        ArgumentNullException.ThrowIfNull(run);
        return new Replace(Address.Parse(address), run[address]);
    }

    /// <inheritdoc/>
    public override IEnumerable<string> Places() => [At];

    /// <inheritdoc/>
    protected internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var (region, value) = (site.RegionOf(Scope), site.Own(Value.ToTensor(site.Dtype)));
        return (x, pass) => region.Write(x, pass, site.Fit(region.Placed(value, x, pass), x).expand_as(x));
    }
}
