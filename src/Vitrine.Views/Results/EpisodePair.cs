using Vitrine.Inputs.Pictures;

namespace Vitrine.Views;

/// <summary>The same layout and noise twice: without and with a change.</summary>
public sealed record EpisodePair
{
    /// <summary>What was changed, as <c>attention difference of layer 5</c>.</summary>
    public required string Title { get; init; }

    /// <summary>The episode without the change.</summary>
    public required FilmedEpisode Before { get; init; }

    /// <summary>The episode with it.</summary>
    public required FilmedEpisode After { get; init; }
}

/// <summary>One recorded episode.</summary>
public sealed record FilmedEpisode
{
    /// <summary>A short name, as <c>no edit</c>.</summary>
    public required string Label { get; init; }

    /// <summary>What the policy was told.</summary>
    public required string Instruction { get; init; }

    /// <summary>One picture a control step, all of one size; may be empty.</summary>
    public required IReadOnlyList<Picture> Frames { get; init; }

    /// <summary>Where the gripper is in each frame's picture; may be empty.</summary>
    public IReadOnlyList<PathPoint> GripperPath { get; init; } = [];

    /// <summary>Displacement in each control step, in the world's units; may be empty.</summary>
    public IReadOnlyList<double> Displacements { get; init; } = [];

    /// <summary>Whether the task was solved.</summary>
    public required bool Success { get; init; }
}

/// <summary>A place in a picture, in fractions of its width and height, from the upper left.</summary>
/// <param name="X">From the left edge, 0 to 1.</param>
/// <param name="Y">From the upper edge, 0 to 1.</param>
public sealed record PathPoint(double X, double Y);
