using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Lenses;

/// <summary>What comes behind the last block, run by the model itself: pooling, class heads, regression heads, any metric of them.</summary>
/// <remarks>
/// The residual behind the last block is replaced. Everything that a later pass takes from an earlier one is held as it was: the token that is read next, the
/// sample of a flow.
/// </remarks>
internal sealed class RestOfModel(Subject subject, Run plain)
{
    private static readonly string[] Samples = ["action.x@*"];

    private readonly Address last = LastOf(subject.Shape);

    /// <summary>What the plain run must capture.</summary>
    public static IReadOnlyList<string> Needs(Subject subject) =>
    [
        $"{LastOf(subject.Shape)}@*", new Address(subject.Shape.Name, null, Point.Embed) + "@*", .. subject.Flow is not null ? Samples : [],
    ];

    /// <summary>Runs it.</summary>
    /// <param name="residual">From the pass to what stands behind the last block then, in the shape that it had in the plain run.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <returns>Owned by the caller.</returns>
    public SubjectRun Run(Func<int, Tensor> residual, CancellationToken cancellation)
    {
        int[] steps = [.. plain.Activations.Keys.Where(k => k with { Step = 0 } == last).Select(k => k.Step).Order()];
        var held = plain.Activations.Where(a => a.Key.Stack != subject.Shape.Name || (a.Key.Point == Point.Embed && a.Key.Step > 0 && !IsFlow))
            .Where(a => a.Key.Point == Point.Embed || a.Key is { Stack: "action", Point.Name: "x" });
        var plan = new RunPlan
        {
            Edits = [.. held.Select(a => new Replace(a.Key, a.Value)), .. steps.Select(k => new Replace(last with { Step = k }, residual(k)))],
        };
        var isShort = steps is [0] && subject.CanStart && subject.Shape.Layers > 1 && subject.Model.Towers.Count == 0;
        return subject.Run(plan, isShort ? RunStart.At(subject.Shape.Layers - 1, residual(0)) : null, cancellation);
    }

    private bool IsFlow => subject.Flow is not null;

    private static Address LastOf(StackShape shape) => new(shape.Name, shape.Layers - 1, Point.ResidPost);
}
