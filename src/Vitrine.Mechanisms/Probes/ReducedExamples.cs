using Vitrine.Mechanisms.Geometry;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Probes;

/// <summary>Examples in the coordinates of their own singular vectors: x = mean + z V^T with at most n coordinates, however wide x is.</summary>
/// <remarks>
/// What a penalised linear fit finds lies in the span of the examples, so it is found there exactly: w = V v. One decomposition serves any number of labels.
/// </remarks>
internal sealed class ReducedExamples : IDisposable
{
    private const double RoundingUnit = 2.220446049250313e-16;                                             // of float64

    private readonly Tensor right, mean;

    private ReducedExamples(Tensor z, Tensor singular, Tensor right, Tensor mean, Tensor scale)
        => (Z, Singular, this.right, this.mean, Scale) = (z, singular, right, mean, scale);

    /// <summary>(n,r): the left singular vectors times the singular values.</summary>
    public Tensor Z { get; }

    /// <summary>(r): the singular values that are not zero.</summary>
    public Tensor Singular { get; }

    /// <summary>(1,r): the mean of the examples in these coordinates.</summary>
    public Tensor Centre => (mean / Scale).unsqueeze(0).matmul(right);

    /// <summary>(d): what every coordinate was divided by.</summary>
    public Tensor Scale { get; }

    /// <summary>Decomposes examples.</summary>
    /// <param name="x">(n,d); stays the caller's.</param>
    /// <param name="centred">Whether their mean is taken off, which a fit with an intercept does not feel.</param>
    /// <param name="scaled">Whether every coordinate is divided by its deviation.</param>
    /// <param name="what">Who asks, in errors.</param>
    public static ReducedExamples Of(Tensor x, bool centred, bool scaled, string what)
    {
        using var scope = NewDisposeScope();
        var wide = Matrices.Wide(x, what);
        var scaler = scaled ? Scaler.Of(wide) : null;
        // Where there is no intercept, what is scaled is centred all the same, as the scaler of a pipeline does.
        var mean = centred || scaled ? wide.mean([0]) : zeros(wide.shape[1], dtype: float64);
        var scale = scaler is null ? ones(wide.shape[1], dtype: float64) : tensor(scaler.Scale.ToArray());
        var (u, s, vh) = linalg.svd((wide - mean) / scale, fullMatrices: false);
        var all = s.Row();
        var rank = all.Count(v => v > all[0] * Math.Max(wide.shape[0], wide.shape[1]) * RoundingUnit);
        var kept = s.narrow(0, 0, rank);
        return new ReducedExamples(
            (u.narrow(1, 0, rank) * kept).DetachFromDisposeScope(), kept.clone().DetachFromDisposeScope(), vh.narrow(0, 0, rank).t().DetachFromDisposeScope(),
            mean.DetachFromDisposeScope(), scale.DetachFromDisposeScope());
    }

    /// <summary>A probe from coefficients in these coordinates.</summary>
    /// <param name="kind">How it was fitted.</param>
    /// <param name="outputs">Names.</param>
    /// <param name="coefficients">(rows,r).</param>
    /// <param name="intercepts">(rows), of the centred examples.</param>
    public LinearProbe Probe(ProbeKind kind, IReadOnlyList<string> outputs, Tensor coefficients, Tensor intercepts)
    {
        using var scope = NewDisposeScope();
        var w = coefficients.matmul(right.t()) / Scale;                                                    // (rows, d)
        return new LinearProbe
        {
            Kind = kind,
            Outputs = outputs,
            Coefficients = w.Rows(),
            Intercepts = (intercepts - w.matmul(mean)).Row(),
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in new[] { Z, Singular, right, mean, Scale })
        {
            tensor.Dispose();
        }
    }
}
