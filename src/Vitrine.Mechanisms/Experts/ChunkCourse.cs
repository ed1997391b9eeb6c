using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;

namespace Vitrine.Mechanisms.Experts;

/// <summary>How a chunk takes shape out of noise, flow step by flow step.</summary>
/// <param name="Names">What the numbers of an action are.</param>
/// <param name="Values">[flow step][row][number], in the robot's units: the noise first, the chunk last.</param>
/// <param name="Normalised">The same as the network has it.</param>
public sealed record ChunkCourse(
    IReadOnlyList<string> Names, IReadOnlyList<IReadOnlyList<IReadOnlyList<double>>> Values, IReadOnlyList<IReadOnlyList<IReadOnlyList<double>>> Normalised)
{
    /// <summary>Flow steps; there is one entry more.</summary>
    public int Steps => Values.Count - 1;

    /// <summary>How far what stands behind a flow step lies from the chunk: root mean square over its numbers, normalised.</summary>
    /// <param name="step">0 is the noise.</param>
    public double DistanceOf(int step)
        => Math.Sqrt(Normalised[step].Zip(Normalised[^1]).SelectMany(r => r.First.Zip(r.Second, (a, b) => (a - b) * (a - b))).Average());

    /// <summary>Acts once and watches.</summary>
    /// <param name="policy">Who acts.</param>
    /// <param name="observation">On what.</param>
    /// <param name="noise">Where the chunk starts; <see cref="ActNoise.Default"/> when null.</param>
    /// <param name="cancellation">Stops between flow steps.</param>
    public static ChunkCourse Of(FlowPolicy policy, Observation observation, ActNoise? noise = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(observation);
        using var prefix = policy.Read([observation]);
        using var run = policy.Act(prefix, RunPlan.Capturing("action.x@*", "action.chunk"), noise, cancellation);
        PolicyAction[] steps =
        [
            .. Enumerable.Range(0, policy.FlowSteps).Select(k => $"action.x@{k}").Append("action.chunk").Select(at => policy.InUnits(prefix, run.Run[at])[0]),
        ];
        return new ChunkCourse(policy.ActionNames, [.. steps.Select(s => s.Chunk)], [.. steps.Select(s => s.Normalised)]);
    }
}
