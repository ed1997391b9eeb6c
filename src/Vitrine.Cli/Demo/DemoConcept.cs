using Vitrine.Mechanisms.Causes;

namespace Vitrine.Cli.Demo;

/// <summary>A concept that the demo follows from the vocabulary to the moving robot.</summary>
/// <param name="Name">Of its word list.</param>
/// <param name="Word">What is said to the robot.</param>
/// <param name="Metric">What the word should change in one decision.</param>
/// <param name="MetricName">The same in words.</param>
/// <param name="Measure">Name of the closed-loop measure.</param>
/// <param name="Tasks">Tasks in which the word has a meaning.</param>
internal sealed record DemoConcept(string Name, string Word, ActionMetric Metric, string MetricName, string Measure, IReadOnlyList<string> Tasks)
{
    public static IReadOnlyList<DemoConcept> All { get; } =
    [
        new("fast", "quickly", ActionMetric.Speed, "length of the decided step", "speed", ["reach", "lift", "push"]),
        new("high", "high", ActionMetric.Rise, "upward part of the decided step (dz)", "height", ["reach", "lift"]),
    ];
}

/// <summary>How much the demo measures.</summary>
/// <param name="States">Situations of each one-step table, and as many to select on.</param>
/// <param name="Layouts">Closed-loop layouts of each arm.</param>
/// <param name="Draws">Random draws of each control.</param>
/// <param name="Steps">Control steps of an episode.</param>
/// <param name="Workers">Batches side by side.</param>
/// <param name="Seed">Decides all that is drawn.</param>
internal sealed record DemoSize(int States, int Layouts, int Draws, int Steps, int Workers, ulong Seed);
