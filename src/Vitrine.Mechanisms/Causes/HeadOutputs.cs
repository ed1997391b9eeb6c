using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Causes;

/// <summary>
/// What every head of the deciding stack writes (<c>attn.z</c>) where actions are decided: [layer] of shape (states or 1, places, heads, width).
/// </summary>
internal sealed class HeadOutputs : IDisposable
{
    private const string Point = "attn.z";
    private readonly Dictionary<int, Tensor> values;
    private readonly PromptLayout layout;

    private HeadOutputs(Dictionary<int, Tensor> values, PromptLayout layout) => (this.values, this.layout) = (values, layout);

    /// <summary>Heads of a layer.</summary>
    public int HeadsOf(int layer) => (int)values[layer].shape[2];

    /// <summary>Watches an act.</summary>
    public static HeadOutputs Of(Policy policy, IReadOnlyList<Observation> observations, CancellationToken cancellation)
    {
        var shape = policy.DecidingStack(observations).Shape;
        using var run = policy.Act(observations, RunPlan.Capturing($"{shape.Name}.*.{Point}@*"), cancellation: cancellation);
        using var scope = NewDisposeScope();
        return new HeadOutputs(
            Enumerable.Range(0, shape.Layers).ToDictionary(l => l, l => cat(
                [.. Enumerable.Range(0, run.Layout.DecidingSteps).Select(step => run.Layout.At(run.Run, $"{shape.Name}.{l}.{Point}", step))], 1)
                .Widened().DetachFromDisposeScope()),
            run.Layout);
    }

    /// <summary>Mean over the states of (this - other).</summary>
    public HeadOutputs MeanDifference(HeadOutputs other)
    {
        using var scope = NewDisposeScope();
        return new HeadOutputs(values.ToDictionary(v => v.Key, v => (v.Value - other.values[v.Key]).mean([0], keepdim: true).DetachFromDisposeScope()), layout);
    }

    /// <summary>Adds what a head writes here.</summary>
    public RunPlan Added(int layer, int head) => Edited(layer, head, (place, value) => new Add(place, value));

    /// <summary>Puts in what a head writes here, state by state.</summary>
    public RunPlan PutIn(int layer, int head) => Edited(layer, head, (place, value) => new Replace(place, value));

    public void Dispose()
    {
        foreach (var value in values.Values)
        {
            value.Dispose();
        }
    }

    private RunPlan Edited(int layer, int head, Func<string, EditValue, Edit> edit)
    {
        using var scope = NewDisposeScope();
        var count = layout.Rows[0].DecidingCount;
        return new RunPlan
        {
            Edits =
            [
                .. Enumerable.Range(0, layout.DecidingSteps).Select(step =>
                    edit($"{layout.DecidingStack}.{layer}.{Point}", EditValue.Of(values[layer].narrow(1, step * count, count))) with
                    {
                        Scope = new EditScope { Positions = layout.DecidingPositions, Steps = [step], Heads = [head] },
                    }),
            ],
        };
    }
}
