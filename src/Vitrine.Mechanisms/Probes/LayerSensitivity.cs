using Vitrine.Mechanisms.Statistics;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Probes;

/// <summary>How often a metric would rise along a concept in one layer, beside random concepts.</summary>
/// <param name="Layer">Block, from 0.</param>
/// <param name="Place">Address.</param>
/// <param name="Concept">Its class.</param>
/// <param name="Examples">Of the concept, in each fit; as many counter-examples are drawn.</param>
/// <param name="Found">Null where no derivative differs from zero: what stands there does not reach the metric.</param>
/// <param name="P">Welch's, adjusted for all rows that were tested together (Holm 1979); null where nothing was found.</param>
public sealed record LayerSensitivity(int Layer, string Place, string Concept, int Examples, ConceptSensitivity? Found, double? P)
{
    /// <summary>Tests concepts in every layer.</summary>
    /// <param name="layers">(n,d) of each: activations of the examples; they stay the caller's.</param>
    /// <param name="gradients">(m,d) of each: derivatives of the metric on the inputs that are asked about (<see cref="ProbeGradients"/>).</param>
    /// <param name="question">Classes of the examples.</param>
    /// <param name="concepts">Which classes are concepts; the examples of all others are what counter-examples are drawn from.</param>
    /// <param name="recipe">How vectors are fitted.</param>
    /// <param name="draws">Sets of counter-examples.</param>
    /// <param name="most">Examples of a concept in one fit; more are drawn from.</param>
    /// <param name="seed">Of all draws.</param>
    /// <param name="progress">Share of the tests that are done.</param>
    /// <param name="cancellation">Stops between tests.</param>
    /// <exception cref="VitrineException">
    /// Numbers are asked and not classes, layers do not fit, or a concept has fewer than two examples beside four others.
    /// </exception>
    public static IReadOnlyList<LayerSensitivity> Of(
        IReadOnlyList<ProbedLayer> layers, IReadOnlyList<ProbedLayer> gradients, ProbeQuestion question, IReadOnlyList<string> concepts,
        ProbeRecipe? recipe = null, int draws = 20, int most = 50, ulong seed = 0, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(layers);
        ArgumentNullException.ThrowIfNull(gradients);
        ArgumentNullException.ThrowIfNull(question);
        ArgumentNullException.ThrowIfNull(concepts);
        if (concepts.Count == 0 || concepts.FirstOrDefault(c => !question.Classes.Contains(c)) is not null)
        {
            throw new VitrineException(
                $"TCAV: concepts {string.Join(", ", concepts)} of classes {string.Join(", ", question.Classes)}; expected some of them.");
        }

        if (!layers.Select(l => l.Place).SequenceEqual(gradients.Select(g => g.Place)) || layers.Any(l => l.Activations.shape[0] != question.Count))
        {
            throw new VitrineException(
                $"TCAV: {layers.Count} layers of {question.Count} examples, derivatives of {gradients.Count}; expected the same layers.");
        }

        using var scope = NewDisposeScope();
        var rows = new List<LayerSensitivity>();
        foreach (var concept in concepts)
        {
            var (own, others) = Drawn(question, concept, most, seed);
            var (with, pool) = (tensor(own), tensor(others));
            foreach (var (layer, slopes) in layers.Zip(gradients, (l, g) => (l, g.Activations)))
            {
                cancellation.ThrowIfCancellationRequested();
                var found = slopes.count_nonzero().item<long>() == 0 ? null : ConceptSensitivity.Of(
                    slopes, layer.Activations.index_select(0, with), layer.Activations.index_select(0, pool), draws, seed, recipe);
                rows.Add(new(layer.Layer, layer.Place, concept, own.Length, found, null));
                progress?.Report(rows.Count / (double)(concepts.Count * layers.Count));
            }
        }

        int[] tested = [.. rows.Index().Where(r => r.Item.Found is not null).Select(r => r.Index)];
        var adjusted = Holm.Adjust([.. tested.Select(i => rows[i].Found!.Test.P)]);
        foreach (var (at, index) in tested.Index())
        {
            rows[index] = rows[index] with { P = adjusted[at] };
        }

        return rows;
    }

    private static (long[] Own, long[] Others) Drawn(ProbeQuestion question, string concept, int most, ulong seed)
    {
        var label = question.Classes.Index().Single(c => c.Item == concept).Index;
        long[] all = new RandomStream($"TCAV examples/{seed}").Shuffled([.. Enumerable.Range(0, question.Count).Select(i => (long)i)]);
        long[] own = [.. all.Where(i => question.Labels[(int)i] == label)], others = [.. all.Where(i => question.Labels[(int)i] != label)];
        var count = Math.Min(Math.Min(own.Length, others.Length / 2), most);
        return count >= 2
            ? (own[..count], others)
            : throw new VitrineException(
                $"TCAV: concept '{concept}' has {own.Length} examples, beside {others.Length} others; expected at least 2, and 4 others to draw from.");
    }
}

/// <summary>Concepts tested for one metric.</summary>
/// <param name="Metric">Its name.</param>
/// <param name="Inputs">How many inputs it was derived on.</param>
/// <param name="Rows">Concept by concept, layer by layer.</param>
public sealed record LayerSensitivities(string Metric, int Inputs, IReadOnlyList<LayerSensitivity> Rows);
