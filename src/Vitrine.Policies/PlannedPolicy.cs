using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;

namespace Vitrine.Policies;

/// <summary>A policy that acts under a plan: the same weights, with chosen parts changed in every act.</summary>
/// <param name="policy">Stays the caller's; several plans may share it, also on several threads.</param>
/// <param name="plan">What to change.</param>
/// <param name="unnormKey">Whose units to answer in; may be null when the checkpoint has one data set.</param>
public sealed class PlannedPolicy(OpenVlaPolicy policy, RunPlan plan, string? unnormKey = null) : IActor
{
    /// <inheritdoc/>
    public IReadOnlyList<double[]> Act(IReadOnlyList<Observation> observations, CancellationToken cancellation = default)
    {
        using var run = policy.Act(observations, plan, unnormKey, cancellation);
        return [.. run.Actions.Select(a => a.Values.ToArray())];
    }
}
