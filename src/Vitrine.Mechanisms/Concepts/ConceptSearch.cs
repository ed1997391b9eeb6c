using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Concepts;

/// <summary>A neuron with how well it fits what was searched for.</summary>
/// <param name="Neuron">Which one.</param>
/// <param name="Score">Larger fits better; its meaning is the search's.</param>
public sealed record ScoredNeuron(Neuron Neuron, double Score);

/// <summary>Where a search looks, and who hears of it.</summary>
public sealed record SearchOptions
{
    /// <summary>Layers to look in, from 0; all when null.</summary>
    public IReadOnlyList<int>? Layers { get; init; }

    /// <summary>Told the share that is done.</summary>
    public IProgress<double>? Progress { get; init; }

    /// <summary>Stops between layers.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>Finds neurons by what their value vectors raise: words, or the direction of an action.</summary>
public static class ConceptSearch
{
    /// <summary>By words: the mean logit of the words, in deviations of the neuron's own logits from their mean.</summary>
    /// <param name="stack">Speaks a language.</param>
    /// <param name="tokens">The vocabulary.</param>
    /// <param name="words">At least one that the vocabulary has.</param>
    /// <param name="count">Neurons to return.</param>
    /// <param name="raw">Whether a norm or LayerScale behind the neurons is left out (<see cref="StackValueVectors.IsRaw"/>).</param>
    /// <param name="options">Which layers, who hears of progress; all layers when null.</param>
    /// <exception cref="VitrineException">The vocabulary has none of the words.</exception>
    public static IReadOnlyList<ScoredNeuron> ByWords(
        Stack stack, TokenReader tokens, IReadOnlyList<string> words, int count = 20, bool raw = false, SearchOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(words);
        var ids = words.Select(tokens.Id).OfType<int>().Distinct().ToArray();
        if (ids.Length == 0)
        {
            throw new VitrineException($"concept: the vocabulary has none of the words {string.Join(", ", words)}.");
        }

        var weights = tokens.Valid.Select(id => ids.Contains(id) ? 1.0 / ids.Length : 0).ToArray();
        return Best(stack, tokens.Valid, weights, count, raw, options);
    }

    /// <summary>By the direction of an action: the correlation of the action tokens' logits with their values.</summary>
    /// <param name="stack">Speaks in actions.</param>
    /// <param name="tokens">The vocabulary.</param>
    /// <param name="value">From an action token's id to its value.</param>
    /// <param name="positive">Whether larger actions are wanted, or smaller ones.</param>
    /// <param name="count">Neurons to return.</param>
    /// <param name="raw">As in <see cref="ByWords"/>.</param>
    /// <param name="options">As in <see cref="ByWords"/>.</param>
    /// <exception cref="VitrineException">The vocabulary has no action tokens.</exception>
    /// <remarks>One set of action tokens serves every dimension of the action: the direction is that of the bin, whichever dimension is being said.</remarks>
    public static IReadOnlyList<ScoredNeuron> ByActionDirection(
        Stack stack, TokenReader tokens, Func<int, double> value, bool positive, int count = 20, bool raw = false, SearchOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        int[] actions = [.. tokens.Valid.Where(tokens.IsAction)];
        if (actions.Length == 0)
        {
            throw new VitrineException("concept: the vocabulary has no action tokens, whose direction could be searched for.");
        }

        var values = actions.Select(value).ToArray();
        var mean = values.Average();
        var norm = Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) * actions.Length);
        return Best(stack, actions, [.. values.Select(v => (positive ? 1 : -1) * (v - mean) / norm)], count, raw, options);
    }

    private static IReadOnlyList<ScoredNeuron> Best(
        Stack stack, IReadOnlyList<int> tokens, double[] weights, int count, bool raw, SearchOptions? options)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        using var source = new StackValueVectors(stack, fingerprint: "") { IsRaw = raw };
        using var scores = new LogitScores(source.Unembedding(), tokens, weights);
        return scores.Best(source, options?.Layers ?? [.. Enumerable.Range(0, stack.Shape.Layers)], count, options?.Progress, options?.Cancellation ?? default);
    }
}
