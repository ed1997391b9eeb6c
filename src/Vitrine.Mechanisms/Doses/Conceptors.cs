using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Doses;

/// <summary>
/// Conceptors of activations: soft projectors onto the directions in which they vary, and their logic. All in float64; all results (d,d), owned by the caller.
/// </summary>
/// <remarks>Jaeger 2014; in robot policies COAST, arXiv 2605.17144. Not centred, as its code does.</remarks>
public static class Conceptors
{
    private const double Ridge = 1e-8;

    /// <summary>C = R (R + aperture^-2 I)^-1 with R = X^T X / n.</summary>
    /// <param name="activations">X, (n,d).</param>
    /// <param name="aperture">Small ones let only the strongest directions through.</param>
    public static Tensor Of(Tensor activations, double aperture)
    {
        ArgumentNullException.ThrowIfNull(activations);
        if (!(aperture > 0) || activations.dim() != 2 || activations.shape[0] < 1)
        {
            throw new VitrineException(
                $"conceptor: aperture {aperture} of activations [{string.Join(", ", activations.shape)}]; expected a positive aperture and [samples, d].");
        }

        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var x = activations.to(float64);
        var r = x.t().mm(x) / tensor((double)x.shape[0]);
        return OverRidge(r, Math.Pow(aperture, -2)).MoveToOuterDisposeScope();
    }

    /// <summary>I - C.</summary>
    public static Tensor Not(Tensor conceptor)
    {
        ArgumentNullException.ThrowIfNull(conceptor);
        using var scope = NewDisposeScope();
        return (Identity(conceptor) - conceptor.to(float64)).MoveToOuterDisposeScope();
    }

    /// <summary>C1 (C1 + C2 - C1 C2)^-1 C2: what both let through.</summary>
    /// <remarks>Where the middle cannot be inverted, 1e-8 I is added to it, as the published code does.</remarks>
    public static Tensor And(Tensor first, Tensor second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var (a, b) = (first.to(float64), second.to(float64));
        var middle = a + b - a.mm(b);
        Tensor inner;
        try
        {
            inner = linalg.solve(middle, b);
        }
        catch (System.Runtime.InteropServices.ExternalException)
        {
            inner = linalg.solve(middle + (Identity(a) * tensor(Ridge)), b);
        }

        return a.mm(inner).MoveToOuterDisposeScope();
    }

    /// <summary>A random conceptor with the same eigenvalues: the control of a conceptor edit.</summary>
    /// <param name="conceptor">Symmetric.</param>
    /// <param name="seed">Of the basis, the orthogonal factor of a normal matrix.</param>
    public static Tensor RandomLike(Tensor conceptor, int seed)
    {
        ArgumentNullException.ThrowIfNull(conceptor);
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)seed, CPU);
        var (values, _) = linalg.eigh(conceptor.to(float64));
        var (basis, _) = linalg.qr(randn(conceptor.shape, generator: generator).to(float64));
        return (basis * values).mm(basis.t()).MoveToOuterDisposeScope();
    }

    /// <summary>The edit: x becomes (1 - beta) x + beta C x.</summary>
    /// <param name="at">Address.</param>
    /// <param name="conceptor">C.</param>
    /// <param name="beta">0 changes nothing.</param>
    public static Conceptor Edit(string at, Tensor conceptor, double beta) => new(at, EditValue.Of(conceptor), beta);

    /// <remarks>R and its ridge commute, so R (R + e I)^-1 = (R + e I)^-1 R.</remarks>
    private static Tensor OverRidge(Tensor r, double ridge) => linalg.solve(r + (Identity(r) * tensor(ridge)), r);

    private static Tensor Identity(Tensor like) => eye(like.shape[0], dtype: float64);
}
