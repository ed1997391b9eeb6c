using Vitrine.Worlds;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;

namespace Vitrine.Views;

/// <summary>A study on the page.</summary>
/// <param name="Result">What it found.</param>
/// <param name="Measure">The measure that it is about, by name: whose adjusted p is shown.</param>
public sealed record ShownStudy(StudyResult Result, string Measure);

/// <summary>What a concept does in one decision, on the page.</summary>
/// <param name="Result">What was found.</param>
/// <param name="Unit">Of its metric, as <c>table widths</c>; may be empty.</param>
public sealed record ShownDecision(OneStepResult Result, string Unit = "");

/// <summary>Closed-loop studies in one drawing, and what its axes mean.</summary>
public sealed record StudySummary
{
    /// <summary>The studies, in the order in which they are drawn.</summary>
    public required IReadOnlyList<ShownStudy> Studies { get; init; }

    /// <summary>What speed is, as <c>displacement per step, first 6 steps</c>.</summary>
    public string SpeedMeaning { get; init; } = "change of speed";

    /// <summary>What height is.</summary>
    public string HeightMeaning { get; init; } = "change of height";

    /// <summary>What lengths and times are in.</summary>
    public WorldUnits Units { get; init; } = WorldUnits.Unnamed;

    /// <summary>One line on pairing, number of layouts and correction; may be empty.</summary>
    public string Note { get; init; } = "";
}
