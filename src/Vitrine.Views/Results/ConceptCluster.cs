using Vitrine.Mechanisms.Concepts;
using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.ValueVectors;

namespace Vitrine.Views;

/// <summary>The neurons whose value vectors spell one concept.</summary>
public sealed record ConceptCluster
{
    private const int ShownTokens = 10;

    /// <summary>The concept, as <c>fast</c>.</summary>
    public required string Concept { get; init; }

    /// <summary>The words that count as the concept; may be empty.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    /// <summary>The neurons, best first; may be empty.</summary>
    public required IReadOnlyList<ConceptNeuron> Neurons { get; init; }

    /// <summary>A cluster as value vectors and calibration show it.</summary>
    /// <param name="words">The concept's word list.</param>
    /// <param name="neurons">The cluster.</param>
    /// <param name="readings">[layer][neuron].</param>
    /// <param name="tokens">The vocabulary.</param>
    /// <param name="calibration">Natural activity.</param>
    public static ConceptCluster Of(
        WordList words, IReadOnlyList<ClusterNeuron> neurons, IReadOnlyList<IReadOnlyList<NeuronReading>> readings, TokenReader tokens, Calibration calibration)
    {
        ArgumentNullException.ThrowIfNull(words);
        ArgumentNullException.ThrowIfNull(readings);
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(calibration);
        var ids = words.Ids(tokens);
        return new ConceptCluster
        {
            Concept = words.Name,
            Words = words.Words,
            Neurons =
            [
                .. neurons.Select(n =>
                {
                    var reading = readings[n.Neuron.Layer][n.Neuron.Index];
                    return new ConceptNeuron
                    {
                        Layer = n.Neuron.Layer,
                        Index = n.Neuron.Index,
                        Score = n.Words,
                        Top = Shown(reading.TopIds),
                        Bottom = Shown(reading.BottomIds),
                        MeanActivation = calibration.MeanOf(n.Neuron),
                        Sigma = calibration.SigmaOf(n.Neuron),
                    };
                }),
            ],
        };

        VocabularyToken[] Shown(IReadOnlyList<int> end)
            => [.. end.Take(ShownTokens).Select(i => new VocabularyToken(tokens.Print(i), ids.Contains(i), tokens.IsAction(i)))];
    }
}

/// <summary>One neuron of a <see cref="ConceptCluster"/>, with both ends of its value vector.</summary>
public sealed record ConceptNeuron
{
    /// <summary>The neuron's layer, counted from 0.</summary>
    public required int Layer { get; init; }

    /// <summary>The neuron's index in its layer.</summary>
    public required int Index { get; init; }

    /// <summary>How strongly it spells the concept; a count of tokens, or whatever <see cref="ReportData.ScoreMeaning"/> says.</summary>
    public required double Score { get; init; }

    /// <summary>The tokens that the value vector raises most, first the strongest.</summary>
    public required IReadOnlyList<VocabularyToken> Top { get; init; }

    /// <summary>The tokens that it lowers most, first the strongest: what the neuron writes when it fires negatively.</summary>
    public required IReadOnlyList<VocabularyToken> Bottom { get; init; }

    /// <summary>Mean of the neuron's activation over the reference runs.</summary>
    public required double MeanActivation { get; init; }

    /// <summary>Standard deviation of the activation.</summary>
    public required double Sigma { get; init; }
}

/// <summary>A token of the vocabulary as a view shows it.</summary>
/// <param name="Text">The token; for an action token, the value that it stands for.</param>
/// <param name="IsConcept">Whether it is a word of the concept at hand.</param>
/// <param name="IsAction">Whether it is an action token.</param>
public sealed record VocabularyToken(string Text, bool IsConcept = false, bool IsAction = false);
