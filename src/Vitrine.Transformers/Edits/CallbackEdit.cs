using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>Any change that no record says. It cannot be saved; an edit of one's own can (<see cref="Edit"/>).</summary>
/// <param name="At">Address, wildcards allowed.</param>
/// <param name="Change">From the tensor at the point (not to be written in place) and its address to the new one, of the same shape.</param>
public sealed record CallbackEdit(string At, Func<Tensor, Address, Tensor> Change) : Edit
{
    /// <inheritdoc/>
    public override IEnumerable<string> Places() => [At];

    /// <inheritdoc/>
    protected internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var region = site.RegionOf(Scope);
        return (x, pass) =>
        {
            var changed = Change(x, site.Address with { Step = pass.Step });
            return changed.shape.SequenceEqual(x.shape)
                ? region.Write(x, pass, changed)
                : throw new VitrineException(
                    $"callback at '{site.Address}': returned [{string.Join(", ", changed.shape)}]; expected [{string.Join(", ", x.shape)}].");
        };
    }
}
