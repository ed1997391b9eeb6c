using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>Blends an activation with its image under a matrix: x becomes (1 - beta) x + beta C x.</summary>
/// <param name="At">Address, wildcards allowed; the matrix acts on the last axis.</param>
/// <param name="Matrix">C, [d, d].</param>
/// <param name="Beta">0 changes nothing, 1 puts C x in.</param>
/// <remarks>
/// Conceptor steering (COAST, arXiv 2605.17144): h' = h M^T with M = (1 - beta) I + beta C. A projection onto a subspace is the same with its projector as C.
/// </remarks>
[EditName("conceptor")]
public sealed record Conceptor(string At, EditValue Matrix, double Beta = 1) : Edit
{
    /// <inheritdoc/>
    public override IEnumerable<string> Places() => [At];

    /// <inheritdoc/>
    protected internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var width = site.Width;
        if (width == 0 || Matrix.Shape is not [var rows, var columns] || rows != width || columns != width)
        {
            throw new VitrineException($"conceptor at '{site.Address}': the matrix is [{string.Join(", ", Matrix.Shape)}]; expected "
                + $"{(width == 0 ? "a point whose last axis is not the keys" : $"[{width}, {width}]")}.");
        }

        if (!double.IsFinite(Beta))
        {
            throw new VitrineException($"conceptor at '{site.Address}': beta is {Beta}; expected a finite number.");
        }

        var change = site.OwnForSums(((Matrix.ToTensor() - eye(width)) * tensor((float)Beta)).t().to(site.Dtype.OfSums()).contiguous());
        var region = site.RegionOf(Scope);
        return (x, pass) =>
        {
            var wide = x.Widened();
            return region.Write(x, pass, wide.Plus(wide.matmul(change)).RoundedAs(x));                     // x + beta (C - I) x: exactly x for beta 0
        };
    }
}
