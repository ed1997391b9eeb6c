using Vitrine.Certification.Models;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>Certifies the reading of value vectors: ids and scores of the largest logits of every neuron.</summary>
internal sealed class ValueVectorCertifier : ICertifier
{
    private const string Case = "value_vectors";

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

    /// <summary>The reading of an opened policy's language stack.</summary>
    internal static IEnumerable<CertificateRow> Rows(Policy policy, Fixture fixture, CancellationToken cancellation)
    {
        for (var layer = 0; layer < policy.Language.Shape.Layers && fixture.Has($"{Case}/language.{layer}.top_ids"); layer++)
        {
            var expected = fixture.Rows($"{Case}/language.{layer}.top_ids");
            var neurons = VocabularyProjection.Read(policy.Language, [layer], expected[0].Length, cancellation: cancellation)[0];
            yield return Comparison.Ids(Case, $"language.{layer}.top_ids", neurons.SelectMany(n => n.TopIds.Select(i => (long)i)), expected.SelectMany(r => r));
            using var scores = fixture.Read($"{Case}/language.{layer}.top_scores");
            using var found = tensor(neurons.SelectMany(n => n.TopScores).ToArray(), scores.shape);
            yield return Comparison.Of(Case, $"language.{layer}.top_scores", found, scores);
        }
    }
}
