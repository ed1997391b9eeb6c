using Vitrine.Mechanisms.ValueVectors;

namespace Vitrine.Mechanisms.Concepts;

/// <summary>How many meanings a neuron mixes: words beside their opposites, actions of both signs.</summary>
/// <param name="Words">Most words of one list among the top tokens.</param>
/// <param name="Opposites">Words of the opposite list among them.</param>
/// <param name="Positive">Action tokens of positive value among them.</param>
/// <param name="Negative">Action tokens of negative value.</param>
public sealed record Polysemy(int Words, int Opposites, int Positive, int Negative)
{
    /// <summary>0 where one meaning stands alone, 1 where two are equally strong: the larger of opposites / words and minority / majority of signs.</summary>
    public double Score => Math.Max(Ratio(Opposites, Words), Ratio(Math.Min(Positive, Negative), Math.Max(Positive, Negative)));

    private static double Ratio(int less, int more) => more == 0 ? 0 : Math.Min(1, (double)less / more);
}

/// <summary>Looks at neurons for mixed meanings.</summary>
/// <param name="lists">Word lists with their opposites.</param>
/// <param name="tokens">The vocabulary.</param>
public sealed class PolysemyRule(IReadOnlyList<WordList> lists, TokenReader tokens)
{
    private readonly Dictionary<string, IReadOnlySet<int>> ids = lists.ToDictionary(l => l.Name, l => l.Ids(tokens));

    /// <summary>One neuron.</summary>
    public Polysemy Of(NeuronReading reading)
    {
        ArgumentNullException.ThrowIfNull(reading);
        var counts = ids.ToDictionary(l => l.Key, l => reading.TopIds.Count(l.Value.Contains));
        var (words, opposites) = lists.Select(l => (Own: counts[l.Name], Against: l.Opposite is { } o ? counts.GetValueOrDefault(o) : 0))
            .OrderByDescending(c => c.Own).ThenByDescending(c => c.Against).FirstOrDefault();
        var values = reading.TopIds.Where(tokens.IsAction).Select(tokens.Action).ToArray();
        return new Polysemy(words, opposites, values.Count(v => v > 0), values.Count(v => v < 0));
    }
}
