using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using Vitrine.Transformers.Points;

namespace Vitrine.Mechanisms.Patching;

/// <summary>What a sweep is asked of.</summary>
/// <param name="Clean">Row r is the partner of row r of the other.</param>
/// <param name="Corrupted">Null where one run is ablated.</param>
/// <param name="Over">Whose rows means are taken over, or drawn; null between two runs.</param>
/// <param name="Metric">What is measured.</param>
internal sealed record PatchContrast(Subject Clean, Subject? Corrupted, Subject? Over, Metric Metric)
{
    private static readonly Dictionary<string, string> Short = new(StringComparer.Ordinal)
    {
        ["z"] = "attn.z",
        ["q"] = "attn.q",
        ["k"] = "attn.k",
        ["v"] = "attn.v",
        ["pattern"] = "attn.pattern",
        ["neurons"] = "mlp.neurons",
        ["attn_out"] = "attn.out",
        ["mlp_out"] = "mlp.out",
    };

    /// <summary>[pair]: what corrupts the run, where that is no other input.</summary>
    public Func<int, RunPlan>? Noise { get; init; }

    public string Method => Noise is not null ? "tracing" : Corrupted is null ? "ablate" : "activation";

    /// <exception cref="VitrineException">They are of two models, or of different numbers of rows.</exception>
    public static PatchContrast Between(Subject clean, Subject corrupted, Metric metric)
    {
        ArgumentNullException.ThrowIfNull(clean);
        ArgumentNullException.ThrowIfNull(corrupted);
        ArgumentNullException.ThrowIfNull(metric);
        return !ReferenceEquals(clean.Model, corrupted.Model) ? throw new VitrineException("patch: the two inputs are those of two models; expected one.")
            : clean.Rows != corrupted.Rows
                ? throw new VitrineException($"patch: {clean.Rows} clean inputs and {corrupted.Rows} corrupted ones; expected pairs.")
            : new PatchContrast(clean, corrupted, null, metric);
    }

    /// <summary>The point that a text names, in full or in short.</summary>
    /// <exception cref="VitrineException">The stack has no such point in its blocks; the nearest that it has is named.</exception>
    public static Point PointOf(string name, StackShape shape)
    {
        var known = shape.Points.Where(p => p.IsInBlock).ToArray();
        var full = Short.GetValueOrDefault(name, name);
        return Array.Find(known, p => p.Name == full) ?? throw new VitrineException(
            $"patch: stack '{shape.Name}' has no point '{name}' in its blocks; the nearest is "
                + $"'{Nearest.Of(name, [.. known.Select(p => p.Name), .. Short.Keys])}'.");
    }

    /// <summary>The metric of every row, unpatched; one row a run, as cells are.</summary>
    public double[] Unpatched(Subject subject, Func<int, RunPlan>? under, CancellationToken cancellation)
        => [.. Enumerable.Range(0, subject.Rows).Select(row =>
        {
            cancellation.ThrowIfCancellationRequested();
            using var run = subject.Take([row]).Run(under?.Invoke(row), cancellation: cancellation);
            return Metric.Values(run)[0];
        })];

    /// <exception cref="VitrineException">The metric is the same in both.</exception>
    public static void Require(IReadOnlyList<double> clean, IReadOnlyList<double> corrupted, Metric metric)
    {
        var (x, y) = (clean.Average(), corrupted.Average());
        if (Math.Abs(x - y) <= 1e-6 * Math.Max(1e-6, Math.Max(Math.Abs(x), Math.Abs(y))))
        {
            throw new VitrineException(FormattableString.Invariant(
                $"patch: the contrast changes nothing: {metric.Name} is {x:0.######} clean and {y:0.######} corrupted, in the mean over the pairs."));
        }
    }
}
