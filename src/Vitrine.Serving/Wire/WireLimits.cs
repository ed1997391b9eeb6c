namespace Vitrine.Serving.Wire;

/// <summary>How much a peer may send: what is beyond is refused by name before anything is allocated for it.</summary>
public sealed record WireLimits
{
    /// <summary>The limits of a server that was told none.</summary>
    public static WireLimits Default { get; } = new();

    /// <summary>Bytes of one message.</summary>
    public int MessageBytes { get; init; } = 64 << 20;

    /// <summary>Maps and lists inside one another.</summary>
    public int Depth { get; init; } = 32;

    /// <summary>Values of one message, arrays counted as one.</summary>
    public int Values { get; init; } = 100_000;

    /// <summary>Axes of an array; numpy's own limit.</summary>
    public int Axes { get; init; } = 32;

    /// <summary>Pixels of one picture.</summary>
    public int Pixels { get; init; } = 4096 * 4096;
}
