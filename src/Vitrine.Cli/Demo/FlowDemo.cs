using Vitrine.Certification;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.Experts;
using Vitrine.Policies.Flow;
using Vitrine.Views;
using Vitrine.Worlds;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Studies.Files;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Demo;

/// <summary>What <c>vitrine demo</c> measures of the policy that flows: its chunk, its expert's attention and neurons, the rows that carry words.</summary>
internal static class FlowDemo
{
    /// <summary>States that effects of single neurons are measured in, and neurons that are pushed.</summary>
    private const int EffectStates = 8, Pushed = 10;

    /// <summary>The words of the two exchanges: what is said, and what the expert reads of it.</summary>
    private static readonly FlowWord[] Words =
    [
        new("fast", "slowly", "quickly", ActionMetric.Speed, "length of the decided step"),
        new("high", "low", "high", ActionMetric.Rise, "upward part of the decided step (dz)"),
    ];

    /// <remarks>The weights of the stages are their shares of the time that the demo takes at its default size on two cores, in percent.</remarks>
    public static async Task<FlowDemoResult> MeasureAsync(
        FlowPolicy policy, string name, string folder, DemoSize size, IReadOnlyList<Certificate> certificates, Stages stages, CancellationToken cancellation)
    {
        var (example, target) = DemoPictures.Example(size.Seed);
        var expert = policy.Expert.Shape;
        var calibrating = TabletopStates.ForCalibration(size.Seed, 2 * size.States);
        var calibration = await Stage("calibrating the expert's neurons", 4,
            p => Calibration.Measure(policy, calibrating, p, cancellation, expert.Name)).ConfigureAwait(false);
        var up = ActionDirection.Parse("+z", policy.ActionNames);
        var neurons = await Stage("what neurons write and do, beside an untrained expert", 26, p => KeptFile.Measured(
            Path.Combine(folder, "neurons.json"), Key("neurons"), () =>
            {
                using var untrained = FlowPolicy.OpenUntrained(name);
                var asked = new ExpertQuestion(up, Pushed, calibrating, TabletopStates.ForTest(size.Seed, EffectStates), (int)size.Seed)
                {
                    Calibration = calibration,
                };
                return ExpertComparison.Of(policy, untrained, asked, p, cancellation);
            })).ConfigureAwait(false);
        var looks = await Stage("where the expert looks", 3, p => ExpertAttention.Of(
            policy, TabletopStates.Draw(size.Seed, LayoutSplit.Test, TabletopWorld.TaskNames, size.States, adverbs: true), p, cancellation))
            .ConfigureAwait(false);
        var swaps = new List<PrefixSwapResult>();
        foreach (var word in Words)
        {
            swaps.Add(await Stage($"{word.Concept}, which row carries it in one decision", 10, p => KeptFile.Measured(
                Path.Combine(folder, $"onestep-{word.Concept}.json"), Key(word.Concept), () => word.Decide(policy, size, p, cancellation)))
                .ConfigureAwait(false));
        }

        Study[] planned = [Planned("flow-fast", swaps[0].At), Planned("flow-high")];
        var (studies, episodes) = (new List<StudyResult>(), new List<EpisodePair>());
        foreach (var (study, measure) in planned.Zip(FlowDemoResult.Measures))
        {
            var options = new StudyOptions { Workers = size.Workers, Folder = Path.Combine(folder, $"study-{study.Name}") };
            var run = await stages.StageAsync($"{study.Name}, closed loop with {study.Arms.Count} arms", 22, p => new StudyRunner(DemoPictures.NewWorld)
                .RunAsync(study, policy, options, Output.Chunks(p), cancellation))
                .ConfigureAwait(false);
            studies.Add(StudyResult.Of(run));
            episodes.AddRange(DemoPictures.Film(run, DemoPictures.Shown(Verdict.Of(studies[^1], measure))));
        }

        using var act = policy.Act([example], cancellation: cancellation);
        var course = ChunkCourse.Of(policy, example, cancellation: cancellation);
        return new FlowDemoResult
        {
            Policy = policy,
            Size = size,
            Certificates = certificates,
            Calibration = calibration,
            Neurons = neurons,
            Looks = looks,
            Swaps = swaps,
            Studies = studies,
            Episodes = episodes,
            Example = example,
            ExampleAction = act.Actions[0],
            Course = course,
            Attention = DemoPictures.Attention(policy, example, target, cancellation),
        };

        Task<T> Stage<T>(string what, double weight, Func<IProgress<double>, T> work) => stages.StageAsync(what, weight, p => Task.FromResult(work(p)));

        string Key(string what) => Output.ToJson(new { what, policy.Fingerprint, size.States, size.Draws, size.Seed });

        // With one libtorch thread, so that random directions do not depend on how many cores there are.
        Study Planned(string file, int? layer = null)
        {
            using var threads = ComputeThreads.One();
            return new StudyMaker(DemoStudies.Of(file, size), policy) { Calibration = calibration, CarryingLayer = layer, MeasuresStrength = false }
                .Make(cancellation: cancellation).Study;
        }
    }

    /// <summary>Two words of one adverb that are exchanged.</summary>
    /// <param name="Concept">Its name.</param>
    /// <param name="Own">What is said.</param>
    /// <param name="Other">What the expert reads of it.</param>
    /// <param name="Metric">Of the decided action.</param>
    /// <param name="MetricName">The same in words.</param>
    private sealed record FlowWord(string Concept, string Own, string Other, ActionMetric Metric, string MetricName)
    {
        /// <summary>The layer is chosen on states that serve for nothing else.</summary>
        public PrefixSwapResult Decide(FlowPolicy policy, DemoSize size, IProgress<double> progress, CancellationToken cancellation)
        {
            return PrefixSwapResult.Measured(
                policy, (Concept, Own, Other), (Metric, MetricName), States(LayoutSplit.Selection), States(LayoutSplit.Test), size.Draws, progress,
                cancellation);

            IReadOnlyList<Policies.Observation> States(LayoutSplit split) => TabletopStates.Draw(size.Seed, split, ["reach"], size.States);
        }
    }
}
