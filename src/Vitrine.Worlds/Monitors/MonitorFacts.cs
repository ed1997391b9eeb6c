using Vitrine.Worlds.Studies;

namespace Vitrine.Worlds.Monitors;

/// <summary>What a monitor is, as its JSON file says it; its numbers lie beside that.</summary>
public sealed record MonitorFacts
{
    /// <summary>What this version writes.</summary>
    public const string CurrentFormat = "vitrine.monitor/1";

    /// <summary>The form of the file.</summary>
    public string Format { get; init => field = value ?? CurrentFormat; } = CurrentFormat;

    /// <summary>Its name, in readings and tables.</summary>
    public required string Name { get; init; }

    /// <summary>How it scores.</summary>
    public required MonitorKind Kind { get; init; }

    /// <summary>The policy whose activations it reads, by the fingerprint of all weights.</summary>
    public required StudyPolicy Policy { get; init; }

    /// <summary>Addresses that it reads, in the order of its numbers.</summary>
    public required IReadOnlyList<string> Points { get; init; }

    /// <summary>Above it, there is an alarm.</summary>
    public required double Threshold { get; init; }

    /// <summary>What it is to alarm at.</summary>
    public required MonitorLabel Label { get; init; }

    /// <summary>The share of false alarms that the threshold was set for: of acts, or of episodes where the kind is conformal.</summary>
    public required double FalseAlarms { get; init; }

    /// <summary>Episodes that it was fitted and calibrated on, as <c>TASK INDEX of seed SEED</c>: it must be judged on others.</summary>
    public required IReadOnlyList<string> TrainedOn { get; init; }

    /// <summary>How it did on episodes that served for no training; null where it was not judged.</summary>
    public MonitorReport? Report { get; init; }
}
