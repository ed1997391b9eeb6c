using Vitrine.Mechanisms.Geometry;
using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Mechanisms.Probes;

/// <summary>How far the directions of concepts share an axis in one layer, beside two controls.</summary>
/// <param name="Layer">Block, from 0.</param>
/// <param name="Place">Address.</param>
/// <param name="Found">|cos| of every pair, beside shuffled coordinates.</param>
/// <param name="ShuffledLabels">
/// The mean |cos| of directions fitted after all concepts moved together to other examples: what concepts that exclude each other, and what all activations
/// share, give alone.
/// </param>
/// <param name="P">(1 + such shuffles whose mean is at least as large) / (1 + shuffles).</param>
public sealed record LayerEntanglement(int Layer, string Place, Entanglement Found, Spread ShuffledLabels, double P)
{
    /// <summary>Fits a direction for every concept in every layer, and compares them.</summary>
    /// <param name="layers">(n,d) of each; they stay the caller's.</param>
    /// <param name="concepts">Name of each concept, and which examples have it; at least two.</param>
    /// <param name="recipe">How directions are fitted; a scaled logistic probe when null.</param>
    /// <param name="shuffles">How often concepts move to other examples; coordinates are shuffled ten times as often.</param>
    /// <param name="seed">Of the shuffles.</param>
    /// <param name="progress">Share of the fits that are done.</param>
    /// <param name="cancellation">Stops between fits.</param>
    /// <exception cref="VitrineException">
    /// A concept is had by none or by all of the examples, two are the same or each other's opposite, or there are fewer than two.
    /// </exception>
    public static IReadOnlyList<LayerEntanglement> Of(
        IReadOnlyList<ProbedLayer> layers, IReadOnlyList<(string Name, IReadOnlyList<bool> Has)> concepts, ProbeRecipe? recipe = null, int shuffles = 20,
        ulong seed = 0, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(layers);
        ArgumentNullException.ThrowIfNull(concepts);
        Require(layers, concepts, shuffles);
        recipe ??= new ProbeRecipe { Scaled = true };
        string[] names = [.. concepts.Select(c => c.Name)];
        var random = new RandomStream($"entangled labels/{seed}");
        int[][] orders = [.. Enumerable.Range(0, shuffles).Select(_ => random.Shuffled([.. Enumerable.Range(0, concepts[0].Has.Count)]))];
        var (rows, done) = (new List<LayerEntanglement>(), 0);
        foreach (var layer in layers)
        {
            LayerGeometry.RequireDifferent(layer);
            using var reduced = recipe.Reduce(layer.Activations);
            var found = Entanglement.Of(Directions(reduced, null), names, 10 * shuffles, seed);
            double[] shuffled = [.. orders.Select(order => MeanCosine(Directions(reduced, order)))];
            rows.Add(new(layer.Layer, layer.Place, found, Spread.Of(shuffled), (1.0 + shuffled.Count(s => s >= found.Mean)) / (1 + shuffles)));
        }

        return rows;

        double[][] Directions(ReducedExamples x, int[]? order)
        {
            cancellation.ThrowIfCancellationRequested();
            double[][] directions =
            [
                .. concepts.Select(c => recipe.Fit(x, [.. Enumerable.Range(0, c.Has.Count).Select(i => c.Has[order?[i] ?? i] ? 1 : 0)], ["other", c.Name])
                    .Direction()),
            ];
            progress?.Report(++done / (layers.Count * (1.0 + shuffles)));
            return directions;
        }
    }

    private static double MeanCosine(double[][] directions)
        => directions.Index().SelectMany(a => directions.Take(a.Index).Select(b => Math.Abs(a.Item.Zip(b, (x, y) => x * y).Sum()))).Average();

    private static void Require(IReadOnlyList<ProbedLayer> layers, IReadOnlyList<(string Name, IReadOnlyList<bool> Has)> concepts, int shuffles)
    {
        if (concepts.Count < 2 || shuffles < 1 || layers.FirstOrDefault(l => l.Activations.shape[0] != concepts[0].Has.Count) is not null)
        {
            throw new VitrineException(
                $"entanglement: {concepts.Count} concepts, {shuffles} shuffles; expected at least two and one, and of every layer the concepts' examples.");
        }

        foreach (var (index, (name, has)) in concepts.Index())
        {
            if (has.Distinct().Count() < 2)
            {
                throw new VitrineException($"entanglement: {(has[0] ? "all" : "none")} of {has.Count} examples have concept '{name}'; expected some.");
            }

            if (concepts.Take(index).FirstOrDefault(c => c.Has.Zip(has).All(p => p.First == p.Second) || c.Has.Zip(has).All(p => p.First != p.Second)).Name
                is { } same)
            {
                throw new VitrineException(
                    $"entanglement: concepts '{same}' and '{name}' split the {has.Count} examples alike, so that they are one direction; expected others.");
            }
        }
    }
}
