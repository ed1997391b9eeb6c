using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>How far the neurons of a layer write tokens that belong together, by the vocabulary's own geometry.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Coherent">Share of neurons whose coherence is above 95 % of those of the shuffled vocabulary; 0.05 by chance.</param>
/// <param name="Mean">Mean coherence: cosine of two of a neuron's top tokens, over all pairs and neurons.</param>
/// <param name="Shuffled">The same with every token moved to the place of a random other: the control.</param>
/// <param name="Best">The most coherent neurons, best first.</param>
public sealed record LayerCoherence(int Layer, double Coherent, double Mean, double Shuffled, IReadOnlyList<Neuron> Best);

/// <summary>
/// Reads coherence without any list of words: the cosine of the rows that the unembedding has for a neuron's top tokens, their mean taken away.
/// </summary>
public static class VocabularyCoherence
{
    /// <summary>How many top tokens of a neuron are compared.</summary>
    public const int Tokens = 10;

    /// <summary>Share of neurons that would be coherent by chance.</summary>
    public const double Chance = 0.05;

    private static readonly TorchSharp.Scalar Least = 1e-12;

    /// <summary>Reads layers.</summary>
    /// <param name="readings">[layer][neuron], at least ten top tokens each, or as many as the vocabulary has.</param>
    /// <param name="unembedding">(V,d).</param>
    /// <param name="valid">Ids that the readings were taken over.</param>
    /// <param name="best">Neurons to name a layer.</param>
    /// <param name="seed">Of the shuffled vocabulary.</param>
    public static IReadOnlyList<LayerCoherence> Of(
        IReadOnlyList<IReadOnlyList<NeuronReading>> readings, Tensor unembedding, IReadOnlyList<int> valid, int best = 3, int seed = 0)
    {
        ArgumentNullException.ThrowIfNull(readings);
        ArgumentNullException.ThrowIfNull(unembedding);
        ArgumentNullException.ThrowIfNull(valid);
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var rows = unembedding.index_select(0, tensor(valid.Select(v => (long)v).ToArray())).to(float32);
        rows = rows - rows.mean([0], keepdim: true);
        rows = rows / rows.norm(1, keepdim: true).clamp_min(Least);
        var place = valid.Index().ToDictionary(v => v.Item, v => (long)v.Index);
        long[] shuffled = [.. Enumerable.Range(0, valid.Count).Select(i => (long)i)];
        new Random(seed).Shuffle(shuffled);
        return [.. readings.Select((layer, l) => OfLayer(l, layer, rows, place, shuffled, best))];
    }

    private static LayerCoherence OfLayer(
        int index, IReadOnlyList<NeuronReading> layer, Tensor rows, Dictionary<int, long> place, long[] shuffled, int best)
    {
        long[][] top = [.. layer.Select(n => n.TopIds.Take(Tokens).Select(id => place[id]).ToArray())];
        var own = Coherence(top, rows);
        var control = Coherence([.. top.Select(t => Array.ConvertAll(t, p => shuffled[p]))], rows);
        var limit = control.Order().ElementAt((int)((1 - Chance) * (control.Length - 1)));
        return new LayerCoherence(
            index, own.Average(c => c > limit ? 1.0 : 0), own.Average(), control.Average(),
            [.. own.Index().OrderByDescending(c => c.Item).ThenBy(c => c.Index).Take(best).Select(c => new Neuron(index, c.Index))]);
    }

    /// <remarks>The mean cosine of the pairs of n unit vectors is (|sum|^2 - n) / (n (n - 1)).</remarks>
    private static double[] Coherence(long[][] tokens, Tensor rows)
    {
        using var scope = NewDisposeScope();
        var n = tokens[0].Length;
        if (n < 2)
        {
            return new double[tokens.Length];
        }

        var sums = rows.index_select(0, tensor(tokens.SelectMany(t => t).ToArray())).view(tokens.Length, n, -1).sum(1);
        return [.. sums.square().sum(1).data<float>().ToArray().Select(s => (s - n) / (double)(n * (n - 1)))];
    }
}
