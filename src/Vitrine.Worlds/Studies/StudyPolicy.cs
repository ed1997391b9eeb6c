using System.Text.Json.Serialization;
using Vitrine.Policies;

namespace Vitrine.Worlds.Studies;

/// <summary>The policy of a study, so that another machine can tell whether it has the same.</summary>
/// <param name="Name">Where it was found; says nothing about what it is.</param>
/// <param name="Fingerprint">Of all its weights and of the files beside them.</param>
/// <param name="Units">In whose units it answers; null where its checkpoint has one data set.</param>
public sealed record StudyPolicy(string Name, string Fingerprint, string? Units = null)
{
    /// <summary>The fingerprint's beginning, for messages.</summary>
    [JsonIgnore]
    public string Short => Fingerprint[..Math.Min(12, Fingerprint.Length)];

    /// <summary>Names a policy, in the units that it answers in.</summary>
    public static StudyPolicy Of(Policy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return new StudyPolicy(policy.Name, policy.Fingerprint, policy.Units);
    }

    /// <summary>Refuses a policy that is not the study's.</summary>
    /// <exception cref="VitrineException">Its weights differ, its units do, or it is under a plan that the study does not know.</exception>
    internal void Check(string study, Policy policy)
    {
        if (policy.Fingerprint != Fingerprint)
        {
            throw new VitrineException($"study '{study}': is of the policy '{Name}' with the weights {Short}; "
                + $"'{policy.Name}' has the weights {Of(policy).Short}.");
        }

        if (policy.Units is { } units && units != Units)
        {
            throw new VitrineException($"study '{study}': is in the units '{Units}'; the policy answers in '{units}'.");
        }

        if (policy.Plan.Edits.Count > 0)
        {
            throw new VitrineException($"study '{study}': the policy is under a plan of {policy.Plan.Edits.Count} edits of its own; "
                + "plans belong to the study's arms.");
        }
    }
}
