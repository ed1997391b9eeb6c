using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>One picture under many changes: every change is a row of a batch beside the untouched row.</summary>
/// <param name="model">Whose tower.</param>
/// <param name="pixels">(1,3,H,W); stays the caller's.</param>
/// <param name="contrast">What is measured.</param>
/// <param name="rowsPerPass">Rows that run together, the untouched one included.</param>
public sealed class Experiments(VisionModel model, Tensor pixels, ClassContrast contrast, int rowsPerPass = 17)
{
    /// <summary>What each change does: its measure minus that of the untouched row of the same pass.</summary>
    /// <param name="changes">Edits of each experiment; their scopes' rows are set here.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <remarks>Rows are compared within a pass because matrix kernels may round differently for batches of another size: no change gives exactly 0.</remarks>
    public IReadOnlyList<double> Effects(IReadOnlyList<IReadOnlyList<Edit>> changes, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(changes);
        ArgumentOutOfRangeException.ThrowIfLessThan(rowsPerPass, 2);
        var effects = new List<double>();
        foreach (var part in changes.Chunk(rowsPerPass - 1))
        {
            cancellation.ThrowIfCancellationRequested();
            using var mode = no_grad();
            using var scope = NewDisposeScope();
            Edit[] edits = [.. part.Index().SelectMany(change => change.Item.Select(edit => edit with { Scope = edit.Scope with { Rows = [change.Index + 1] } }))];
            using var run = model.Run(pixels.expand(part.Length + 1, -1, -1, -1).contiguous(), RunPlan.Editing(edits));
            var measured = contrast.Of(run.Logits).to(float64).cpu().data<double>().ToArray();
            effects.AddRange(measured.Skip(1).Select(m => m - measured[0]));
            progress?.Report((double)effects.Count / changes.Count);
        }

        return effects;
    }
}
