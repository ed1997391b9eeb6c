using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Studies.Files;
using Vitrine.Worlds.Tabletop;

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

    /// <summary>Its edits with their controls, made on states that serve for nothing else.</summary>
    /// <remarks>
    /// The first concept's are made with all cores and the others' with one, as every demo so far has made them: with another number of threads the last bits
    /// of a mean difference differ, and with them the fingerprints of the arms.
    /// </remarks>
    public ConceptEdits Edits(
        Policy policy, NeuronSet cluster, IReadOnlySet<Neuron> clustered, Calibration calibration, DemoSize size, CancellationToken cancellation)
    {
        var selection = new ConceptSelection
        {
            Word = Word,
            States = TabletopStates.Draw(size.Seed, LayoutSplit.Selection, Tasks, size.States),
            Neurons = cluster,
            Dose = Dose.Sigmas(4),
            Calibration = calibration,
            Clustered = clustered,
            Draws = size.Draws,
            Seed = (int)size.Seed,
        };
        using var threads = this == All[0] ? null : ComputeThreads.One();
        return new ConceptEdits(policy, selection, cancellation);
    }

    /// <summary>Where it acts in one decision.</summary>
    public OneStepResult Decide(Policy policy, ConceptEdits edits, DemoSize size, IProgress<double> progress, CancellationToken cancellation)
    {
        var states = TabletopStates.Draw(size.Seed, LayoutSplit.Test, Tasks, size.States);
        return OneStepResult.Of(Name, MetricName, edits, new OneStepExperiment(policy, edits, states).Run(Metric, size.Workers, progress, cancellation));
    }

    /// <summary>The study file that ships of it, made with what was measured already: the same layouts and pixel noise in every arm.</summary>
    public Study Study(Policy policy, ConceptEdits edits, LexicalPatterns patterns, Calibration calibration, DemoSize size)
        => new StudyMaker(DemoStudies.Of(Name, size), policy)
        {
            Calibration = calibration,
            Patterns = patterns,
            Differences = new Dictionary<string, WordDifference> { [Word] = edits.Difference },
            MeasuresStrength = false,
        }.Make().Study;
}

/// <summary>How much the demo measures.</summary>
/// <param name="States">Situations of each one-step table, and as many to select on.</param>
/// <param name="Layouts">Closed-loop layouts of each arm.</param>
/// <param name="Draws">Random draws of each control.</param>
/// <param name="Steps">Control steps of an episode.</param>
/// <param name="Workers">Batches side by side.</param>
/// <param name="Seed">Decides all that is drawn.</param>
internal sealed record DemoSize(int States, int Layouts, int Draws, int Steps, int Workers, ulong Seed);
