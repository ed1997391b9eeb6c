using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Points;
using Vitrine.Worlds.Records;
using Vitrine.Worlds.Studies;
using static TorchSharp.torch;

namespace Vitrine.Worlds.Monitors;

/// <summary>Watches a policy while it acts: one score an act, out of activations where the action is decided, and an alarm above a threshold.</summary>
/// <remarks>
/// It reads the mean over the deciding positions of each of its points (over all positions of points of other stacks), one behind the other: x. The score is
/// w x + b of a probe, or the distance sqrt(u' S^-1 u / d) with u = (x - mean) / scale and S the covariance of the quiet acts, a tenth of the way to the
/// identity (Mahalanobis 1936; directions beyond the first 64 share their mean variance). It keeps nothing from act to act, so several episodes may share it.
/// </remarks>
public sealed class ActivationMonitor
{
    private readonly Address[] addresses;
    private readonly MonitorNumbers numbers;

    internal ActivationMonitor(MonitorFacts facts, MonitorNumbers numbers)
        => (Facts, this.numbers, addresses) = (facts, numbers, [.. facts.Points.Select(Address.Parse)]);

    /// <summary>What it is and how it was made.</summary>
    public MonitorFacts Facts { get; }

    /// <summary>Its name.</summary>
    public string Name => Facts.Name;

    /// <summary>Addresses that a run must capture for it.</summary>
    public IReadOnlyList<string> Points => Facts.Points;

    /// <summary>What a run must capture for it.</summary>
    public RunPlan Capture => RunPlan.Capturing([.. Points]);

    /// <summary>Above it, there is an alarm.</summary>
    public double Threshold => Facts.Threshold;

    /// <summary>Reads a monitor.</summary>
    /// <param name="file">The JSON that <see cref="Save"/> wrote; its numbers lie beside it, in a <c>.safetensors</c> file of the same name.</param>
    /// <exception cref="VitrineException">It is none, or its numbers are missing or of other shapes.</exception>
    public static ActivationMonitor Open(string file)
    {
        try
        {
            var facts = RecordJson.Read<MonitorFacts>(File.ReadAllText(file), file);
            if (facts.Format != MonitorFacts.CurrentFormat || facts.Points.Count == 0)
            {
                throw new VitrineException(
                    $"{file}: is of the form '{facts.Format}' with {facts.Points.Count} points; expected {MonitorFacts.CurrentFormat} and a point.");
            }

            return new ActivationMonitor(facts, MonitorNumbers.Load(NumbersOf(file)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{file}: cannot be read ({e.Message}).", e);
        }
    }

    /// <summary>Refuses a name that no monitor can be saved under.</summary>
    internal static void RequireName(string file)
    {
        if (!file.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            throw new VitrineException($"{file}: a monitor is a JSON file with its numbers beside it; give it a name that ends in .json.");
        }
    }

    /// <summary>Writes the monitor: facts as JSON, numbers as safetensors beside it.</summary>
    /// <param name="file">Ends in <c>.json</c>.</param>
    /// <exception cref="VitrineException">It ends otherwise, or cannot be written.</exception>
    public void Save(string file)
    {
        ArgumentNullException.ThrowIfNull(file);
        RequireName(file);
        numbers.Save(NumbersOf(file));
        AtomicFile.WriteAllText(file, RecordJson.Write(Facts, indented: true));
    }

    /// <summary>Refuses a policy that it was not trained on.</summary>
    /// <exception cref="VitrineException">Both are named.</exception>
    public void Require(Policy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        if (policy.Fingerprint != Facts.Policy.Fingerprint)
        {
            throw new VitrineException($"monitor '{Name}': was trained on the policy '{Facts.Policy.Name}' with the weights {Facts.Policy.Short}; "
                + $"'{policy.Name}' has the weights {StudyPolicy.Of(policy).Short}.");
        }
    }

    /// <summary>What it says of an act.</summary>
    /// <param name="run">In which <see cref="Points"/> were captured.</param>
    /// <param name="row">Which observation.</param>
    /// <exception cref="VitrineException">A point was not captured, or is of another width.</exception>
    public MonitorReading Read(PolicyRun run, int row = 0)
    {
        ArgumentNullException.ThrowIfNull(run);
        using var scope = NewDisposeScope();
        return Reading([.. addresses.SelectMany(address => run.Run.Activations.ContainsKey(address)
            ? KeptActivations.Pooled(KeptActivations.Of(run, row, address, everywhere: false))
            : throw new VitrineException($"monitor '{Name}': '{address}' was not captured; add the monitor's capture to the plan."))]);
    }

    /// <summary>What it says of a step that was recorded; null where the policy did not act anew.</summary>
    /// <param name="record">Which keeps <see cref="Points"/>.</param>
    /// <param name="step">From 0.</param>
    /// <exception cref="VitrineException">A point was not kept, or is of another width.</exception>
    public MonitorReading? Read(EpisodeRecord record, int step)
    {
        ArgumentNullException.ThrowIfNull(record);
        using var kept = new RecordedActivations(record.Folder);
        return record.Steps[step].Acted ? Reading(MonitorExamples.Features(record, kept, step, Points)) : null;
    }

    internal ActivationMonitor Reported(MonitorReport report) => new(Facts with { Report = report }, numbers);

    /// <summary>The score of what the points hold.</summary>
    /// <param name="x">The points' means, one behind the other.</param>
    internal double Score(ReadOnlySpan<float> x) => x.Length == numbers.Width
        ? numbers.Score(x, Facts.Kind)
        : throw new VitrineException($"monitor '{Name}': reads {numbers.Width} numbers at {string.Join(", ", Points)}; these are {x.Length}.");

    private static string NumbersOf(string file) => Path.ChangeExtension(file, ".safetensors");

    private MonitorReading Reading(float[] x) => new(Name, Score(x), Threshold);
}
