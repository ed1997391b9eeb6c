using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Transformers;

namespace Vitrine.Mechanisms.Concepts;

/// <summary>What a search by meaning found.</summary>
/// <param name="How">What the score is, in words.</param>
/// <param name="Neurons">The nearest first.</param>
/// <param name="Quality">Beside the same in shuffled vocabularies.</param>
public sealed record MeaningFound(string How, IReadOnlyList<ScoredNeuron> Neurons, ConceptQuality Quality);

/// <summary>Neurons that mean alike.</summary>
/// <param name="Neurons">At least two.</param>
/// <param name="Coherence">Mean cosine with the centre.</param>
/// <param name="Quality">Mean cosine of two members, beside the same in shuffled vocabularies.</param>
/// <param name="Tokens">What the members write most, most frequent first.</param>
public sealed record MeaningCluster(IReadOnlyList<Neuron> Neurons, double Coherence, ConceptQuality Quality, IReadOnlyList<int> Tokens);

/// <summary>Searches a semantic space by words, by an action, by a neuron, and for groups.</summary>
/// <param name="tokens">The vocabulary.</param>
/// <param name="space">The neurons.</param>
/// <param name="allowed">Neurons to choose from.</param>
/// <param name="depth">Which layers.</param>
public sealed class MeaningSearch(TokenReader tokens, SemanticSpace space, Func<Neuron, bool> allowed, Depth depth = Depth.Full)
{
    private const int TokensOfMember = 5;

    /// <summary>Neurons nearest to the meaning of words.</summary>
    /// <exception cref="VitrineException">The vocabulary lacks one of the words.</exception>
    public MeaningFound ByWords(IReadOnlyList<string> words, int count)
    {
        ArgumentNullException.ThrowIfNull(words);
        return ByTokens([.. words.Select(w => tokens.IdOfAnyCase(w) ?? throw new VitrineException($"concepts: the vocabulary has no word '{w}'."))], count);
    }

    /// <summary>Neurons nearest to the meaning of tokens.</summary>
    public MeaningFound ByTokens(IReadOnlyList<int> ids, int count)
    {
        ArgumentNullException.ThrowIfNull(ids);
        using var meaning = space.MeaningOf(ids);
        var how = $"cosine with the meaning of {string.Join(", ", ids.Select(tokens.Print))}";
        return new MeaningFound(how, space.Nearest(meaning, count, depth, allowed), ConceptQuality.OfSearch(space, ids, count, depth));
    }

    /// <summary>Neurons that mean what another one does.</summary>
    /// <exception cref="VitrineException">There is no such neuron.</exception>
    public MeaningFound ByNeuron(Neuron neuron, int count)
    {
        using var meaning = space.MeaningOf(neuron);
        var found = space.Nearest(meaning, count, depth, allowed);
        return new MeaningFound($"cosine with the meaning of neuron {neuron}", found, ConceptQuality.OfSet(space, [.. found.Select(f => f.Neuron)]));
    }

    /// <summary>Groups the neurons by meaning (k-means by cosine).</summary>
    /// <param name="groups">k.</param>
    /// <param name="count">The most coherent ones of at least two neurons to return.</param>
    /// <param name="seed">Of the first centres.</param>
    /// <param name="cancellation">Stops between rounds.</param>
    public IReadOnlyList<MeaningCluster> Clusters(int groups, int count, int seed = 0, CancellationToken cancellation = default)
    {
        Neuron[] neurons = [.. space.Neurons.Where(n => space.Within(n, depth) && allowed(n))];
        using var points = space.PointsOf(neurons);
        var fit = KMeans.Fit(points, groups, seed, cancellation: cancellation);
        return
        [
            .. Enumerable.Range(0, groups)
                .Select(c => (Members: (IReadOnlyList<Neuron>)[.. neurons.Where((_, i) => fit.Assignments[i] == c)], Coherence: fit.Coherence[c]))
                .Where(c => c.Members.Count > 1).OrderByDescending(c => c.Coherence).Take(count)
                .Select(c => new MeaningCluster(c.Members, c.Coherence, ConceptQuality.OfSet(space, c.Members, shuffles: 3), MostFrequentTokens(c.Members))),
        ];
    }

    private int[] MostFrequentTokens(IReadOnlyList<Neuron> members) =>
    [
        .. members.SelectMany(n => space.ReadingOf(n).TopIds.Take(TokensOfMember)).GroupBy(id => id)
            .OrderByDescending(g => g.Count()).ThenBy(g => g.Key).Select(g => g.Key),
    ];
}
