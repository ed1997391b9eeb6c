using Vitrine.Policies.Actions;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;

namespace Vitrine.Policies;

/// <summary>How a policy acts, besides what it sees.</summary>
public sealed record ActOptions
{
    /// <summary>Where the deciding stack starts; at its embeddings when null. What stands in front of it is then not computed.</summary>
    public RunStart? From { get; init; }

    /// <summary>Where the chunks of a flow policy start; <see cref="ActNoise.Default"/> when null. Refused by a policy that starts from none.</summary>
    public ActNoise? Noise { get; init; }

    /// <summary>Hears how far the act is, on the calling thread.</summary>
    public IProgress<ActProgress>? Progress { get; init; }

    /// <summary>Is told what each phase took; null where nobody asks. Families that do not divide their acts end a phase with each token.</summary>
    public ActTiming? Timing { get; init; }
}

/// <summary>What a policy family is asked: observations under a bound plan.</summary>
public sealed record ActRequest
{
    /// <summary>At least one.</summary>
    public required IReadOnlyList<Observation> Observations { get; init; }

    /// <summary>Bound to the policy.</summary>
    public required BoundPlan Plan { get; init; }

    /// <summary>Whose units to answer in; null where the checkpoint has one data set.</summary>
    public string? Units { get; init; }

    /// <summary>Where to start, and who hears of it.</summary>
    public required ActOptions Options { get; init; }

    /// <summary>Stops between passes.</summary>
    public CancellationToken Cancellation { get; init; }
}
