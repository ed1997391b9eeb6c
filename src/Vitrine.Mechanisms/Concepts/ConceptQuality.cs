using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Concepts;

/// <summary>How well neurons fit together, beside the same number for shuffled vocabularies.</summary>
/// <param name="Measured">The number.</param>
/// <param name="Shuffled">Mean over the shuffles.</param>
/// <param name="LargestShuffled">Largest of the shuffles.</param>
/// <remarks>A quality that does not stand clear of the largest shuffled one says nothing about meaning.</remarks>
public sealed record ConceptQuality(double Measured, double Shuffled, double LargestShuffled)
{
    /// <summary>Of a search: mean cosine of the nearest neurons with what was searched for.</summary>
    /// <param name="space">The neurons.</param>
    /// <param name="ids">Tokens that were searched for.</param>
    /// <param name="count">Neurons that the search returns.</param>
    /// <param name="depth">Which layers.</param>
    /// <param name="shuffles">Shuffled vocabularies.</param>
    /// <param name="seed">Of the shuffles.</param>
    public static ConceptQuality OfSearch(SemanticSpace space, IReadOnlyList<int> ids, int count, Depth depth = Depth.Full, int shuffles = 5, int seed = 0)
    {
        ArgumentNullException.ThrowIfNull(space);
        return Of(space, s =>
        {
            using var meaning = s.MeaningOf(ids);
            return s.Nearest(meaning, count, depth).Average(n => n.Score);
        }, shuffles, seed);
    }

    /// <summary>Of a set: mean cosine of two different members.</summary>
    /// <param name="space">The neurons.</param>
    /// <param name="members">At least two.</param>
    /// <param name="shuffles">Shuffled vocabularies.</param>
    /// <param name="seed">Of the shuffles.</param>
    /// <remarks>
    /// Members that share tokens stay near to each other in a shuffled space; what the shuffle takes away is the nearness of different words.
    /// </remarks>
    public static ConceptQuality OfSet(SemanticSpace space, IReadOnlyList<Neuron> members, int shuffles = 5, int seed = 0)
    {
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(members);
        return members.Count < 2
            ? throw new VitrineException($"concept quality: {members.Count} neurons; expected at least two.")
            : Of(space, s => Pairwise(s, members), shuffles, seed);
    }

    /// <remarks>With unit rows u: (|sum u|^2 - n) / (n (n - 1)).</remarks>
    private static double Pairwise(SemanticSpace space, IReadOnlyList<Neuron> members)
    {
        using var scope = NewDisposeScope();
        var sum = space.PointsOf(members).to(float64).sum([0]);
        return (sum.dot(sum).item<double>() - members.Count) / ((double)members.Count * (members.Count - 1));
    }

    private static ConceptQuality Of(SemanticSpace space, Func<SemanticSpace, double> measure, int shuffles, int seed)
    {
        var control = new double[Math.Max(1, shuffles)];
        for (var i = 0; i < control.Length; i++)
        {
            using var shuffled = space.Shuffled((seed * 1009) + i);
            control[i] = measure(shuffled);
        }

        return new ConceptQuality(measure(space), control.Average(), control.Max());
    }
}
