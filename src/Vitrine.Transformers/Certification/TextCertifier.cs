using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Certification;

/// <summary>Certifies text models: every point of every case, generated ids, gradients and interventions.</summary>
public sealed class TextCertifier : ICertifier
{
    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => fixture?.Family == "llama" && fixture.Has("single/in.input_ids");

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        using var model = TextModel.Open(fixture.Folder);
        foreach (var @case in fixture.Keys.Where(k => k.Contains('/', StringComparison.Ordinal)).Select(k => k[..k.LastIndexOf('/')]).Distinct().Order(StringComparer.Ordinal))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            foreach (var row in Case(model, fixture, @case, cancellation).ToArray())
            {
                yield return row;
            }
        }

        if (File.Exists(Path.Combine(fixture.Folder, "config.v5.json")))
        {
            yield return OtherSpelling(model, fixture);
        }
    }

    private static IEnumerable<CertificateRow> Case(TextModel model, Fixture fixture, string @case, CancellationToken cancellation)
    {
        var keys = fixture.KeysOf(@case);
        var batch = Batch(fixture, @case, "in.input_ids");
        var edits = @case.StartsWith("edit/", StringComparison.Ordinal)
            ? DescribedEdits.Read(fixture, @case["edit/".Length..], address => Other(model, fixture, @case, address))
            : [];
        var plan = new RunPlan { Capture = [.. keys.Where(IsPoint)], Edits = edits };
        using var run = model.Run(batch, plan);
        var own = OwnPositions(batch);
        foreach (var key in keys.Where(IsPoint))
        {
            yield return Comparison.Of(@case, key, run[key], fixture.Read($"{@case}/{key}"), Valid(Address.Parse(key).Point, own));
        }

        if (keys.Contains("out.logits"))
        {
            yield return Comparison.Of(@case, "out.logits", run.Logits, fixture.Read($"{@case}/out.logits"), own.unsqueeze(-1));
        }

        if (keys.Contains("out.generated_ids"))
        {
            var expected = fixture.Rows($"{@case}/out.generated_ids");
            using var generation = model.Generate(batch, expected[0].Length, new RunPlan { Edits = edits }, cancellation);
            yield return Comparison.Ids(@case, "out.generated_ids", generation.Ids.SelectMany(r => r), expected.SelectMany(r => r));
            yield return Comparison.Of(@case, "out.generated_logits", generation.Run.Logits, fixture.Read($"{@case}/out.generated_logits"));
        }

        var gradients = keys.Where(k => k.StartsWith("grad.", StringComparison.Ordinal)).ToArray();
        if (gradients.Length > 0)
        {
            foreach (var row in Gradients(model, fixture, @case, batch, gradients))
            {
                yield return row;
            }
        }
    }

    /// <remarks>The scalar is the difference of two logits at the last position, as meta.json names them.</remarks>
    private static IEnumerable<CertificateRow> Gradients(TextModel model, Fixture fixture, string @case, TokenBatch batch, string[] keys)
    {
        var grad = fixture.Meta.GetProperty("grad");
        var (a, b) = (grad.GetProperty("a").GetInt64(), grad.GetProperty("b").GetInt64());
        using var run = model.Run(batch, new RunPlan { Gradients = [.. keys.Select(k => k["grad.".Length..])] });
        var last = batch.Lengths[0] - 1;
        var gradients = run.GradientsOf(r => r.Logits[0, last, a] - r.Logits[0, last, b]);
        foreach (var key in keys)
        {
            yield return Comparison.Of(@case, key, gradients[Address.Parse(key["grad.".Length..])], fixture.Read($"{@case}/{key}"), relativeToLargest: true);
        }
    }

    private static CertificateRow OtherSpelling(TextModel model, Fixture fixture)
    {
        using var other = TextModel.Open(fixture.Folder, config: "config.v5.json");
        var batch = Batch(fixture, "single", "in.input_ids");
        using var a = model.Run(batch);
        using var b = other.Run(batch);
        return Comparison.Of("config.v5.json", "out.logits", b.Logits, a.Logits);
    }

    private static Tensor Other(TextModel model, Fixture fixture, string @case, string address)
    {
        using var run = model.Run(Batch(fixture, @case, "in.input_ids_b"), RunPlan.Capturing(address));
        return run[address].clone();
    }

    private static TokenBatch Batch(Fixture fixture, string @case, string ids)
    {
        var rows = fixture.Rows($"{@case}/{ids}");
        return fixture.Has($"{@case}/in.attention_mask")
            ? TokenBatch.Masked(rows, fixture.Rows($"{@case}/in.attention_mask"))
            : TokenBatch.Of(rows);
    }

    private static bool IsPoint(string key) => key.StartsWith("language.", StringComparison.Ordinal);

    private static Tensor OwnPositions(TokenBatch batch)
        => tensor([.. batch.Positions.SelectMany(r => r).Select(p => p >= 0)], [batch.Positions.Count, batch.Positions[0].Count]);

    /// <remarks>Padded rows are kept as the reference gives them and are not compared.</remarks>
    private static Tensor Valid(Point point, Tensor own) => point.Axes() switch
    {
        PointAxes.Stream => own.unsqueeze(-1),
        PointAxes.Heads => own.unsqueeze(-1).unsqueeze(-1),
        _ => own.unsqueeze(1).unsqueeze(-1).logical_and(own.unsqueeze(1).unsqueeze(1)),
    };
}
