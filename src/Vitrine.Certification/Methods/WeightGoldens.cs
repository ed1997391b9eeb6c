using System.Globalization;
using Vitrine.Transformers;
using Vitrine.Transformers.Weights;
using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>Processed weights under TransformerLens' names, and the logits before and after.</summary>
internal static class WeightGoldens
{
    private const string Block = "weights.blocks.";

    public static IEnumerable<CertificateRow> Compare(Fixture fixture, string name, TextModel model)
    {
        using var processed = model.Processed(Described(fixture, name));
        var batch = TokenBatch.Of(fixture.IdRows($"{name}/in.ids"));
        using var raw = model.Run(batch);
        using var run = processed.Run(batch);
        var outside = NamedWeights.OutsideLayers(processed);
        foreach (var key in fixture.KeysOf(name).Where(k => k != "in.ids"))
        {
            using var scope = NewDisposeScope();
            var found = key switch
            {
                "raw.logits" => raw.Logits,
                "logits" => run.Logits,
                _ when key.StartsWith(Block, StringComparison.Ordinal) => OfLayer(processed, key[Block.Length..]),
                _ => outside.GetValueOrDefault(key.StartsWith("weights.", StringComparison.Ordinal) ? key["weights.".Length..] : key),
            };
            yield return found is null
                ? CertificateRow.Failed(name, key, "this key is not known")
                : Comparison.Of(name, key, found, fixture.Read($"{name}/{key}"));
        }

        yield return Comparison.Of(name, "log-softmax of the raw and the processed model", run.Logits.log_softmax(-1), raw.Logits.log_softmax(-1));
    }

    private static Tensor? OfLayer(TextModel model, string key)
    {
        var dot = key.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && int.TryParse(key[..dot], NumberStyles.None, CultureInfo.InvariantCulture, out var layer) && layer < model.Language.Shape.Layers
            ? NamedWeights.OfLayer(model, layer).GetValueOrDefault(key[(dot + 1)..])
            : null;
    }

    /// <remarks>The call in meta.json names each option with True or False.</remarks>
    private static Folding Described(Fixture fixture, string name)
    {
        var call = fixture.Meta.GetProperty("calls").GetProperty(name).GetString()!;
        return new Folding
        {
            Norms = Is("fold_ln"),
            CentreWriting = Is("center_writing_weights"),
            CentreUnembedding = Is("center_unembed"),
            ValueBiases = Is("fold_value_biases"),
        };

        bool Is(string option) => call.Contains($"{option}=True", StringComparison.Ordinal);
    }
}
