using Vitrine.Inputs.Pictures;

namespace Vitrine.Serving.Fit;

/// <summary>What a message shows, under the names of its protocol.</summary>
public sealed record WireObservation
{
    /// <summary>Pictures in the order of the message.</summary>
    public IReadOnlyList<KeyValuePair<string, Picture>> Cameras { get; init; } = [];

    /// <summary>Vectors in the order of the message.</summary>
    public IReadOnlyList<KeyValuePair<string, double[]>> States { get; init; } = [];

    /// <summary>What the robot is asked to do; null where the message does not say it.</summary>
    public string? Instruction { get; init; }

    /// <summary>Names and sizes alone.</summary>
    public ClientShape Shape => new()
    {
        Cameras = [.. Cameras.Select(c => new ClientCamera(c.Key, c.Value.Height, c.Value.Width))],
        States = [.. States.Select(s => new ClientState(s.Key, s.Value.Length))],
        HasInstruction = Instruction is not null,
    };
}
