namespace Vitrine.Serving.Fit;

/// <summary>A camera of a client.</summary>
/// <param name="Name">As it stands in messages.</param>
/// <param name="Height">Rows; 0 where it is not known.</param>
/// <param name="Width">Columns; 0 where it is not known.</param>
public sealed record ClientCamera(string Name, int Height = 0, int Width = 0);

/// <summary>A vector of a client.</summary>
/// <param name="Name">As it stands in messages.</param>
/// <param name="Width">Numbers.</param>
public sealed record ClientState(string Name, int Width);

/// <summary>What a client sends and expects: names and sizes, no numbers.</summary>
public sealed record ClientShape
{
    /// <summary>What it is called.</summary>
    public string Name { get; init; } = "the client";

    /// <summary>Which protocol it speaks; empty where it is not known.</summary>
    public string Protocol { get; init; } = "";

    /// <summary>Its cameras, in order.</summary>
    public IReadOnlyList<ClientCamera> Cameras { get; init => field = value ?? []; } = [];

    /// <summary>Its vectors, in order.</summary>
    public IReadOnlyList<ClientState> States { get; init => field = value ?? []; } = [];

    /// <summary>Whether it says what the robot is to do.</summary>
    public bool HasInstruction { get; init; } = true;

    /// <summary>Numbers of an action that it carries out; null where it is not known.</summary>
    public int? ActionWidth { get; init; }

    /// <summary>What these numbers are in, in words; empty where it is not known.</summary>
    public string ActionUnits { get; init => field = value ?? ""; } = "";

    /// <summary>Rows of a chunk that it wants at least; null where any number will do.</summary>
    public int? Chunk { get; init; }

    /// <summary>Rows of a chunk that it carries out before it asks again; null where it is not known.</summary>
    public int? Replan { get; init; }

    /// <summary>Control steps a second; null where it is not known.</summary>
    public double? Rate { get; init; }

    /// <summary>Whether another has the same names and sizes.</summary>
    public bool IsLike(ClientShape other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return HasInstruction == other.HasInstruction && Cameras.SequenceEqual(other.Cameras) && States.SequenceEqual(other.States);
    }
}
