using Vitrine.Worlds;

namespace Vitrine.Views;

/// <summary>The same layout and noise twice: without and with a change.</summary>
public sealed record EpisodePair
{
    /// <summary>What is seen, as <c>lift: fails with the edit</c>.</summary>
    public required string Title { get; init; }

    /// <summary>What was changed, and for what; pairs of one subject stand side by side. Words between asterisks are set in italics.</summary>
    public string Subject { get; init; } = "";

    /// <summary>What the change is about, drawn step by step; it has a course.</summary>
    public Measure Measure { get; init; } = Measure.Speed;

    /// <summary>What lengths and times are in.</summary>
    public WorldUnits Units { get; init; } = WorldUnits.Unnamed;

    /// <summary>The episode without the change.</summary>
    public required FilmedEpisode Before { get; init; }

    /// <summary>The episode with it.</summary>
    public required FilmedEpisode After { get; init; }
}

/// <summary>An episode on the page.</summary>
public sealed record FilmedEpisode
{
    /// <summary>A short name, as <c>no edit</c>.</summary>
    public required string Label { get; init; }

    /// <summary>What happened; with pictures where it was filmed (<see cref="EpisodeFilm"/>).</summary>
    public required Episode Episode { get; init; }

    /// <summary>Where the gripper is in each picture; empty where the camera's place is not known.</summary>
    public IReadOnlyList<PathPoint> GripperPath { get; init; } = [];

    /// <summary>An episode seen by a camera whose projection is known.</summary>
    /// <param name="label">A short name.</param>
    /// <param name="episode">What happened.</param>
    /// <param name="project">From a place in the world to one in the picture.</param>
    public static FilmedEpisode Of(string label, Episode episode, Func<Position, PathPoint> project)
    {
        ArgumentNullException.ThrowIfNull(episode);
        return new FilmedEpisode { Label = label, Episode = episode, GripperPath = [.. episode.Path.Select(project)] };
    }
}

/// <summary>A place in a picture, in fractions of its width and height, from the upper left.</summary>
/// <param name="X">From the left edge, 0 to 1.</param>
/// <param name="Y">From the upper edge, 0 to 1.</param>
public sealed record PathPoint(double X, double Y);
