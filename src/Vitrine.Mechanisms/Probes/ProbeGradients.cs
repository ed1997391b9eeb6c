using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Probes;

/// <summary>How a metric rises with the activations that probes read: its derivatives in every layer, in float32 on the CPU.</summary>
public sealed class ProbeGradients : IDisposable
{
    private ProbeGradients(IReadOnlyList<ProbedLayer> layers) => Layers = layers;

    /// <summary>One a block; of an activation that is a mean over tokens, the derivative with respect to all of them moved alike.</summary>
    public IReadOnlyList<ProbedLayer> Layers { get; }

    /// <summary>Derives a metric.</summary>
    /// <param name="subject">A model on its inputs.</param>
    /// <param name="metric">What is derived; rows are derived each for themselves.</param>
    /// <param name="at">Which positions, as <see cref="ProbeActivations"/> reads them; of a policy where it decides, in the first step.</param>
    /// <param name="point">A point of the deciding stack's blocks.</param>
    /// <param name="batch">Inputs in one pass.</param>
    /// <param name="progress">Share of the inputs that are done.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <returns>Owned by the caller.</returns>
    /// <exception cref="VitrineException">The model has no such point or number, or the positions are another kind's.</exception>
    public static ProbeGradients Of(
        Subject subject, Metric metric, ProbePosition at, string point = "resid_post", int batch = 8, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(metric);
        if (batch < 1 || (at == ProbePosition.Deciding) != (subject.Layout is not null))
        {
            throw new VitrineException(batch < 1 ? $"gradients: {batch} inputs in one pass; expected at least one."
                : $"{subject.Model.Name}: {(subject.Layout is null ? "decides no action; expected last, first, mean or token" : "is read where it decides")}.");
        }

        var places = ProbeActivations.Places(subject.Shape, point);
        using var outer = NewDisposeScope();
        var kept = places.ToDictionary(p => p, _ => new List<Tensor>());
        foreach (var chunk in Enumerable.Range(0, subject.Rows).Chunk(batch))
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            var rows = subject.Take(chunk);
            using var run = rows.Run(new RunPlan { Gradients = places }, null, cancellation);
            var gradients = run.Run.GradientsOf(_ => metric.Of(run).sum());
            foreach (var place in places)
            {
                kept[place].Add(Read(rows, gradients[Address.Parse(place)], at).MoveToOtherDisposeScope(outer));
            }

            progress?.Report((chunk[^1] + 1.0) / subject.Rows);
        }

        return new([.. places.Select((place, layer) => new ProbedLayer(layer, place, cat(kept[place]).DetachFromDisposeScope()))]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var layer in Layers)
        {
            layer.Activations.Dispose();
        }
    }

    /// <param name="rows">Whose.</param>
    /// <param name="gradients">(B,T,...).</param>
    /// <param name="at">Which positions.</param>
    /// <returns>(k,d): one row an input, or of <see cref="ProbePosition.Token"/> one a token.</returns>
    private static Tensor Read(Subject rows, Tensor gradients, ProbePosition at)
    {
        using var mode = no_grad();
        var flat = gradients.detach().cpu().to(float32).flatten(2);                                        // (B, T, d)
        return cat([.. Enumerable.Range(0, rows.Rows).Select(Of)]);

        Tensor Of(int row)
        {
            int[] columns = at switch
            {
                ProbePosition.Deciding => [.. Enumerable.Range((int)rows.Layout!.Rows[row].Deciding, rows.Layout.Rows[row].DecidingCount)],
                ProbePosition.Last => [rows.Columns[row][^1]],
                ProbePosition.First => [rows.Columns[row][0]],
                _ => rows.Columns[row],
            };
            var own = flat[row].index_select(0, tensor(columns.Select(c => (long)c).ToArray()));
            return at == ProbePosition.Token ? own : own.sum(0, keepdim: true);
        }
    }
}
