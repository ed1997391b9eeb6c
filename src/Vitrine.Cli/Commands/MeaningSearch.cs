using System.Globalization;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Concepts;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies.Actions;
using Vitrine.Transformers;
using Vitrine.Views;

namespace Vitrine.Cli.Commands;

/// <summary>What <c>vitrine concepts</c> does in the semantic space: search by meaning, clusters, the map.</summary>
/// <param name="model">Whose neurons.</param>
/// <param name="tokens">Its vocabulary.</param>
/// <param name="space">Its neurons.</param>
internal sealed class MeaningSearch(Model model, TokenReader tokens, SemanticSpace space)
{
    /// <summary>The code of actions as tokens.</summary>
    /// <exception cref="VitrineException">The model says none.</exception>
    public ActionTokens RequireActions(string option) => tokens.Actions ?? throw new VitrineException($"{model.Name}: has no action tokens; {option} asks for a policy that says them.");

    /// <summary>Neurons nearest to words, to an action's bin, or to a neuron.</summary>
    public (string How, IReadOnlyList<ScoredNeuron> Found, ConceptQuality Quality) Find(IReadOnlyList<string> words, string? bin, string? like, int count, Depth depth, Func<Neuron, bool> allowed)
    {
        if (like is not null)
        {
            using var near = space.MeaningOf(Neuron(like));
            var found = space.Nearest(near, count, depth, allowed);
            return ($"cosine with the meaning of neuron {like}", found, ConceptQuality.OfSet(space, [.. found.Select(f => f.Neuron)]));
        }

        int[] ids = bin is not null ? [(int)RequireActions("--bin").Encode(Value(bin))] : [.. words.Select(w => tokens.Id(w) ?? throw new VitrineException($"concepts: the vocabulary has no word '{w}'."))];
        using var meaning = space.MeaningOf(ids);
        return ($"cosine with the meaning of {string.Join(", ", ids.Select(tokens.Print))}", space.Nearest(meaning, count, depth, allowed), ConceptQuality.OfSearch(space, ids, count, depth));
    }

    /// <summary>Clusters the neurons of a depth and prints the most coherent ones.</summary>
    public IReadOnlyList<(string Name, IReadOnlyList<Neuron> Neurons)> Cluster(int clusters, int seed, Depth depth, Func<Neuron, bool> allowed, int count, CancellationToken cancellation)
    {
        Neuron[] neurons = [.. space.Neurons.Where(n => space.Within(n, depth) && allowed(n))];
        using var points = space.PointsOf(neurons);
        var fit = KMeans.Fit(points, clusters, seed, cancellation: cancellation);
        var found = Enumerable.Range(0, clusters)
            .Select(c => (Members: (IReadOnlyList<Neuron>)[.. neurons.Where((_, i) => fit.Assignments[i] == c)], Coherence: fit.Coherence[c]))
            .Where(c => c.Members.Count > 1).OrderByDescending(c => c.Coherence).Take(count).ToArray();
        var table = Output.Table("cluster", "neurons", "cosine with centre", "pairwise cosine", "shuffled vocabulary", "largest shuffled", "writes most");
        var named = new List<(string, IReadOnlyList<Neuron>)>();
        foreach (var (members, coherence) in found)
        {
            var quality = ConceptQuality.OfSet(space, members, shuffles: 3);
            var name = MostFrequentTokens(members, 1);
            named.Add(($"{named.Count + 1} {name}", members));
            table.Add($"{named.Count}", $"{members.Count}", Number(coherence), Number(quality.Measured), Number(quality.Shuffled), Number(quality.LargestShuffled), MostFrequentTokens(members, 8));
        }

        AnsiConsole.Write(table);
        return named;
    }

    /// <summary>Writes the map as a page.</summary>
    public void WriteMap(string path, IReadOnlyList<(string Name, IReadOnlyList<Neuron> Neurons)> groups)
    {
        var map = ConceptMap.Of(space, groups, n => tokens.Print(space.ReadingOf(n).TopIds, 6));
        AtomicFile.WriteAllText(path, new NeighbourMap(map).RenderPage("Neurons by meaning", $"{map.Points.Count} neurons of {model.Name}, model {model.Fingerprint[..12]}."));
    }

    public static string Number(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);

    private string MostFrequentTokens(IReadOnlyList<Neuron> members, int count)
        => string.Join(' ', members.SelectMany(n => space.ReadingOf(n).TopIds.Take(5)).GroupBy(id => id).OrderByDescending(g => g.Count()).ThenBy(g => g.Key).Take(count).Select(g => tokens.Print(g.Key)));

    private static Neuron Neuron(string text)
        => text.Split(':') is [var l, var i] && int.TryParse(l, NumberStyles.None, CultureInfo.InvariantCulture, out var layer) && int.TryParse(i, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            ? new Neuron(layer, index)
            : throw new VitrineException($"concepts: --like is '{text}'; expected layer:index such as 3:17.");

    private static double Value(string text)
        => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value is >= -1 and <= 1
            ? value
            : throw new VitrineException($"concepts: --bin is '{text}'; expected a normalised action between -1 and 1.");
}
