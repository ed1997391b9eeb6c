namespace Vitrine.Serving.Fit;

/// <summary>What a user says about names: which of a client's pictures and vectors are which of the policy's.</summary>
public sealed record NameMap
{
    /// <summary>From the policy's camera to the client's.</summary>
    public IReadOnlyDictionary<string, string> Cameras { get; init; } = new Dictionary<string, string>();

    /// <summary>The client's vectors that make the state, one behind the other; as <see cref="FitCheck"/> finds them where empty.</summary>
    public IReadOnlyList<string> State { get; init; } = [];

    /// <summary>What the robot is asked to do where a message does not say it.</summary>
    public string? Instruction { get; init; }

    /// <summary>Whether what would have to be guessed is refused.</summary>
    public bool Strict { get; init; }
}
