namespace Vitrine.Policies;

/// <summary>What a policy reads of an observation and how long its chunks are: known before it acts.</summary>
public sealed record PolicyNeeds
{
    /// <summary>Its cameras by name, in order; none where pictures of any name will do.</summary>
    public IReadOnlyList<string> Cameras { get; init; } = [];

    /// <summary>Whether it refuses to act where one of <see cref="Cameras"/> is missing; else it does without.</summary>
    public bool NeedsEveryCamera { get; init; }

    /// <summary>Whether it reads one picture alone, whatever its camera is called.</summary>
    public bool ReadsOnePicture { get; init; }

    /// <summary>Numbers of the state that it reads; 0 where it reads none.</summary>
    public int StateWidth { get; init; }

    /// <summary>What they are, in order; none where no file says it.</summary>
    public IReadOnlyList<string> StateNames { get; init; } = [];

    /// <summary>Control steps of a chunk.</summary>
    public required int Horizon { get; init; }

    /// <summary>Whether it reads an instruction.</summary>
    public bool ReadsWords { get; init; } = true;
}
