using Vitrine.Certification.Models;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>Certifies the reading of value vectors: ids and scores of the largest logits of every neuron.</summary>
internal sealed class ValueVectorCertifier : ICertifier
{
    private const string Case = "value_vectors";

    /// <summary>Of a score in float32, summed in another order.</summary>
    private const double TieWithin = 1e-6;

    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => fixture?.Family == "openvla" && fixture.Keys.Any(k => k.StartsWith(Case + "/", StringComparison.Ordinal));

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        using var policy = Policy.Open(fixture.Folder, OpenVlaCertifier.Options(fixture));
        foreach (var row in Rows(policy, fixture, cancellation))
        {
            yield return row;
        }
    }

    /// <summary>Ids that differ. Two words may share a score to the last digits of float32; where they do, either may stand at a place.</summary>
    private static (long Differing, long Tied) Differing(Policy policy, int layer, IReadOnlyList<NeuronReading> neurons, long[][] expected)
    {
        (int Neuron, int Place)[] others =
        [
            .. neurons.Index().SelectMany(n => expected[n.Index].Index().Where(e => n.Item.TopIds[e.Index] != e.Item).Select(e => (n.Index, e.Index))),
        ];
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var (vectors, words) = (policy.Language.ValueVectors(layer), policy.Language.Unembedding());
        var differing = others.LongCount(o =>
        {
            var score = vectors[o.Neuron].to(float64).dot(words[expected[o.Neuron][o.Place]].to(float64)).item<double>();
            return Math.Abs(score - neurons[o.Neuron].TopScores[o.Place]) > TieWithin * Math.Max(1, Math.Abs(score));
        });
        return (differing, others.Length - differing);
    }

    /// <summary>The reading of an opened policy's language stack.</summary>
    internal static IEnumerable<CertificateRow> Rows(Policy policy, Fixture fixture, CancellationToken cancellation)
    {
        for (var layer = 0; layer < policy.Language.Shape.Layers && fixture.Has($"{Case}/language.{layer}.top_ids"); layer++)
        {
            var expected = fixture.Rows($"{Case}/language.{layer}.top_ids");
            var neurons = VocabularyProjection.Read(policy.Language, [layer], expected[0].Length, cancellation: cancellation)[0];
            var (differing, tied) = Differing(policy, layer, neurons, expected);
            yield return CertificateRow.Equal(
                Case, $"language.{layer}.top_ids", differing, expected.Sum(r => r.LongLength), tied > 0 ? $"{tied} of a score that two words share" : "");
            using var scores = fixture.Read($"{Case}/language.{layer}.top_scores");
            using var found = tensor(neurons.SelectMany(n => n.TopScores).ToArray(), scores.shape);
            yield return Comparison.Of(Case, $"language.{layer}.top_scores", found, scores);
        }
    }
}
