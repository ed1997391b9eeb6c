using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>Projects onto the span of some vectors, or out of it (directional ablation).</summary>
/// <param name="At">Address, wildcards allowed; at points with heads each head is projected by itself.</param>
/// <param name="Vectors">(k,x), or one (x), of the point's last axis; they span the subspace and need be neither orthogonal nor of length 1.</param>
/// <remarks>x becomes Q Q^T x, or x - Q Q^T x, with the orthonormal Q of V = Q R (Householder), computed in float64.</remarks>
[EditName("project")]
public sealed record Project(string At, EditValue Vectors) : Edit
{
    /// <summary>Whether the subspace is removed instead of kept.</summary>
    public bool Out { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<string> Places() => [At];

    /// <inheritdoc/>
    protected internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var (region, basis) = (site.RegionOf(Scope), Basis(site));                      // (x, k)
        var transposed = site.OwnForSums(basis.t());
        return (x, pass) =>
        {
            var wide = x.Widened();
            var within = wide.matmul(basis).matmul(transposed);
            return region.Write(x, pass, (Out ? wide - within : within).RoundedAs(x));
        };
    }

    private Tensor Basis(EditSite site)
    {
        var vectors = Vectors.ToTensor(float64);
        vectors = vectors.dim() == 1 ? vectors.unsqueeze(0) : vectors;
        var width = site.Width;
        if (vectors.dim() != 2 || vectors.shape[1] != width || vectors.shape[0] == 0 || vectors.shape[0] > width)
        {
            throw new VitrineException(
                $"project at '{site.Address}': vectors are [{string.Join(", ", Vectors.Shape)}]; expected one to {width} of width {width}.");
        }

        var (q, r) = linalg.qr(vectors.t());                                               // (x, k), (k, k)
        var pivots = r.diagonal().abs().data<double>().ToArray();
        var lengths = vectors.norm(1).data<double>().ToArray();
        for (var i = 0; i < pivots.Length; i++)
        {
            // What is left of a vector beside those before it; float32 numbers cannot tell less than this from nothing.
            if (!(pivots[i] > 1e-6 * lengths[i]))
            {
                throw new VitrineException($"project at '{site.Address}': vector {i} is zero, not finite, or a combination of those before it; leave it out.");
            }
        }

        return site.OwnForSums(q);
    }
}
