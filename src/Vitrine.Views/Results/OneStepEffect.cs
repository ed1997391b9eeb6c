namespace Vitrine.Views;

/// <summary>Where a concept acts on one decision, and the controls of that measurement. Every number is in the metric's units.</summary>
public sealed record OneStepEffect
{
    /// <summary>The concept, as <c>fast</c>.</summary>
    public required string Concept { get; init; }

    /// <summary>What was measured, as <c>displacement per step</c>.</summary>
    public required string Metric { get; init; }

    /// <summary>What the words themselves change in the metric; every share in the view is a share of its mean.</summary>
    public required Interval Prompt { get; init; }

    /// <summary>The parts, by component and layer.</summary>
    public required IReadOnlyList<OneStepRow> Rows { get; init; }

    /// <summary>The controls; may be empty.</summary>
    public IReadOnlyList<OneStepControl> Controls { get; init; } = [];
}

/// <summary>What one part of the network does to the metric, asked in three ways.</summary>
public sealed record OneStepRow
{
    /// <summary>The component, as <c>attention</c>, <c>feed-forward</c> or <c>residual</c>.</summary>
    public required string Component { get; init; }

    /// <summary>The layer, counted from 0; null for all layers together.</summary>
    public required int? Layer { get; init; }

    /// <summary>The effect of adding the mean difference that the words make here; null when not measured.</summary>
    public Interval? MeanDifference { get; init; }

    /// <summary>State by state: the effect of this part's output alone, put in from the run with the words (sufficiency).</summary>
    public Interval? Sufficient { get; init; }

    /// <summary>State by state: the effect that remains of the words when this part is held at the run without them (necessity; near 0 means needed).</summary>
    public Interval? Necessary { get; init; }
}

/// <summary>One control of a <see cref="OneStepEffect"/>.</summary>
public sealed record OneStepControl
{
    /// <summary>The control's name, as <c>zero dose</c> or <c>random direction, same norm</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The estimate, where the control is one arm.</summary>
    public Interval? Effect { get; init; }

    /// <summary>The range of the draws, where the control is random.</summary>
    public DrawRange? Draws { get; init; }
}
