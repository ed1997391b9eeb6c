using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;

namespace Vitrine.Worlds.Studies.Files;

/// <summary>
/// The controls of a plan that somebody wrote: edits of neurons go to neurons that resemble them, additions to random directions of the same norm.
/// </summary>
/// <param name="name">Of the condition, for errors.</param>
/// <param name="plan">What is done.</param>
/// <param name="matched">From neurons to sets that resemble them, one a draw.</param>
/// <param name="draws">Random draws.</param>
/// <param name="seed">Of random directions.</param>
internal sealed class PlanControls(string name, RunPlan plan, Func<NeuronSet, IReadOnlyList<NeuronSet>> matched, int draws, int seed)
{
    /// <summary>Whether any edit names neurons.</summary>
    public bool IsOfNeurons => plan.Edits.Any(e => NeuronsOf(e) is not null);

    /// <summary>The plan at a factor of its strength.</summary>
    /// <exception cref="VitrineException">An edit is on or off.</exception>
    public static RunPlan At(RunPlan plan, double factor, string name)
    {
        try
        {
            return plan with { Edits = [.. plan.Edits.Select(e => new ScheduledEdit(e, new Constant()).At(factor))] };
        }
        catch (VitrineException e)
        {
            throw new VitrineException($"condition '{name}': has no dose but 1 ({e.Message.TrimEnd('.')}).", e);
        }
    }

    /// <summary>The machinery of every edit, changing nothing.</summary>
    public RunPlan ZeroDose() => plan with
    {
        Edits =
        [
            .. plan.Edits.SelectMany(IEnumerable<Edit> (e)
                => e is Add add ? [add with { Factor = 0 }] : e.Places().Select(place => new Scale(place, 1) { Scope = e.Scope })),
        ],
    };

    /// <summary>The plan with its sign reversed; null where an edit is on or off.</summary>
    public RunPlan? Reversed() => plan.Edits.All(e => e is Add or Clamp or Conceptor or Scale) ? At(plan, -1, name) : null;

    /// <summary>One plan a draw.</summary>
    /// <exception cref="VitrineException">There is an edit that no random draw can stand for.</exception>
    public IEnumerable<RunPlan> Draws()
    {
        var sets = plan.Edits.Select(e => NeuronsOf(e) is { } set ? matched(set) : null).ToArray();
        return Enumerable.Range(0, draws).Select(d => plan with { Edits = [.. plan.Edits.Select((e, i) => Drawn(e, sets[i]?[d], d, i))] });
    }

    private Edit Drawn(Edit edit, NeuronSet? set, int draw, int index) => edit switch
    {
        Clamp clamp => clamp with { Neurons = set! },
        Add add when set is null => add with { Value = RandomOf(add.Value, draw, index) },
        _ when set is not null => edit with { Scope = edit.Scope with { Neurons = [.. set.Neurons.Select(n => n.Index)] } },
        _ => throw new VitrineException(
            $"condition '{name}': no random control is known for its edit {index} ({edit.GetType().Name} at {string.Join(", ", edit.Places())}); controls are "
                + "made of clamps, of additions, and of edits that name neurons."),
    };

    /// <summary>Neurons that an edit names; null where it names none.</summary>
    private static NeuronSet? NeuronsOf(Edit edit)
    {
        if (edit is Clamp clamp)
        {
            return clamp.Neurons;
        }

        return edit is Zero or Scale or Mean && edit.Scope.Neurons is { Count: > 0 } indices && edit.Places().ToArray() is [var place]
            && AddressPattern.Parse(place) is { Stack: { } stack, Layer: { } layer, Point.Name: "mlp.neurons" }
            ? new NeuronSet(indices.Select(i => new Neuron(layer, i)), stack)
            : null;
    }

    /// <summary>Normal numbers, along the last axis as long as the value's.</summary>
    private EditValue RandomOf(EditValue value, int draw, int index)
    {
        var (width, random) = ((int)(value.Shape.Count == 0 ? 1 : value.Shape[^1]), new RandomStream($"random direction/{seed}/{draw}/{index}"));
        return new EditValue(value.Shape,
        [
            .. value.Data.Chunk(width).SelectMany(row =>
            {
                double[] drawn = [.. row.Select(_ => random.Gaussian())];
                var scale = Math.Sqrt(row.Sum(v => (double)v * v)) / Math.Sqrt(drawn.Sum(v => v * v));
                return drawn.Select(v => (float)(v * scale));
            }),
        ]);
    }
}
