using Vitrine.Certification;
using Vitrine.Mechanisms.Concepts;
using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Views;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;

namespace Vitrine.Cli.Demo;

/// <summary>All that the demo measured, before it becomes a page.</summary>
internal sealed record DemoResult
{
    public required Policy Policy { get; init; }

    public required DemoSize Size { get; init; }

    public required IReadOnlyList<Certificate> Certificates { get; init; }

    public required TokenReader Tokens { get; init; }

    public required IReadOnlyList<IReadOnlyList<NeuronReading>> Readings { get; init; }

    public required IReadOnlyList<LayerReading> Profile { get; init; }

    public required IReadOnlyDictionary<string, IReadOnlyList<ClusterNeuron>> Clusters { get; init; }

    public required IReadOnlyList<WordList> Words { get; init; }

    public required Calibration Calibration { get; init; }

    public required IReadOnlyList<OneStepResult> OneStep { get; init; }

    public required IReadOnlyList<StudyResult> Studies { get; init; }

    public required Observation Example { get; init; }

    public required PolicyAction ExampleAction { get; init; }

    /// <summary>Where every head looks.</summary>
    public required IReadOnlyList<AttentionMap> Attention { get; init; }

    public required IReadOnlyList<EpisodePair> Episodes { get; init; }
}
