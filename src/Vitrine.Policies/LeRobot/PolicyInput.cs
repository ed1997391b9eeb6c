using Vitrine.Inputs.Pictures;

namespace Vitrine.Policies.LeRobot;

/// <summary>One observation on its way through a policy's input pipeline.</summary>
internal sealed class PolicyInput
{
    /// <summary>Pictures by feature; a camera that the observation lacks is not there.</summary>
    public required IReadOnlyDictionary<string, Picture> Pictures { get; init; }

    /// <summary>What is asked of the robot; steps rewrite it.</summary>
    public required string Task { get; set; }

    /// <summary><c>observation.state</c>; steps rewrite it. None where the policy reads none.</summary>
    public required float[] State { get; set; }

    /// <summary>The state as the robot measured it, where actions are relative to it.</summary>
    public float[]? RawState { get; set; }

    /// <summary>The words of the prompt, padding left out; null where no step makes them.</summary>
    public int[]? Words { get; set; }
}

/// <summary>One step of the input pipeline.</summary>
internal interface IInputStep
{
    /// <summary>Rewrites the input.</summary>
    void Apply(PolicyInput input);
}
