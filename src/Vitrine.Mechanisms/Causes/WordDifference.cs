using Vitrine.Policies;
using Vitrine.Transformers;

namespace Vitrine.Mechanisms.Causes;

/// <summary>
/// What a word, or a plan, changes on average in every component's output where actions are decided, and random directions of the same norms.
/// </summary>
public sealed class WordDifference : IDisposable
{
    private readonly int[] layers;
    private readonly ComponentOutputs difference;
    private readonly ComponentOutputs[] random;

    /// <summary>Makes it of a word: two acts, one with the word.</summary>
    /// <param name="policy">Who acts.</param>
    /// <param name="states">In which situations.</param>
    /// <param name="word">Said behind every instruction.</param>
    /// <param name="draws">Random directions.</param>
    /// <param name="seed">Of these.</param>
    /// <param name="cancellation">Stops between passes.</param>
    public WordDifference(
        Policy policy, IReadOnlyList<Observation> states, string word, int draws, int seed, CancellationToken cancellation = default)
        : this(Between(new OneStep(policy, states).With(word).Outputs(cancellation), policy, states, cancellation), draws, seed)
        => Word = word;

    /// <summary>Makes it of a plan: two acts, one under it.</summary>
    /// <inheritdoc cref="WordDifference(Policy, IReadOnlyList{Observation}, string, int, int, CancellationToken)"/>
    public WordDifference(
        Policy policy, IReadOnlyList<Observation> states, RunPlan plan, int draws, int seed, CancellationToken cancellation = default)
        : this(Between(Under(policy, states, plan, cancellation), policy, states, cancellation), draws, seed)
    {
    }

    /// <summary>Makes it of a mean difference that is at hand.</summary>
    /// <param name="difference">Owned by this from here on.</param>
    /// <param name="draws">Random directions.</param>
    /// <param name="seed">Of these.</param>
    internal WordDifference(ComponentOutputs difference, int draws, int seed)
    {
        this.difference = difference;
        layers = [.. Enumerable.Range(0, difference.Layers)];
        random = [.. Enumerable.Range(0, draws).Select(d => difference.RandomDirections(seed + d))];
    }

    /// <summary>The word; empty for a plan's.</summary>
    public string Word { get; internal init; } = "";

    /// <summary>Random directions.</summary>
    public int Draws => random.Length;

    /// <summary>Layers of the stack that decides, all of them.</summary>
    public IReadOnlyList<int> Layers => layers;

    /// <summary>The mean difference of a component added where actions are decided.</summary>
    /// <param name="component">Which component.</param>
    /// <param name="at">In which layers; all when null.</param>
    /// <param name="factor">0 is the zero dose, -1 the reversed sign.</param>
    public RunPlan Added(Component component, IReadOnlyList<int>? at = null, double factor = 1) => new()
    {
        Edits = difference.Added(component, at ?? layers, factor),
    };

    /// <summary>A random direction with the norms of the mean difference.</summary>
    /// <param name="draw">Which one, from 0.</param>
    /// <param name="component">Which component.</param>
    /// <param name="at">In which layers; all when null.</param>
    /// <param name="factor">Of the norm.</param>
    public RunPlan RandomDirection(int draw, Component component, IReadOnlyList<int>? at = null, double factor = 1)
        => new() { Edits = random[draw].Added(component, at ?? layers, factor) };

    /// <inheritdoc/>
    public void Dispose()
    {
        difference.Dispose();
        Array.ForEach(random, r => r.Dispose());
    }

    private static ComponentOutputs Between(
        ComponentOutputs changed, Policy policy, IReadOnlyList<Observation> states, CancellationToken cancellation)
    {
        using var with = changed;
        using var without = new OneStep(policy, states).Outputs(cancellation);
        return with.MeanDifference(without);
    }

    private static ComponentOutputs Under(Policy policy, IReadOnlyList<Observation> states, RunPlan plan, CancellationToken cancellation)
    {
        using var planned = policy.With(plan);
        return ComponentOutputs.Of(planned, states, cancellation: cancellation);
    }
}
