using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Causes;

/// <summary>
/// Outputs of every component and layer of the deciding stack where actions are decided: [component, layer][place] of shape (states, d), or (1, d) for means.
/// </summary>
/// <remarks>
/// Decided means: of a policy that decodes, at the last prompt token (step 0) and at each decoded action token but the last (steps 1 and on); of one that gives
/// a chunk, at each of its rows, in every step of its flow.
/// </remarks>
public sealed class ComponentOutputs : IDisposable
{
    private readonly Dictionary<(Component Component, int Layer), Tensor> values; // (states, steps n, d)
    private readonly PromptLayout layout;

    private ComponentOutputs(Dictionary<(Component, int), Tensor> values, int layers, PromptLayout layout)
        => (this.values, Layers, this.layout) = (values, layers, layout);

    /// <summary>Blocks of the stack.</summary>
    public int Layers { get; }

    /// <summary>Watches an act.</summary>
    /// <param name="policy">Who acts.</param>
    /// <param name="observations">The states.</param>
    /// <param name="noise">Where the chunks of a flow policy start; the usual noise when null.</param>
    /// <param name="cancellation">Stops between passes.</param>
    public static ComponentOutputs Of(
        Policy policy, IReadOnlyList<Observation> observations, ActNoise? noise = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        var (name, layers) = (policy.DecidingStack(observations).Shape.Name, policy.DecidingStack(observations).Shape.Layers);
        using var run = policy.Act(
            observations, RunPlan.Capturing([.. Enum.GetValues<Component>().Select(c => $"{name}.*.{c.Point()}@*")]), new ActOptions { Noise = noise },
            cancellation);
        using var scope = NewDisposeScope();
        var values = new Dictionary<(Component, int), Tensor>();
        foreach (var component in Enum.GetValues<Component>())
        {
            for (var layer = 0; layer < layers; layer++)
            {
                var steps = Enumerable.Range(0, run.Layout.DecidingSteps).Select(step => run.Layout.At(run.Run, component.Place(name, layer), step));
                values[(component, layer)] = cat([.. steps], 1).Widened().DetachFromDisposeScope();
            }
        }

        return new ComponentOutputs(values, layers, run.Layout);
    }

    /// <summary>Mean over the states of (this - other): (1, places, d) for every component and layer.</summary>
    public ComponentOutputs MeanDifference(ComponentOutputs other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Map((key, value) => (value - other.values[key]).mean([0], keepdim: true));
    }

    /// <summary>Random directions, normal in every coordinate, scaled to the norm of this one at each layer and step.</summary>
    public ComponentOutputs RandomDirections(int seed)
    {
        using var generator = new Generator((ulong)seed, CPU);
        return Map((_, value) =>
        {
            var random = randn(value.shape, generator: generator);
            return random / random.norm(-1, keepdim: true) * value.norm(-1, keepdim: true);
        });
    }

    /// <summary>One component's numbers: (states or 1, places, d), the places of a step one behind the other; owned by this.</summary>
    public Tensor this[Component component, int layer] => values[(component, layer)];

    /// <summary>Adds these outputs where actions are decided.</summary>
    /// <param name="component">Which component.</param>
    /// <param name="layers">Which layers.</param>
    /// <param name="factor">0 is the zero dose.</param>
    public IReadOnlyList<Edit> Added(Component component, IEnumerable<int> layers, double factor = 1)
        => Edits(component, layers, (place, value) => new Add(place, value, factor));

    /// <summary>Puts these outputs in, state by state, where actions are decided: the batch must hold the same states in the same order.</summary>
    public IReadOnlyList<Edit> PutIn(Component component, IEnumerable<int> layers)
        => Edits(component, layers, (place, value) => new Replace(place, value));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var value in values.Values)
        {
            value.Dispose();
        }
    }

    private ComponentOutputs Map(Func<(Component, int), Tensor, Tensor> map)
    {
        using var scope = NewDisposeScope();
        return new ComponentOutputs(values.ToDictionary(p => p.Key, p => map(p.Key, p.Value).DetachFromDisposeScope()), Layers, layout);
    }

    private Edit[] Edits(Component component, IEnumerable<int> layers, Func<string, EditValue, Edit> edit)
    {
        using var scope = NewDisposeScope();
        var count = layout.Rows[0].DecidingCount;
        return
        [
            .. layers.SelectMany(layer => Enumerable.Range(0, layout.DecidingSteps).Select(step =>
                edit(component.Place(layout.DecidingStack, layer), EditValue.Of(values[(component, layer)].narrow(1, step * count, count))) with
                {
                    Scope = new EditScope { Positions = layout.DecidingPositions, Steps = [step] },
                })),
        ];
    }
}
