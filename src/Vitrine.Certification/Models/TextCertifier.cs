using Vitrine.Certification.Certified;
using Vitrine.Transformers;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Certification.Models;

/// <summary>Certifies text models: every point of every case, generated ids, classes, gradients and interventions.</summary>
internal sealed class TextCertifier : ICertifier
{
    /// <inheritdoc/>
    public bool Knows(Fixture fixture)
        => fixture is not null && KnownFamilies.Of(fixture.Family) is { Kind: FamilyKind.Text } && fixture.Has("single/in.input_ids")
            && File.Exists(Path.Combine(fixture.Folder, "config.json"));

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        using var model = TextModel.Open(fixture.Folder);
        foreach (var @case in fixture.Keys.Where(k => k.Contains('/', StringComparison.Ordinal)).Select(k => k[..k.LastIndexOf('/')]).Distinct()
            .Order(StringComparer.Ordinal))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            foreach (var row in Case(model, fixture, @case, cancellation).ToArray())
            {
                yield return row;
            }
        }

        foreach (var row in OtherSpellings(model, fixture))
        {
            yield return row;
        }
    }

    private static IEnumerable<CertificateRow> Case(TextModel model, Fixture fixture, string @case, CancellationToken cancellation)
    {
        var keys = fixture.KeysOf(@case);
        var batch = Batch(fixture, @case, "in.input_ids");
        var edits = @case.StartsWith("edit/", StringComparison.Ordinal)
            ? DescribedEdits.Read(fixture, @case["edit/".Length..], model.Language.Shape.Name, address => Other(model, fixture, @case, address))
            : [];
        var points = keys.Where(k => model.Stacks.Any(s => k.StartsWith($"{s.Name}.", StringComparison.Ordinal))).ToArray();
        using var run = model.Run(batch, new RunPlan { Capture = points, Edits = edits });
        var own = OwnPositions(batch);
        foreach (var key in points)
        {
            yield return Comparison.Of(@case, key, run[key], fixture.Read($"{@case}/{key}"), Valid(Address.Parse(key).Point, run[key], own));
        }

        if (keys.Contains("out.logits"))
        {
            yield return Comparison.Of(@case, "out.logits", run.Logits, fixture.Read($"{@case}/out.logits"), own.unsqueeze(-1));
        }

        foreach (var row in Classes(model, fixture, @case, keys, batch, new RunPlan { Edits = edits })
            .Concat(Generated(model, fixture, @case, keys, batch, new RunPlan { Edits = edits }, cancellation)))
        {
            yield return row;
        }

        var gradients = keys.Where(k => k.StartsWith("grad.", StringComparison.Ordinal)).ToArray();
        foreach (var row in gradients.Length > 0 ? Gradients(model, fixture, @case, batch, gradients) : [])
        {
            yield return row;
        }
    }

    private static IEnumerable<CertificateRow> Classes(
        TextModel model, Fixture fixture, string @case, IReadOnlyList<string> keys, TokenBatch batch, RunPlan plan)
    {
        if (!keys.Contains("out.class_logits"))
        {
            yield break;
        }

        using var answer = model.Classify(batch, plan);
        yield return Comparison.Of(@case, "out.class_logits", answer.Run.Logits, fixture.Read($"{@case}/out.class_logits"));
        yield return Comparison.Ids(@case, "out.class_ids", answer.ClassIds, fixture.Integers($"{@case}/out.class_ids"));
        if (keys.Contains("out.token_index"))
        {
            yield return Comparison.Ids(@case, "out.token_index", answer.Tokens, fixture.Integers($"{@case}/out.token_index"));
        }
    }

    private static IEnumerable<CertificateRow> Generated(
        TextModel model, Fixture fixture, string @case, IReadOnlyList<string> keys, TokenBatch batch, RunPlan plan, CancellationToken cancellation)
    {
        if (!keys.Contains("out.generated_ids"))
        {
            yield break;
        }

        var expected = fixture.Rows($"{@case}/out.generated_ids");
        using var generation = model.Generate(batch, expected[0].Length, plan, cancellation);
        yield return Comparison.Ids(@case, "out.generated_ids", generation.Ids.SelectMany(r => r), expected.SelectMany(r => r));
        yield return Comparison.Of(@case, "out.generated_logits", generation.Run.Logits, fixture.Read($"{@case}/out.generated_logits"));
    }

    /// <remarks>The scalar is the difference of two logits that meta.json names: of the last position, or of two classes.</remarks>
    private static IEnumerable<CertificateRow> Gradients(TextModel model, Fixture fixture, string @case, TokenBatch batch, string[] keys)
    {
        var grad = fixture.Meta.GetProperty("grad");
        var (a, b) = (grad.GetProperty("a").GetInt64(), grad.GetProperty("b").GetInt64());
        using var run = model.Run(batch, new RunPlan { Gradients = [.. keys.Select(k => k["grad.".Length..])] });
        var last = batch.Lengths[0] - 1;
        var gradients = run.GradientsOf(r => model.Labels is null ? r.Logits[0, last, a] - r.Logits[0, last, b] : r.Logits[0, a] - r.Logits[0, b]);
        foreach (var key in keys)
        {
            yield return Comparison.Of(@case, key, gradients[Address.Parse(key["grad.".Length..])], fixture.Read($"{@case}/{key}"), relativeToLargest: true);
        }
    }

    /// <remarks>config.v5.json spells the configuration as transformers 5 does; folders inside hold the same weights under other names.</remarks>
    private static IEnumerable<CertificateRow> OtherSpellings(TextModel model, Fixture fixture)
    {
        var batch = Batch(fixture, "single", "in.input_ids");
        using var expected = model.Run(batch);
        foreach (var config in Directory.GetFiles(fixture.Folder, "config.*.json")
            .Concat(Directory.GetDirectories(fixture.Folder).SelectMany(d => Directory.GetFiles(d, "config.json"))).Order(StringComparer.Ordinal))
        {
            using var other = TextModel.Open(Path.GetDirectoryName(config)!, new ModelOptions { ConfigFile = Path.GetFileName(config) });
            using var found = other.Run(batch);
            yield return Comparison.Of(
                Path.GetRelativePath(fixture.Folder, config), model.Labels is null ? "out.logits" : "out.class_logits", found.Logits, expected.Logits);
        }
    }

    private static Tensor Other(TextModel model, Fixture fixture, string @case, string address)
    {
        using var run = model.Run(Batch(fixture, @case, "in.input_ids_b"), RunPlan.Capturing(address));
        return run[address].clone();
    }

    /// <remarks>Position ids are handed over only where a row's own tokens have others than the engine would give them.</remarks>
    private static TokenBatch Batch(Fixture fixture, string @case, string ids)
    {
        var rows = fixture.IdRows($"{@case}/{ids}");
        var mask = fixture.Has($"{@case}/in.attention_mask") ? fixture.Rows($"{@case}/in.attention_mask") : [.. rows.Select(r => r.Select(_ => 1L).ToArray())];
        var segments = fixture.Has($"{@case}/in.token_type_ids") ? fixture.Rows($"{@case}/in.token_type_ids") : null;
        var batch = TokenBatch.Masked(rows, mask, segments: segments);
        var positions = fixture.Has($"{@case}/in.position_ids") ? fixture.Rows($"{@case}/in.position_ids") : null;
        var differ = positions?.Length == rows.Length
            && positions.Zip(batch.Positions).Any(r => r.First.Zip(r.Second).Any(p => p.Second >= 0 && p.First != p.Second));
        return differ ? TokenBatch.Masked(rows, mask, positions, segments) : batch;
    }

    internal static Tensor OwnPositions(TokenBatch batch)
        => tensor([.. batch.Positions.SelectMany(r => r).Select(p => p >= 0)], [batch.Positions.Count, batch.Positions[0].Count]);

    /// <remarks>Padded rows are kept as the reference gives them and are not compared.</remarks>
    internal static Tensor? Valid(Point point, Tensor found, Tensor own) => point.Axes switch
    {
        PointAxes.Stream => found.dim() == 3 ? own.unsqueeze(-1) : null,
        PointAxes.Heads => own.unsqueeze(-1).unsqueeze(-1),
        _ => own.unsqueeze(1).unsqueeze(-1).logical_and(own.unsqueeze(1).unsqueeze(1)),
    };
}
