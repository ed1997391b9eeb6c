using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Metrics;

/// <summary>
/// A number of the action in the robot's units: its mean under the action tokens' probabilities, or the chunk's own; mean over rows of the chunk.
/// </summary>
/// <param name="Dimension">E.g. <c>dz</c>, as the policy names it.</param>
public sealed record ActionValueMetric(string Dimension) : Metric
{
    /// <summary>First row of the chunk.</summary>
    public int First { get; init; }

    /// <summary>How many rows; null for those that are carried out.</summary>
    public int? Count { get; init; }

    /// <inheritdoc/>
    public override string Name => Dimension;

    /// <inheritdoc/>
    public override Tensor Of(SubjectRun run) => ActionRows.Of(run, First, Count).select(2, ActionRows.Index(run, Dimension)).mean([1]);
}

/// <summary>How far the action moves the robot in a control step: the length of some of its dimensions, mean over rows of the chunk.</summary>
/// <param name="Dimensions">E.g. dx, dy, dz.</param>
public sealed record MotionMetric(IReadOnlyList<string> Dimensions) : Metric
{
    private const double Least = 1e-12;

    /// <summary>The length of dx, dy, dz.</summary>
    public static MotionMetric Speed { get; } = new(["dx", "dy", "dz"]);

    /// <summary>First row of the chunk.</summary>
    public int First { get; init; }

    /// <summary>How many rows; null for those that are carried out.</summary>
    public int? Count { get; init; }

    /// <inheritdoc/>
    public override string Name => Dimensions.SequenceEqual(Speed.Dimensions) ? "speed" : $"length of {string.Join(", ", Dimensions)}";

    /// <inheritdoc/>
    public override Tensor Of(SubjectRun run)
    {
        var rows = ActionRows.Of(run, First, Count);
        var chosen = rows.index_select(2, tensor(Dimensions.Select(d => (long)ActionRows.Index(run, d)).ToArray(), device: rows.device));
        return (chosen * chosen).sum(-1).clamp_min(Least).sqrt().mean([1]);
    }

    /// <inheritdoc/>
    public bool Equals(MotionMetric? other)
        => other is not null && (First, Count) == (other.First, other.Count) && Dimensions.SequenceEqual(other.Dimensions);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(First, Count, Dimensions.Count);
}

/// <summary>Rows of a chunk.</summary>
internal static class ActionRows
{
    /// <summary>(B,n,D).</summary>
    public static Tensor Of(SubjectRun run, int first, int? count)
    {
        ArgumentNullException.ThrowIfNull(run);
        var chunk = (run.Acted ?? throw new VitrineException($"metric: {run.Subject.Model.Name} gives no action; ask for a logit or a probability."))
            .Expected().Widened();
        var rows = count ?? Math.Min(run.ActionSteps, (int)chunk.shape[1]) - first;
        return first >= 0 && rows > 0 && first + rows <= chunk.shape[1]
            ? chunk.narrow(1, first, rows)
            : throw new VitrineException($"metric: rows {first} to {first + rows - 1} of the chunk; it has {chunk.shape[1]}, counted from 0.");
    }

    public static int Index(SubjectRun run, string dimension)
    {
        var known = run.ActionNames;
        return Enumerable.Range(0, known.Count).FirstOrDefault(i => known[i] == dimension, -1) is >= 0 and var at
            ? at
            : throw new VitrineException(
                $"metric '{dimension}': is no dimension of these actions; known are {string.Join(", ", known)}; the nearest is "
                + $"'{Nearest.Of(dimension, known)}'.");
    }
}
