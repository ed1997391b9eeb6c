using Vitrine.Mechanisms.Lenses;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using Vitrine.Transformers.Caches;
using Vitrine.Transformers.Weights;
using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>The logit lens and the prediction's trajectory, on raw and on processed weights (TransformerLens).</summary>
internal static class LensGoldens
{
    public static IEnumerable<CertificateRow> Compare(Fixture fixture, string name, TextModel model)
    {
        var batch = TokenBatch.Of(fixture.IdRows($"{name}/in.ids"));
        foreach (var form in (string[])["raw", "processed"])
        {
            using var processed = form == "raw" ? null : model.Processed(Folding.All(model.Language));
            foreach (var row in Form(fixture, $"{name}/{form}", name, processed ?? model, batch))
            {
                yield return row;
            }
        }
    }

    private static IEnumerable<CertificateRow> Form(Fixture fixture, string @case, string name, TextModel model, TokenBatch batch)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var cache = ActivationCache.Of(model, batch);
        using var states = cache.Accumulated();
        var labels = fixture.Meta.GetProperty("labels").GetProperty($"{name}/lens").EnumerateArray().Select(l => l.GetString());
        yield return CertificateRow.Equal(@case, "labels", labels.SequenceEqual(states.Labels) ? 0 : 1, states.Count);
        using var normed = cache.Renormed(states);
        using var logits = cache.Unembedded(normed);                                                       // (S, B, T, V)
        using var last = cache.AtPosition(-1);
        using var ends = last.Accumulated();
        using var frozen = last.Normed(ends);
        using var said = last.Unembedded(frozen);
        var reading = LensReader.Read(Subject.Of(model, batch), options: new LensOptions { Mid = true, Count = 5 });
        var (rows, tokens) = (batch.Ids.Count, batch.Ids[0].Count);
        foreach (var key in fixture.KeysOf(@case))
        {
            var expected = fixture.Read($"{@case}/{key}");
            yield return key switch
            {
                "lens.resid" => Comparison.Of(@case, key, states.Values, expected),
                "lens.logits" => Comparison.Of(@case, key, logits.Values.narrow(2, tokens - expected.shape[2], expected.shape[2]), expected),
                "lens.frozen_resid_last" => Comparison.Of(@case, key, frozen.Values.squeeze(2), expected),
                "lens.frozen_logits_last" => Comparison.Of(@case, key, said.Values.squeeze(2), expected),
                "lens.entropy" => Comparison.Of(@case, key, Of(c => c.Entropy!.Value), expected),
                "lens.kl_from_final" => Comparison.Of(@case, key, Of(c => c.Divergence!.Value), expected),
                "lens.rank_of_next" => Comparison.Ids(
                    @case, key, Of(c => c.Rank!.Value).narrow(2, 0, tokens - 1).to(int64).contiguous().data<long>().ToArray(),
                        fixture.Integers($"{@case}/{key}")),
                "lens.top5" => Comparison.Ids(
                    @case, key, States().SelectMany(s => reading.Places.SelectMany(p => p.Cells[s].Top.Select(t => (long)t.Id))),
                        fixture.Integers($"{@case}/{key}")),
                _ => CertificateRow.Failed(@case, key, "this key is not known"),
            };
        }

        IEnumerable<int> States() => Enumerable.Range(0, reading.Places[0].Cells.Count);

        // (S, B, T): places run row by row, position by position.
        Tensor Of(Func<LensCell, double> number)
            => tensor(States().SelectMany(s => reading.Places.Select(p => number(p.Cells[s]))).ToArray(), [reading.Places[0].Cells.Count, rows, tokens]);
    }
}
