namespace Vitrine.Views;

/// <summary>What an arm of a closed-loop study is.</summary>
public enum ArmKind
{
    /// <summary>The policy as it is.</summary>
    Baseline,

    /// <summary>The concept said in the prompt.</summary>
    Prompt,

    /// <summary>An edit that is under test.</summary>
    Edit,

    /// <summary>The same edit at dose zero: a control.</summary>
    ZeroDose,

    /// <summary>Random neurons, matched to the edited ones: a control.</summary>
    MatchedRandom,

    /// <summary>A random direction of the same norm: a control.</summary>
    RandomDirection,
}

/// <summary>One arm of a closed-loop study. Changes are paired differences to the baseline.</summary>
public sealed record StudyRow
{
    /// <summary>The arm's name.</summary>
    public required string Arm { get; init; }

    /// <summary>What the arm is.</summary>
    public required ArmKind Kind { get; init; }

    /// <summary>The concept under test; rows of one concept stand together. Empty for the baseline.</summary>
    public string Concept { get; init; } = "";

    /// <summary>Episodes in the arm.</summary>
    public required int Episodes { get; init; }

    /// <summary>Change of speed; null when not measured.</summary>
    public Interval? SpeedChange { get; init; }

    /// <summary>Change of height; null when not measured.</summary>
    public Interval? HeightChange { get; init; }

    /// <summary>Success rate with its Wilson interval, 0 to 1.</summary>
    public required Interval Success { get; init; }

    /// <summary>Change of the success rate; null when not measured.</summary>
    public Interval? SuccessChange { get; init; }

    /// <summary>The p value after correction for the number of arms; null when there is none.</summary>
    public double? AdjustedP { get; init; }

    /// <summary>Success by task, 0 to 1; may be empty.</summary>
    public IReadOnlyList<TaskSuccess> Tasks { get; init; } = [];

    /// <summary>Range of the draws' speed changes, in a random control.</summary>
    public DrawRange? SpeedDraws { get; init; }

    /// <summary>Range of the draws' height changes, in a random control.</summary>
    public DrawRange? HeightDraws { get; init; }

    /// <summary>Range of the draws' success rates, in a random control.</summary>
    public DrawRange? SuccessDraws { get; init; }

    /// <summary>Whether the arm is there to be compared with.</summary>
    public bool IsControl => Kind is ArmKind.Baseline or ArmKind.ZeroDose or ArmKind.MatchedRandom or ArmKind.RandomDirection;
}

/// <summary>Success on one task.</summary>
/// <param name="Task">The task's name.</param>
/// <param name="Rate">Success rate, 0 to 1.</param>
/// <param name="Episodes">Episodes of the task.</param>
public sealed record TaskSuccess(string Task, double Rate, int Episodes);

/// <summary>A closed-loop study: its arms and what its axes mean.</summary>
public sealed record StudySummary
{
    /// <summary>The arms, in the order in which they are drawn.</summary>
    public required IReadOnlyList<StudyRow> Rows { get; init; }

    /// <summary>What speed is, as <c>displacement per step, first 6 steps</c>.</summary>
    public string SpeedMeaning { get; init; } = "change of speed";

    /// <summary>What height is.</summary>
    public string HeightMeaning { get; init; } = "change of height";

    /// <summary>One line on pairing, number of layouts and correction; may be empty.</summary>
    public string Note { get; init; } = "";
}
