using TorchSharp;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Concepts;

/// <summary>A neuron with how well it fits what was searched for.</summary>
/// <param name="Neuron">Which one.</param>
/// <param name="Score">Larger fits better; its meaning is the search's.</param>
public sealed record ScoredNeuron(Neuron Neuron, double Score);

/// <summary>Finds neurons by what their value vectors raise: words, or the direction of an action.</summary>
public static class ConceptSearch
{
    private static readonly Scalar Least = 1e-30;

    /// <summary>By words: the mean logit of the words, in deviations of the neuron's own logits from their mean.</summary>
    /// <param name="stack">Speaks a language.</param>
    /// <param name="tokens">The vocabulary.</param>
    /// <param name="words">At least one that the vocabulary has.</param>
    /// <param name="count">Neurons to return.</param>
    /// <param name="raw">Whether a norm or LayerScale behind the neurons is left out (<see cref="StackValueVectors.IsRaw"/>).</param>
    /// <exception cref="VitrineException">The vocabulary has none of the words.</exception>
    public static IReadOnlyList<ScoredNeuron> ByWords(Stack stack, TokenReader tokens, IReadOnlyList<string> words, int count = 20, bool raw = false)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(words);
        var ids = words.Select(tokens.Id).OfType<int>().Distinct().ToArray();
        if (ids.Length == 0)
        {
            throw new VitrineException($"concept: the vocabulary has none of the words {string.Join(", ", words)}.");
        }

        var weights = tokens.Valid.Select(id => ids.Contains(id) ? 1.0 / ids.Length : 0).ToArray();
        return Best(stack, tokens.Valid, weights, count, raw);
    }

    /// <summary>By the direction of an action: the correlation of the action tokens' logits with their values.</summary>
    /// <param name="stack">Speaks in actions.</param>
    /// <param name="tokens">The vocabulary.</param>
    /// <param name="value">From an action token's id to its value.</param>
    /// <param name="positive">Whether larger actions are wanted, or smaller ones.</param>
    /// <param name="count">Neurons to return.</param>
    /// <param name="raw">As in <see cref="ByWords"/>.</param>
    /// <exception cref="VitrineException">The vocabulary has no action tokens.</exception>
    /// <remarks>One set of action tokens serves every dimension of the action: the direction is that of the bin, whichever dimension is being said.</remarks>
    public static IReadOnlyList<ScoredNeuron> ByActionDirection(
        Stack stack, TokenReader tokens, Func<int, double> value, bool positive, int count = 20, bool raw = false)
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
        return Best(stack, actions, [.. values.Select(v => (positive ? 1 : -1) * (v - mean) / norm)], count, raw);
    }

    /// <remarks>
    /// Score of w: sum_t weight_t (E_t w - mean) / sd, mean and sd over the tokens; 0 where all logits are alike, as of a vector of zeros.
    /// </remarks>
    private static ScoredNeuron[] Best(Stack stack, IReadOnlyList<int> tokens, double[] weights, int count, bool raw)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        using var source = new StackValueVectors(stack, fingerprint: "") { IsRaw = raw };
        var rows = source.Unembedding().index_select(0, tensor(tokens.Select(t => (long)t).ToArray())).to(float32).t();
        var weight = tensor(weights.Select(w => (float)w).ToArray());
        var scored = new List<ScoredNeuron>();
        for (var layer = 0; layer < stack.Shape.Layers; layer++)
        {
            using var inner = NewDisposeScope();
            var logits = source.Vectors(layer).to(float32).matmul(rows);                               // (F, tokens)
            var scores = (logits - logits.mean([1], keepdim: true)).matmul(weight) / logits.std(1, unbiased: false).clamp_min(Least);
            scored.AddRange(scores.data<float>().ToArray().Select((s, i) => new ScoredNeuron(new Neuron(layer, i), s)));
        }

        return [.. scored.OrderByDescending(s => s.Score).ThenBy(s => s.Neuron).Take(count)];
    }
}
