namespace Vitrine.Mechanisms.Diagnoses;

/// <summary>One change of what a policy is given, and how far its chunk moves.</summary>
/// <param name="About">What was changed: noise, instruction, camera, state.</param>
/// <param name="What">How.</param>
/// <param name="Example">The first observation's, where it can be said in words; else empty.</param>
/// <param name="Changes">Root mean square of the change of the chunk, normalised, one an observation; empty where the policy refused.</param>
public sealed record DiagnosisTrial(string About, string What, string Example, IReadOnlyList<double> Changes)
{
    /// <summary>Why the policy could not be asked so; null where it could.</summary>
    public string? Refused { get; init; }
}
