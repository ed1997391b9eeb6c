using System.Globalization;
using System.Text.RegularExpressions;
using Vitrine.Transformers;
using Vitrine.Transformers.Caches;
using Vitrine.Transformers.Weights;
using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>Direct logit attribution at the last position, on raw and on processed weights (TransformerLens).</summary>
internal static partial class AttributionGoldens
{
    public static IEnumerable<CertificateRow> Compare(Fixture fixture, string name, TextModel model)
    {
        var batch = TokenBatch.Of(fixture.IdRows($"{name}/in.ids"));
        var answers = fixture.IdRows($"{name}/in.answers");
        int[] right = [.. answers.Select(a => a[0])], wrong = [.. answers.Select(a => a[1])];
        foreach (var form in (string[])["raw", "processed"])
        {
            using var processed = form == "raw" ? null : model.Processed(Folding.All(model.Language));
            foreach (var row in Form(fixture, $"{name}/{form}", name, processed ?? model, batch, right, wrong))
            {
                yield return row;
            }
        }
    }

    private static IEnumerable<CertificateRow> Form(Fixture fixture, string @case, string name, TextModel model, TokenBatch batch, int[] right, int[] wrong)
    {
        using var whole = ActivationCache.Of(model, batch);
        using var cache = whole.AtPosition(-1);
        using var run = model.Run(batch);
        var stacks = new Dictionary<string, ComponentStack>
        {
            ["accumulated"] = cache.Accumulated(),
            ["components"] = cache.Decompose(),
            ["heads"] = cache.Heads(remainder: true),
            ["full"] = cache.Full(),
            ["neurons"] = cache.Neurons(NeuronLayer(fixture)),
        };
        foreach (var (part, labels) in stacks.Select(s => (s.Key, s.Value.Labels)))
        {
            if (fixture.Meta.GetProperty("labels").TryGetProperty($"{name}/{part}", out var expected))
            {
                yield return CertificateRow.Equal(
                    @case, $"{part} labels", expected.EnumerateArray().Select(l => l.GetString()).SequenceEqual(labels) ? 0 : 1, labels.Count);
            }
        }

        foreach (var key in fixture.KeysOf(@case))
        {
            yield return Value(key) is { } found
                ? Comparison.Of(@case, key, found, fixture.Read($"{@case}/{key}"))
                : CertificateRow.Failed(@case, key, "this key is not known");
        }

        Tensor? Value(string key)
        {
            if (key == "logit_diff")
            {
                var last = run.Logits.select(1, -1);
                return Chosen(right) - Chosen(wrong);

                Tensor Chosen(int[] ids) => last.gather(1, tensor(ids).to(int64).unsqueeze(1)).squeeze(1);
            }

            var (part, what) = key.IndexOf('.', StringComparison.Ordinal) is var dot and > 0 ? (key[..dot], key[(dot + 1)..]) : (key, "");
            return (part, what) switch
            {
                ("components_ln", "") => cache.Normed(stacks["components"]).Values.squeeze(2),
                _ when !stacks.ContainsKey(part) => null,
                (_, "") => stacks[part].Values.squeeze(2),
                (_, "logit") => cache.LogitAttribution(stacks[part], right).squeeze(2),
                (_, "logit_diff") => cache.LogitAttribution(stacks[part], right, wrong).squeeze(2),
                _ => null,
            };
        }
    }

    private static int NeuronLayer(Fixture fixture)
    {
        var call = fixture.Meta.GetProperty("calls").GetProperty("neurons").GetString()!;
        return Layer().Match(call) is { Success: true } match
            ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
            : throw new VitrineException($"{fixture.Folder}: meta.json does not say whose neurons '{call}' are; expected layer=N.");
    }

    [GeneratedRegex(@"layer=(\d+)")]
    private static partial Regex Layer();
}
