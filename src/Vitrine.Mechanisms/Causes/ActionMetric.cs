using Vitrine.Policies;

namespace Vitrine.Mechanisms.Causes;

/// <summary>A number read off an action in the robot's units.</summary>
/// <param name="Name">For tables.</param>
/// <param name="Of">From an action.</param>
public sealed record ActionMetric(string Name, Func<IReadOnlyList<double>, double> Of)
{
    /// <summary>Length of the translation (dx, dy, dz), an action's first three numbers.</summary>
    public static ActionMetric Speed { get; } = new("speed", a => Math.Sqrt((a[0] * a[0]) + (a[1] * a[1]) + (a[2] * a[2])));

    /// <summary>Upward translation dz, an action's third number.</summary>
    public static ActionMetric Rise { get; } = new("dz", a => a[2]);

    /// <summary>One number of an action as it is.</summary>
    /// <param name="policy">Whose actions.</param>
    /// <param name="name">One of its <see cref="Policy.ActionNames"/>.</param>
    /// <exception cref="VitrineException">Its actions have no such number.</exception>
    public static ActionMetric Named(Policy policy, string name)
    {
        ArgumentNullException.ThrowIfNull(policy);
        var index = policy.ActionNames.ToList().IndexOf(name);
        return index >= 0 ? new ActionMetric(name, a => a[index]) : throw new VitrineException($"metric: actions of {policy.Name} have no '{name}', only {string.Join(", ", policy.ActionNames)}.");
    }
}

/// <summary>What one arm did to one decision, state by state; callers put intervals around the means.</summary>
/// <param name="Arm">Name of the arm.</param>
/// <param name="Hard">Change of the metric of the decoded action.</param>
/// <param name="Soft">Change of the metric of the expected action, which is smooth where the decoded one jumps by a bin.</param>
/// <param name="Changed">Share of states whose decoded action differs.</param>
/// <param name="Cosine">Mean cosine of the translation with the unedited one; a state without motion counts 0.</param>
public sealed record ArmEffect(string Arm, IReadOnlyList<double> Hard, IReadOnlyList<double> Soft, double Changed, double Cosine);
