using Vitrine.Worlds.Studies;

namespace Vitrine.Views;

/// <summary>A study on the page.</summary>
/// <param name="Result">What it found.</param>
/// <param name="Measure">The measure that it is about, by name: whose adjusted p is shown.</param>
public sealed record ShownStudy(StudyResult Result, string Measure);

/// <summary>Closed-loop studies in one drawing, and what its axes mean.</summary>
public sealed record StudySummary
{
    /// <summary>The studies, in the order in which they are drawn.</summary>
    public required IReadOnlyList<ShownStudy> Studies { get; init; }

    /// <summary>What speed is, as <c>displacement per step, first 6 steps</c>.</summary>
    public string SpeedMeaning { get; init; } = "change of speed";

    /// <summary>What height is.</summary>
    public string HeightMeaning { get; init; } = "change of height";

    /// <summary>One line on pairing, number of layouts and correction; may be empty.</summary>
    public string Note { get; init; } = "";
}
