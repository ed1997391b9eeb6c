using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Concepts;

/// <summary>Which layers count.</summary>
public enum Depth
{
    /// <summary>All.</summary>
    Full,

    /// <summary>The first half.</summary>
    Early,

    /// <summary>The second half; the middle layer of an odd number belongs here.</summary>
    Late,
}

/// <summary>Which layers a depth means.</summary>
public static class Depths
{
    /// <summary>Whether a layer belongs to a depth.</summary>
    /// <param name="depth">Which layers count.</param>
    /// <param name="layer">From 0.</param>
    /// <param name="layers">How many there are.</param>
    public static bool Holds(this Depth depth, int layer, int layers) => depth switch
    {
        Depth.Early => layer < layers / 2,
        Depth.Late => layer >= layers / 2,
        _ => true,
    };
}

/// <summary>Every neuron as a point among word embeddings: what its value vector means, not only which words it spells.</summary>
/// <remarks>
/// sem_i = sum over the k largest logits t of softmax(logit)_t e(t), e the output embeddings, then scaled to length 1, so that products are cosines (Haon et
/// al. 2025: k = 5; other works take 20). In a shuffled space every token carries the embedding of another, by one permutation of the vocabulary: neurons keep
/// their tokens and weights, words lose their meaning.
/// </remarks>
public sealed class SemanticSpace : IDisposable
{
    private readonly IReadOnlyList<IReadOnlyList<NeuronReading>> readings;
    private readonly Tensor embedding;                                                                     // (V, d) float32
    private readonly IReadOnlyList<int> valid;
    private readonly int count;
    private readonly Tensor points;                                                                        // (n, d), unit rows

    private SemanticSpace(IReadOnlyList<IReadOnlyList<NeuronReading>> readings, Tensor embedding, IReadOnlyList<int> valid, int count, int[]? meanings)
    {
        (this.readings, this.embedding, this.valid, this.count) = (readings, embedding, valid, count);
        Neurons = [.. readings.SelectMany((layer, l) => layer.Select((_, i) => new Neuron(l, i)))];
        points = Embed(meanings).DetachFromDisposeScope();
    }

    /// <summary>Every neuron, by layer and index.</summary>
    public IReadOnlyList<Neuron> Neurons { get; }

    /// <summary>Builds the space.</summary>
    /// <param name="readings">[layer][neuron], all layers, with at least <paramref name="count"/> top tokens.</param>
    /// <param name="unembedding">(V,d); copied.</param>
    /// <param name="valid">Ids that stand for something; shuffles stay among them.</param>
    /// <param name="count">Tokens that make a neuron's meaning (k).</param>
    public static SemanticSpace Of(IReadOnlyList<IReadOnlyList<NeuronReading>> readings, Tensor unembedding, IReadOnlyList<int> valid, int count = 5)
    {
        ArgumentNullException.ThrowIfNull(readings);
        ArgumentNullException.ThrowIfNull(unembedding);
        ArgumentNullException.ThrowIfNull(valid);
        if (count < 1 || readings.Any(l => l.Any(n => n.TopIds.Count < count)))
        {
            throw new VitrineException($"semantic space: {count} tokens a neuron are asked for; the readings hold "
                + $"{readings.SelectMany(l => l).Select(n => n.TopIds.Count).DefaultIfEmpty(0).Min()}.");
        }

        using var mode = no_grad();
        return new SemanticSpace(readings, unembedding.detach().cpu().to(float32, copy: true).DetachFromDisposeScope(), valid, count, meanings: null);
    }

    /// <summary>The same neurons with the meanings of their tokens exchanged: the control of every quality. Owned by the caller.</summary>
    /// <param name="seed">Of the permutation.</param>
    public SemanticSpace Shuffled(int seed)
    {
        var meanings = Enumerable.Range(0, (int)embedding.shape[0]).ToArray();
        int[] targets = [.. valid];
        new Random(seed).Shuffle(targets);
        for (var i = 0; i < targets.Length; i++)
        {
            meanings[valid[i]] = targets[i];
        }

        using var mode = no_grad();
        return new SemanticSpace(readings, embedding.alias().DetachFromDisposeScope(), valid, count, meanings);
    }

    /// <summary>The meaning of some tokens: the mean of their embeddings, scaled to length 1.</summary>
    /// <returns>(d), owned by the caller.</returns>
    public Tensor MeaningOf(IEnumerable<int> ids)
    {
        using var scope = NewDisposeScope();
        var chosen = ids.Select(i => (long)i).ToArray();
        return chosen.Length == 0 || chosen.Any(i => i < 0 || i >= embedding.shape[0])
            ? throw new VitrineException($"semantic space: tokens {string.Join(", ", chosen)}; expected at least one of {embedding.shape[0]}.")
            : Unit(embedding.index_select(0, tensor(chosen)).mean([0])).MoveToOuterDisposeScope();
    }

    /// <summary>The meaning of some neurons: the mean of their points, scaled to length 1.</summary>
    /// <returns>(d), owned by the caller.</returns>
    /// <exception cref="VitrineException">A neuron does not exist.</exception>
    public Tensor MeaningOf(params IReadOnlyList<Neuron> neurons)
    {
        using var scope = NewDisposeScope();
        return Unit(PointsOf(neurons).mean([0])).MoveToOuterDisposeScope();
    }

    /// <summary>The neurons whose points are nearest to a meaning, by cosine; equal ones by layer and index.</summary>
    /// <param name="meaning">(d), of length 1.</param>
    /// <param name="count">How many.</param>
    /// <param name="depth">Which layers.</param>
    /// <param name="allowed">Neurons to choose from; all when null.</param>
    public IReadOnlyList<ScoredNeuron> Nearest(Tensor meaning, int count, Depth depth = Depth.Full, Func<Neuron, bool>? allowed = null)
    {
        using var scope = NewDisposeScope();
        var cosines = points.mv(meaning).data<float>().ToArray();
        return
        [
            .. Neurons.Select((n, i) => new ScoredNeuron(n, cosines[i])).Where(s => Within(s.Neuron, depth) && (allowed?.Invoke(s.Neuron) ?? true))
                .OrderByDescending(s => s.Score).ThenBy(s => s.Neuron).Take(count),
        ];
    }

    /// <summary>Whether a neuron's layer belongs to a depth.</summary>
    public bool Within(Neuron neuron, Depth depth) => depth.Holds(neuron.Layer, readings.Count);

    /// <summary>Points of some neurons.</summary>
    /// <returns>(n,d), rows of length 1; owned by the caller.</returns>
    /// <exception cref="VitrineException">A neuron does not exist.</exception>
    public Tensor PointsOf(IReadOnlyList<Neuron> neurons)
    {
        ArgumentNullException.ThrowIfNull(neurons);
        using var scope = NewDisposeScope();
        return points.index_select(0, tensor(neurons.Select(Row).ToArray())).MoveToOuterDisposeScope();
    }

    /// <summary>What a neuron's value vector writes.</summary>
    public NeuronReading ReadingOf(Neuron neuron)
    {
        _ = Row(neuron);
        return readings[neuron.Layer][neuron.Index];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        points.Dispose();
        embedding.Dispose();
    }

    private long Row(Neuron neuron)
    {
        if (neuron.Layer >= readings.Count || neuron.Index >= readings[neuron.Layer].Count)
        {
            throw new VitrineException($"neuron {neuron}: there are {readings.Count} layers of {readings[0].Count} neurons, counted from 0.");
        }

        return readings.Take(neuron.Layer).Sum(l => (long)l.Count) + neuron.Index;
    }

    private Tensor Embed(int[]? meanings)
    {
        using var scope = NewDisposeScope();
        var parts = new List<Tensor>();
        foreach (var layer in readings)
        {
            using var inner = NewDisposeScope();
            var ids = layer.SelectMany(n => n.TopIds.Take(count).Select(id => (long)(meanings?[id] ?? id))).ToArray();
            var weights = tensor(layer.SelectMany(n => n.TopScores.Take(count)).ToArray(), [layer.Count, 1, count]).softmax(-1);
            var words = embedding.index_select(0, tensor(ids)).view(layer.Count, count, -1);               // (F, k, d)
            parts.Add(Unit(weights.bmm(words).squeeze(1)).MoveToOuterDisposeScope());
        }

        return cat([.. parts], 0).MoveToOuterDisposeScope();
    }

    private static Tensor Unit(Tensor rows) => rows / rows.norm(-1, keepdim: true).clamp_min(1e-30f);
}
