using System.Numerics;
using System.Text.RegularExpressions;
using Vitrine.Mechanisms.Heads;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>OV and QK circuits as factored matrices, composition scores and head detectors (TransformerLens).</summary>
internal static partial class CircuitGoldens
{
    public static IEnumerable<CertificateRow> Compare(Fixture fixture, string name, TextModel model)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var shape = model.Language.Shape;
        var ids = fixture.IdRows($"{name}/in.repeated")[0];
        using var run = model.Run(TokenBatch.Of([ids]), RunPlan.Capturing("language.*.attn.pattern"));
        var patterns = stack([.. Enumerable.Range(0, shape.Layers).Select(l => run[$"language.{l}.attn.pattern"][0])]);
        var (layer, head) = FullHead(fixture);
        using var full = HeadCircuits.FullOv(model.Language, layer, head);
        foreach (var key in fixture.KeysOf(name).Where(k => k != "in.repeated"))
        {
            var expected = fixture.Read($"{name}/{key}");
            var found = Found(key);
            yield return found is null ? CertificateRow.Failed(name, key, "this key is not known") : Comparison.Of(name, key, found, expected);
        }

        Tensor? Found(string key) => key.Split('.') switch
        {
            ["OV" or "QK", "AB"] => stack([.. Enumerable.Range(0, shape.Heads).Select(h => Circuit(key, ProductLayer(fixture), h).Product())]),
            ["OV" or "QK", var what] => OfCircuit(key, what),
            ["full_OV", "copying_score"] => tensor(full.EigenvalueScore()),
            ["full_OV", "diagonal"] => full.Diagonal(),
            ["full_OV", "singular_values"] => full.Decomposed().S,
            ["composition", "Q" or "K" or "V"] => Composed(key[^1]),
            ["detect", var kind, var measure, .. var left] => Detected(kind, measure, left),
            ["stripe", var kind] => Stripe(kind),
            ["repeated", "pattern"] => patterns,
            _ => null,
        };

        FactoredMatrix Circuit(string key, int l, int h)
            => key.StartsWith("OV", StringComparison.Ordinal) ? HeadCircuits.Ov(model.Language, l, h) : HeadCircuits.Qk(model.Language, l, h);

        Tensor? OfCircuit(string key, string what) => what switch
        {
            "trace" => Numbers(key, c => [c.Trace()]).squeeze(-1),
            "norm" => Numbers(key, c => [c.Norm()]).squeeze(-1),
            "eigenvalue_score" => Numbers(key, c => [c.EigenvalueScore()]).squeeze(-1),
            "eigenvalues_abs" => Numbers(key, c => c.Eigenvalues().Select(Complex.Abs)),
            "singular_values" => Tensors(key, c => c.Decomposed().S),
            "U_signed" => Tensors(key, c => c.Decomposed().U),
            "V_signed" => Tensors(key, c => c.Decomposed().V),
            _ => null,
        };

        Tensor Numbers(string key, Func<FactoredMatrix, IEnumerable<double>> of) => Tensors(key, c => tensor(of(c).ToArray()));

        Tensor Tensors(string key, Func<FactoredMatrix, Tensor> of)
            => stack([.. Enumerable.Range(0, shape.Layers).Select(l => stack([.. Enumerable.Range(0, shape.Heads).Select(h => of(Circuit(key, l, h)))]))]);

        Tensor Composed(char kind)
        {
            var scores = zeros([shape.Layers, shape.Heads, shape.Layers, shape.Heads], float64);
            foreach (var score in CompositionScores.Of(
                model.Language, kind switch { 'Q' => CompositionKind.Query, 'K' => CompositionKind.Key, _ => CompositionKind.Value }))
            {
                scores[score.FromLayer, score.FromHead, score.ToLayer, score.ToHead] = score.Score;
            }

            return scores;
        }

        Tensor? Detected(string kind, string measure, string[] left)
        {
            HeadKind? known = kind switch
            {
                "previous_token_head" => HeadKind.PreviousToken,
                "duplicate_token_head" => HeadKind.DuplicateToken,
                "induction_head" => HeadKind.Induction,
                _ => null,
            };
            if (known is not { } which || measure is not ("mul" or "abs") || left.Any(l => l is not ("no_bos" or "no_current")))
            {
                return null;
            }

            var scores = HeadDetector.Of(
                model, ids, which, measure == "mul" ? HeadMeasure.Share : HeadMeasure.Difference, left.Contains("no_bos"), left.Contains("no_current"),
                    shuffles: 0);
            return tensor(
                [.. scores.Select(s => measure == "abs" ? 1 - Math.Round(1 - s.Score, 3) : s.Score)], [shape.Layers, shape.Heads]);  // the library rounds
        }

        Tensor? Stripe(string kind)
        {
            var period = Period(ids);
            int? offset = kind switch { "induction" => 1 - period, "previous" => -1, "duplicate" => -period, _ => null };
            return offset is { } at ? patterns.diagonal(at, 2, 3).mean([-1]) : null;
        }
    }

    /// <summary>Length of the part that is said again, whatever stands in front of it.</summary>
    private static int Period(int[] ids)
        => Enumerable.Range(1, ids.Length / 2).First(n => Enumerable.Range(0, n).All(i => ids[^(i + 1)] == ids[^(i + 1 + n)]));

    private static int ProductLayer(Fixture fixture) => Number(fixture, "OV.AB", LayerCall());

    private static (int Layer, int Head) FullHead(Fixture fixture)
    {
        var match = HeadCall().Match(fixture.Meta.GetProperty("calls").GetProperty("full_OV").GetString()!);
        return match.Success
            ? (Whole(match.Groups[1].Value), Whole(match.Groups[2].Value))
            : throw new VitrineException($"{fixture.Folder}: meta.json does not say whose circuit full_OV is; expected OV[LAYER, HEAD].");
    }

    private static int Number(Fixture fixture, string call, Regex form)
        => form.Match(fixture.Meta.GetProperty("calls").GetProperty(call).GetString()!) is { Success: true } match
            ? Whole(match.Groups[1].Value)
            : throw new VitrineException($"{fixture.Folder}: meta.json does not say which layer {call} is of.");

    private static int Whole(string text) => int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    [GeneratedRegex(@"layer (\d+)")]
    private static partial Regex LayerCall();

    [GeneratedRegex(@"OV\[(\d+), (\d+)\]")]
    private static partial Regex HeadCall();
}
