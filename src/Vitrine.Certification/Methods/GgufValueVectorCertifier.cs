using System.Globalization;
using TorchSharp;
using Vitrine.Certification.Models;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>
/// Certifies value vectors of a real language model: the ten largest logits of every neuron of some layers, mean and deviation over the vocabulary, and neurons
/// that write a word.
/// </summary>
/// <remarks>
/// Where two logits differ by less than 1e-4 of the larger one their order is a matter of rounding: such places are counted as near ties and named, not as
/// errors.
/// </remarks>
internal sealed class GgufValueVectorCertifier : ICertifier
{
    private const string Case = "value_vectors", Words = "word_neurons";
    private const double NearTie = 1e-4;

    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => new GgufCertifier().Knows(fixture) && fixture.Keys.Any(k => k.StartsWith(Case + "/", StringComparison.Ordinal));

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        using var model = TextModel.Open(ReferenceWeights.Needed(fixture, GgufCertifier.Hash, "*.gguf"));
        using var mode = no_grad();
        var stack = model.Language;
        for (var layer = 0; layer < stack.Shape.Layers; layer++)
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"{Case}/language.{layer}");
            if (!fixture.Has($"{key}/top10.ids"))
            {
                continue;
            }

            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            foreach (var row in Layer(fixture, model, layer, key, cancellation).ToArray())
            {
                yield return row;
            }
        }

        foreach (var word in fixture.Keys.Where(k => k.StartsWith(Words + "/", StringComparison.Ordinal) && k.EndsWith("/token_id", StringComparison.Ordinal))
            .Select(k => k.Split('/')[1]).Order(StringComparer.Ordinal))
        {
            using var scope = NewDisposeScope();
            yield return Word(fixture, model, word);
        }
    }

    private static IEnumerable<CertificateRow> Layer(Fixture fixture, TextModel model, int layer, string key, CancellationToken cancellation)
    {
        var (expected, scores) = (fixture.Rows($"{key}/top10.ids"), fixture.Read($"{key}/top10.scores"));
        var readings = VocabularyProjection.Read(model.Language, [layer], expected[0].Length, cancellation: cancellation)[0];
        var wanted = scores.data<float>().ToArray();
        var (differing, ties) = (0, 0);
        for (var neuron = 0; neuron < readings.Count; neuron++)
        {
            for (var rank = 0; rank < expected[neuron].Length; rank++)
            {
                if (readings[neuron].TopIds[rank] != expected[neuron][rank])
                {
                    var (a, b) = (readings[neuron].TopScores[rank], wanted[(neuron * expected[neuron].Length) + rank]);
                    var isTie = Math.Abs(a - b) < NearTie * Math.Max(Math.Abs(a), Math.Abs(b));
                    (differing, ties) = (differing + (isTie ? 0 : 1), ties + (isTie ? 1 : 0));
                }
            }
        }

        yield return CertificateRow.Equal(Case, $"language.{layer} top 10 ids", differing, expected.Length * expected[0].Length,
            $"{ties} near ties (relative difference below 1e-4) in another order");
        yield return Comparison.Of(Case, $"language.{layer} top 10 scores", tensor(readings.SelectMany(r => r.TopScores).ToArray(), scores.shape), scores);
        var logits = model.Language.ValueVectors(layer).matmul(model.Language.Unembedding().t());   // (F, V)
        yield return Comparison.Of(Case, $"language.{layer} mean", logits.mean([1]), fixture.Read($"{key}/mean"));
        yield return Comparison.Of(Case, $"language.{layer} std", logits.std(1, unbiased: false), fixture.Read($"{key}/std"));
    }

    /// <remarks>Per layer the neurons with the largest logit of the word's token, largest first.</remarks>
    private static CertificateRow Word(Fixture fixture, TextModel model, string word)
    {
        var stack = model.Language;
        var expected = fixture.Read($"{Words}/{word}/scores");                                            // (L, n)
        var token = stack.Unembedding().select(0, fixture.Integers($"{Words}/{word}/token_id")[0]);
        var found = torch.stack([.. Enumerable.Range(0, stack.Shape.Layers).Select(l => stack.ValueVectors(l).mv(token).topk((int)expected.shape[1]).values)]);
        return Comparison.Of(Words, $"{word} scores", found, expected);
    }
}
