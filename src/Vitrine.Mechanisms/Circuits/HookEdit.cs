using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>
/// A change that knows the pass; what it returns may have more heads than the point, where keys and values are given to each head of its own.
/// </summary>
/// <param name="At">Addresses.</param>
/// <param name="Change">From the tensor at a point; called in the order of computing.</param>
internal sealed record HookEdit(IReadOnlyList<string> At, Func<Tensor, Pass, Address, Tensor> Change) : Edit
{
    public override IEnumerable<string> Places() => At;

    protected internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var place = site.Address;
        return (x, pass) => Change(x, pass, place with { Step = pass.Step });
    }
}
