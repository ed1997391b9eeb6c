using Vitrine.Certification.Certified;
using Vitrine.Transformers;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Certification.Models;

/// <summary>Certifies image encoders: every point of every case, pooled outputs, classes, gradients and interventions; CLIP with its text tower.</summary>
internal sealed class VisionCertifier : ICertifier
{
    /// <inheritdoc/>
    public bool Knows(Fixture fixture)
        => fixture is not null && KnownFamilies.Of(fixture.Family) is { Kind: FamilyKind.Image } && File.Exists(Path.Combine(fixture.Folder, "config.json"));

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        using var model = VisionModel.Open(fixture.Folder);
        foreach (var @case in fixture.Meta.GetProperty("cases").EnumerateArray().Select(c => c.GetString()!))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            foreach (var row in Case(model, fixture, @case).ToArray())
            {
                yield return row;
            }
        }
    }

    private static IEnumerable<CertificateRow> Case(VisionModel model, Fixture fixture, string @case)
    {
        var keys = fixture.KeysOf(@case);
        var points = keys.Where(k => model.Stacks.Any(s => k.StartsWith($"{s.Name}.", StringComparison.Ordinal))).ToArray();
        var edits = @case.StartsWith("edit/", StringComparison.Ordinal)
            ? DescribedEdits.Read(fixture, @case["edit/".Length..], model.Tower.Shape.Name,
                _ => throw new VitrineException($"{fixture.Folder}: edit '{@case}' asks for a second picture."))
            : [];
        var plan = new RunPlan { Capture = points, Edits = edits };
        var pixels = fixture.Read($"{@case}/in.pixel_values");
        if (keys.Contains("in.input_ids"))
        {
            var texts = TokenBatch.Masked(fixture.IdRows($"{@case}/in.input_ids"), fixture.Rows($"{@case}/in.attention_mask"));
            using var match = model.Match(pixels, texts, plan);
            foreach (var row in Points(fixture, @case, points, match.Run, match.Pictures, texts)
                .Concat(Outputs(fixture, @case, keys, match.Pictures, match.Texts, match.Run.Logits)))
            {
                yield return row;
            }

            yield break;
        }

        using var run = model.Run(pixels, plan);
        foreach (var row in Points(fixture, @case, points, run, run.Logits, null).Concat(Outputs(fixture, @case, keys, run.Logits, null, null)))
        {
            yield return row;
        }

        if (keys.Contains("out.class_logits"))
        {
            using var answer = model.Classify(pixels, plan);
            yield return Comparison.Of(@case, "out.class_logits", answer.Run.Logits, fixture.Read($"{@case}/out.class_logits"));
            yield return Comparison.Ids(@case, "out.class_ids", answer.ClassIds, fixture.Integers($"{@case}/out.class_ids"));
        }

        var gradients = keys.Where(k => k.StartsWith("grad.", StringComparison.Ordinal)).ToArray();
        foreach (var row in gradients.Length > 0 ? Gradients(model, fixture, @case, pixels, gradients) : [])
        {
            yield return row;
        }
    }

    private static IEnumerable<CertificateRow> Points(Fixture fixture, string @case, string[] points, Run run, Tensor projected, TokenBatch? texts)
    {
        foreach (var key in points)
        {
            var (found, expected, address) = (run[key], fixture.Read($"{@case}/{key}"), Address.Parse(key));
            var note = "";
            if (address.Point == Point.FinalNorm && HoldsProjection(fixture, @case, expected))
            {
                (found, note) = (projected, "the golden holds the projected class token, as image_embeds before its normalisation; so does this side");
            }
            else if (address.Point == Point.HeadAttnPattern && expected.dim() == 3)
            {
                (found, note) = (found.mean([1]), "averaged over heads, as the golden is");
            }

            yield return Comparison.Of(@case, key, found, expected,
                texts is not null && address.Stack == "text" ? TextCertifier.Valid(address.Point, found, TextCertifier.OwnPositions(texts)) : null) with
            {
                Note = note,
            };
        }
    }

    /// <remarks>
    /// transformers 5 hands out CLIP's pooled picture after visual_projection, and the goldens stored that under the name of the norm before it; recognised by
    /// its direction.
    /// </remarks>
    private static bool HoldsProjection(Fixture fixture, string @case, Tensor golden)
    {
        if (golden.dim() != 2 || !fixture.Has($"{@case}/out.image_embeds"))
        {
            return false;
        }

        var embeds = fixture.Read($"{@case}/out.image_embeds");
        return golden.shape.SequenceEqual(embeds.shape) && nn.functional.normalize(golden, 2, 1, 1e-12).allclose(embeds, 1e-4, 1e-5);
    }

    private static IEnumerable<CertificateRow> Outputs(
        Fixture fixture, string @case, IReadOnlyList<string> keys, Tensor pictures, Tensor? texts, Tensor? logits)
    {
        (string Key, Func<Tensor?> Found)[] outputs =
        [
            ("out.pooled", () => pictures),
            ("out.image_embeds", () => nn.functional.normalize(pictures, 2, 1, 1e-12)),
            ("out.text_pooled", () => texts),
            ("out.text_embeds", () => texts is null ? null : nn.functional.normalize(texts, 2, 1, 1e-12)),
            ("out.logits_per_image", () => logits),
        ];
        foreach (var (key, found) in outputs.Where(o => keys.Contains(o.Key)))
        {
            yield return found() is { } tensor
                ? Comparison.Of(@case, key, tensor, fixture.Read($"{@case}/{key}"))
                : CertificateRow.Failed(@case, key, "the model gives no such output");
        }
    }

    /// <remarks>The scalar is the class logit that meta.json names, or the sum of the first coordinate of all features.</remarks>
    private static IEnumerable<CertificateRow> Gradients(VisionModel model, Fixture fixture, string @case, Tensor pixels, string[] keys)
    {
        const string Pixels = "grad.pixel_values";
        var features = new Address(model.Tower.Shape.Name, null, Point.Features);
        var addresses = keys.Where(k => k != Pixels).Select(k => k["grad.".Length..]).ToArray();
        var input = pixels.clone().requires_grad_();
        using var run = model.Run(input, new RunPlan { Gradients = [.. addresses, features.ToString()] });
        var objective = fixture.Meta.TryGetProperty("grad", out var grad) && grad.TryGetProperty("a", out var a)
            ? run.Logits[0, a.GetInt64()]
            : run.Activations[features].select(-1, 0).sum();
        if (fixture.Has($"{@case}/out.objective"))
        {
            yield return Comparison.Of(@case, "out.objective", objective.reshape(1), fixture.Read($"{@case}/out.objective"));
        }

        var gradients = run.GradientsOf(_ => objective, addresses.Select(Address.Parse));
        foreach (var key in keys)
        {
            var found = key == Pixels ? autograd.grad([objective.reshape()], [input], retain_graph: true)[0] : gradients[Address.Parse(key["grad.".Length..])];
            yield return Comparison.Of(@case, key, found, fixture.Read($"{@case}/{key}"), relativeToLargest: true);
        }
    }
}
