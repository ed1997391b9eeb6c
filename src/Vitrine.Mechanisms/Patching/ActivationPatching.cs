using Vitrine.Mechanisms.Metrics;

namespace Vitrine.Mechanisms.Patching;

/// <summary>
/// Activation patching and ablation: a run in which one activation is replaced by that of another run, by zeros, by a mean or by another row's, for every cell
/// of a sweep.
/// </summary>
/// <remarks>
/// Vig et al. 2020; Meng et al. 2022; Wang et al. 2022; Zhang and Nanda 2024. The metric of each cell is that of a run of its own: do(a := a'). Cells start
/// at their first patched layer and, behind causal attention, at their first patched position; what stands before is read from the unpatched run.
/// </remarks>
public sealed class ActivationPatching
{
    private readonly PatchContrast contrast;

    private ActivationPatching(PatchContrast contrast) => this.contrast = contrast;

    /// <summary>Patching between two runs.</summary>
    /// <param name="clean">Of one model; row r is the partner of row r of the other.</param>
    /// <param name="corrupted">Of the same model.</param>
    /// <param name="metric">What is measured.</param>
    /// <exception cref="VitrineException">They are of two models, or of different numbers of rows.</exception>
    public static ActivationPatching Between(Subject clean, Subject corrupted, Metric metric) => new(PatchContrast.Between(clean, corrupted, metric));

    /// <summary>Ablation of one run.</summary>
    /// <param name="subject">What is run.</param>
    /// <param name="metric">What is measured.</param>
    /// <param name="over">Whose rows means are taken over, or drawn; the subject itself when null.</param>
    public static ActivationPatching Ablating(Subject subject, Metric metric, Subject? over = null)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(metric);
        return new ActivationPatching(new PatchContrast(subject, null, over ?? subject, metric));
    }

    /// <summary>Causal tracing: the corrupted run is the clean one with noise on the embeddings of some positions, several times.</summary>
    /// <param name="clean">What is run.</param>
    /// <param name="metric">What is measured, e.g. the probability of the right answer.</param>
    /// <param name="noise">On which positions, how strong, how often, by which seed.</param>
    /// <exception cref="VitrineException">The stack has no embeddings to noise, or no such position.</exception>
    public static ActivationPatching Tracing(Subject clean, Metric metric, TracingNoise noise)
    {
        ArgumentNullException.ThrowIfNull(clean);
        ArgumentNullException.ThrowIfNull(metric);
        ArgumentNullException.ThrowIfNull(noise);
        var repeated = clean.Take([.. Enumerable.Range(0, clean.Rows).SelectMany(row => Enumerable.Repeat(row, noise.Samples))]);
        return new ActivationPatching(new PatchContrast(repeated, repeated, null, metric) { Noise = noise.Plans(clean) });
    }

    /// <summary>What a sweep will take.</summary>
    /// <param name="sweep">Which cells.</param>
    /// <param name="options">How; as they stand when null.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <exception cref="VitrineException">The sweep means nothing here, the contrast changes nothing, or a cell takes more memory than is allowed.</exception>
    public PatchPlan Plan(PatchSweep sweep, PatchOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(sweep);
        options ??= new PatchOptions();
        var asked = new AskedSweep(contrast, sweep, cancellation);
        var (passes, forwards, memory) = asked.Cells.Cost(options, cancellation);
        return new PatchPlan
        {
            Sweep = asked.Sweep,
            Cells = asked.Listed,
            Pairs = contrast.Clean.Rows,
            Passes = passes,
            Forwards = forwards,
            GigaOperations = PatchPlan.Operations(asked.Patched, forwards),
            Memory = memory,
            Allowed = options.Memory ?? CellSweep.Allowed(),
        };
    }

    /// <summary>Runs a sweep.</summary>
    /// <param name="sweep">Which cells.</param>
    /// <param name="options">How; as they stand when null.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between batches; what was done stands in the file to resume from, where one is named.</param>
    /// <exception cref="VitrineException">As <see cref="Plan"/> says, or the file to resume from is another sweep's.</exception>
    public PatchResult Run(
        PatchSweep sweep, PatchOptions? options = null, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(sweep);
        options ??= new PatchOptions();
        var asked = new AskedSweep(contrast, sweep, cancellation);
        using var done = options.Resume is { } path
            ? DoneCells.Open(path, new PatchProgress
            {
                Model = contrast.Clean.Model.Fingerprint,
                Inputs = DoneCells.HashOf(contrast.Clean, contrast.Corrupted, contrast.Over),
                Method = contrast.Method,
                Sweep = asked.Sweep,
                Metric = contrast.Metric,
                Baselines = asked.Baselines,
                Done = [],
            }, asked.Listed.Count)
            : null;
        var values = asked.Cells.Run(asked.Baselines, options, done, progress, cancellation);
        return new PatchResult
        {
            Method = contrast.Method,
            Model = contrast.Clean.Model.Name,
            Stack = asked.Patched.Shape.Name,
            Sweep = asked.Sweep,
            Metric = contrast.Metric,
            Patched = asked.Baselines,
            Source = asked.Others,
            Tokens = asked.Patched.Tokens[0],
            Cells = [.. asked.Listed.Select((cell, i) => new PatchEffect(cell, [.. values.Select(v => v[i])]))],
        };
    }
}
