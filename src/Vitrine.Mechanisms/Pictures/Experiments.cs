using System.Collections.Concurrent;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>One picture under many changes: every change is a row of a batch, held against the same row of an untouched batch.</summary>
/// <param name="model">Whose tower.</param>
/// <param name="pixels">(1,3,H,W); stays the caller's.</param>
/// <param name="contrast">What is measured.</param>
/// <param name="rowsPerPass">Rows that run together.</param>
public sealed class Experiments(VisionModel model, Tensor pixels, ClassContrast contrast, int rowsPerPass = 17)
{
    private readonly ConcurrentDictionary<(int Rows, bool ExplicitAttention), double[]> untouched = [];

    /// <summary>What each change does: its measure minus that of the same row where nothing is changed.</summary>
    /// <param name="changes">Edits of each experiment; their scopes' rows are set here.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <remarks>
    /// Kernels may round a row differently in a batch of another size, and at another place in it. Held against itself in a batch of the same size, no change
    /// gives exactly 0.
    /// </remarks>
    public IReadOnlyList<double> Effects(
        IReadOnlyList<IReadOnlyList<Edit>> changes, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(changes);
        ArgumentOutOfRangeException.ThrowIfLessThan(rowsPerPass, 1);
        var effects = new List<double>();
        foreach (var part in changes.Chunk(rowsPerPass))
        {
            cancellation.ThrowIfCancellationRequested();
            Edit[] edits = [.. part.Index().SelectMany(change => change.Item.Select(edit => edit with { Scope = edit.Scope with { Rows = [change.Index] } }))];
            // Edited scores need the explicit form of attention, which rounds differently from the fused kernel: the untouched batch then takes it too.
            var kernels = (part.Length, ExplicitAttention: edits.Any(EditsAttention));
            var plain = untouched.GetOrAdd(kernels, k => Measured(k.Rows, new RunPlan { ExplicitAttention = k.ExplicitAttention }));
            var changed = Measured(part.Length, new RunPlan { Edits = edits, ExplicitAttention = kernels.ExplicitAttention });
            effects.AddRange(changed.Zip(plain, (with, without) => with - without));
            progress?.Report((double)effects.Count / changes.Count);
        }

        return effects;
    }

    private double[] Measured(int rows, RunPlan plan)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        using var run = model.Run(pixels.expand(rows, -1, -1, -1).contiguous(), plan);
        return contrast.Of(run.Logits).to(float64).data<double>().ToArray();
    }

    private bool EditsAttention(Edit edit) => edit.Places().Select(AddressPattern.Parse).Any(pattern => model.Tower.Shape.Places().Any(
        place => (place.Point == Point.AttnScores || place.Point == Point.AttnPattern) && pattern.MatchesPlace(place.Stack, place.Layer, place.Point)));
}
