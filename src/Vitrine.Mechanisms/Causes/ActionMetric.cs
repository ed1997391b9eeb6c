using Vitrine.Transformers;

namespace Vitrine.Mechanisms.Causes;

/// <summary>A number read off an action in the robot's units.</summary>
/// <param name="Name">For tables.</param>
/// <param name="Of">From an action.</param>
public sealed record ActionMetric(string Name, Func<IReadOnlyList<double>, double> Of)
{
    internal static readonly string[] Translation = ["dx", "dy", "dz"];

    /// <summary>Length of the translation, of actions that begin with dx, dy, dz; <see cref="Named"/> makes sure of that.</summary>
    public static ActionMetric Speed { get; } = new("speed", a => Math.Sqrt((a[0] * a[0]) + (a[1] * a[1]) + (a[2] * a[2])));

    /// <summary>Upward translation, of actions that begin with dx, dy, dz.</summary>
    public static ActionMetric Rise { get; } = new("dz", a => a[2]);

    /// <summary>The metric of a name: one dimension of the action, or <c>speed</c>.</summary>
    /// <param name="name">What the user wrote.</param>
    /// <param name="dimensions">What the numbers of an action are, in order.</param>
    /// <exception cref="VitrineException">The actions have no such dimension, or no translation to take the length of.</exception>
    public static ActionMetric Named(string name, IReadOnlyList<string> dimensions)
    {
        ArgumentNullException.ThrowIfNull(dimensions);
        var known = string.Join(", ", dimensions);
        if (Enumerable.Range(0, dimensions.Count).FirstOrDefault(i => dimensions[i] == name, -1) is >= 0 and var at)
        {
            return new ActionMetric(name, a => a[at]);
        }

        if (name == Speed.Name)
        {
            return dimensions.Take(3).SequenceEqual(Translation)
                ? Speed
                : throw new VitrineException(
                    $"metric 'speed': is the length of dx, dy, dz, the first three of an action; these actions are {known}. Name one of them.");
        }

        var nearest = Nearest.Of(name, [Speed.Name, .. dimensions]);
        throw new VitrineException($"metric '{name}': is no dimension of these actions; known are speed, {known}; the nearest is '{nearest}'.");
    }
}

/// <summary>What one arm did to one decision, state by state; callers put intervals around the means.</summary>
/// <param name="Arm">Name of the arm.</param>
/// <param name="Hard">Change of the metric of the decoded action.</param>
/// <param name="Soft">Change of the metric of the expected action, which is smooth where the decoded one jumps by a bin.</param>
/// <param name="Changed">Share of states whose decoded action differs.</param>
/// <param name="Cosine">Mean cosine of the translation with the unedited one; a state without motion counts 0.</param>
public sealed record ArmEffect(string Arm, IReadOnlyList<double> Hard, IReadOnlyList<double> Soft, double Changed, double Cosine)
{
    /// <summary>Edits of the arm that touched nothing.</summary>
    public IReadOnlyList<UntouchedEdit> Untouched { get; init; } = [];
}
