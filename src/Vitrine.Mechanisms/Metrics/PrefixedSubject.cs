using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;

namespace Vitrine.Mechanisms.Metrics;

/// <summary>One observation of a policy that flows, whose pictures and words are read once: runs begin where its expert does.</summary>
internal sealed class PrefixedSubject(Subject of, FlowPolicy policy, Observation observation, ActNoise? noise) : IDisposable
{
    private readonly FlowPrefix prefix = policy.Read([observation]);

    /// <summary>Whether a plan leaves alone what was read.</summary>
    public bool Serves(RunPlan plan) => policy.StartsAtPrefix(plan);

    /// <summary>The observation under one plan in as many rows as it is to be acted on.</summary>
    /// <param name="rows">How many.</param>
    /// <param name="plan">One that <see cref="Serves"/> accepts.</param>
    /// <param name="cancellation">Stops between flow steps.</param>
    public SubjectRun Run(int rows, RunPlan plan, CancellationToken cancellation)
    {
        var acted = policy.Act(prefix, plan with { Rows = rows }, noise, cancellation);
        return new SubjectRun(of.Take([.. Enumerable.Repeat(0, rows)]), acted.Run)
        {
            Acted = acted,
            ActionNames = policy.ActionNames,
            ActionSteps = policy.ActionSteps,
        };
    }

    public void Dispose() => prefix.Dispose();
}
