using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Checkpoints.Gguf;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Certification.Models;

/// <summary>
/// Certifies a real language model in a GGUF file that the fixture names by its hash: dequantised tensors, ids, logits, residuals and greedy texts.
/// </summary>
internal sealed class GgufCertifier : ICertifier
{
    /// <summary>Key of the file's hash in meta.json.</summary>
    public const string Hash = "gguf_sha256";

    private const string Stored = "dequantised/", Repaired = "unpermuted/";

    /// <inheritdoc/>
    public bool Knows(Fixture fixture)
        => fixture is not null && fixture.Meta.TryGetProperty(Hash, out _) && GgufConfig.Architectures.Contains(fixture.Family)
            && fixture.Keys.Any(k => k.EndsWith("/out.greedy_ids", StringComparison.Ordinal));

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        var path = ReferenceWeights.Needed(fixture, Hash, "*.gguf");
        foreach (var row in Tensors(fixture, path).ToArray())
        {
            yield return row;
        }

        using var model = TextModel.Open(path);
        foreach (var @case in fixture.Meta.GetProperty("cases").EnumerateArray().Where(c => c.TryGetProperty("text", out _)))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            foreach (var row in Case(model, fixture, @case, cancellation).ToArray())
            {
                yield return row;
            }
        }
    }

    /// <remarks>Chosen rows bit by bit, and the sums of whole tensors; the same rows with llama.cpp's permutation of q and k undone.</remarks>
    private static IEnumerable<CertificateRow> Tensors(Fixture fixture, string path)
    {
        using var file = GgufFile.Open(path);
        using var checkpoint = Checkpoint.Open(path);
        foreach (var name in fixture.Keys.Where(k => k.StartsWith(Stored, StringComparison.Ordinal) && k.EndsWith("/values", StringComparison.Ordinal))
            .Select(k => k[Stored.Length..^"/values".Length]).Order(StringComparer.Ordinal))
        {
            using var scope = NewDisposeScope();
            var (rows, expected, tensor) = (fixture.Read($"{Stored}{name}/rows"), fixture.Read($"{Stored}{name}/values"), file.Read(name));
            yield return Same(Stored + name, "values", Rows(tensor, rows, expected), expected);
            var (wide, size) = (tensor.to(float64), fixture.Numbers($"{Stored}{name}/abs_sum_f64")[0]);
            yield return CertificateRow.Within(
                Stored + name, "sum_f64", Math.Abs(wide.sum().item<double>() - fixture.Numbers($"{Stored}{name}/sum_f64")[0]), size, 1e-12 * size);
            yield return CertificateRow.Within(Stored + name, "abs_sum_f64", Math.Abs(wide.abs().sum().item<double>() - size), size, 1e-12 * size);
            if (fixture.Has($"{Repaired}{name}/values") && GgufTensorNames.ToHuggingFace(file.Architecture, name) is { } known)
            {
                yield return Same(Repaired + name, "values", Rows(checkpoint.Read(known), rows, expected), fixture.Read($"{Repaired}{name}/values"));
            }
        }
    }

    private static IEnumerable<CertificateRow> Case(TextModel model, Fixture fixture, JsonElement @case, CancellationToken cancellation)
    {
        var (name, text) = (@case.GetProperty("case").GetString()!, @case.GetProperty("text").GetString()!);
        var expected = fixture.Ids($"{name}/in.input_ids");
        yield return Comparison.Ids(name, "in.input_ids", model.Tokenizer.Encode(text), expected.Select(i => (long)i));
        var batch = TokenBatch.Of(expected);
        var points = fixture.KeysOf(name).Where(k => k.StartsWith("language.", StringComparison.Ordinal)).ToArray();
        using var run = model.Run(batch, RunPlan.Capturing(points));
        foreach (var point in points)
        {
            yield return Comparison.Of(name, point, run[point], fixture.Read($"{name}/{point}"));
        }

        var last = run.Logits[0, -1];
        if (fixture.Has($"{name}/out.logits_last"))
        {
            yield return Comparison.Of(name, "out.logits_last", last, fixture.Read($"{name}/out.logits_last"));
        }

        if (fixture.Has($"{name}/out.logsumexp"))
        {
            yield return Comparison.Of(name, "out.logsumexp", last.logsumexp(-1), fixture.Read($"{name}/out.logsumexp"));
        }

        yield return Comparison.Ids(
            name, "out.argmax_each_position", run.Logits.argmax(-1).flatten().data<long>().ToArray(), fixture.Integers($"{name}/out.argmax_each_position"));
        yield return Comparison.Of(
            name, "out.top50.values", last.topk((int)fixture.Shape($"{name}/out.top50.ids")[0]).values, fixture.Read($"{name}/out.top50.values"));
        var greedy = fixture.Integers($"{name}/out.greedy_ids");
        using var generation = model.Generate(batch, greedy.Length, cancellation: cancellation);
        yield return Comparison.Ids(name, "out.greedy_ids", generation.Ids[0], greedy);
        yield return CertificateRow.Equal(
            name, "greedy_text", model.Tokenizer.Decode(generation.Ids[0]) == @case.GetProperty("greedy_text").GetString() ? 0 : 1, 1);
    }

    private static CertificateRow Same(string @case, string point, Tensor found, Tensor expected)
        => CertificateRow.Equal(@case, point, found.reshape(expected.shape).ne(expected).sum().item<long>(), expected.numel());

    private static Tensor Rows(Tensor tensor, Tensor rows, Tensor like)
        => (tensor.dim() == 1 ? tensor.view(1, -1) : tensor).index_select(0, rows).narrow(1, 0, like.shape[^1]);
}
