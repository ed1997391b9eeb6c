using Vitrine.Certification;
using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.Experts;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Views;
using Vitrine.Worlds;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;

namespace Vitrine.Cli.Demo;

/// <summary>All that the demo measured of the policy that flows, before it becomes a page.</summary>
internal sealed record FlowDemoResult
{
    /// <summary>What each study is about, in their order.</summary>
    public static IReadOnlyList<string> Measures { get; } = [Measure.Speed.Name, Measure.Height.Name];

    public required FlowPolicy Policy { get; init; }

    public required DemoSize Size { get; init; }

    public required IReadOnlyList<Certificate> Certificates { get; init; }

    public required Calibration Calibration { get; init; }

    public required ExpertComparison Neurons { get; init; }

    public required IReadOnlyList<ExpertLook> Looks { get; init; }

    public required IReadOnlyList<PrefixSwapResult> Swaps { get; init; }

    public required IReadOnlyList<StudyResult> Studies { get; init; }

    public required IReadOnlyList<EpisodePair> Episodes { get; init; }

    public required Observation Example { get; init; }

    public required PolicyAction ExampleAction { get; init; }

    public required ChunkCourse Course { get; init; }

    /// <summary>Where every head looks.</summary>
    public required IReadOnlyList<AttentionMap> Attention { get; init; }

    public Verdict[] Verdicts() => [.. Studies.Zip(Measures, (study, measure) => Verdict.Of(study, measure)).SelectMany(v => v)];
}
