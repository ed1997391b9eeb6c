using Vitrine.Mechanisms.Patching;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>Certifies direct paths between heads and node attribution (TransformerLens 4).</summary>
internal sealed class PathPatchingCertifier : ICertifier
{
    private const string Paths = "direct_path.", Nodes = "nodes.";

    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => PatchingInputs.Has(fixture, $"/{Paths}");

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
        => PatchingInputs.Each(fixture, (name, model) => Compare(fixture, name, model, cancellation), cancellation);

    private static IEnumerable<CertificateRow> Compare(Fixture fixture, string @case, TextModel model, CancellationToken cancellation)
    {
        var inputs = PatchingInputs.Of(fixture, @case, model);
        string[] keys = [.. fixture.KeysOf(@case).Where(k => !k.StartsWith("in.", StringComparison.Ordinal))];
        foreach (var key in keys.Where(k => k is "clean.metric" or "corrupted.metric"))
        {
            yield return Comparison.Of(@case, key, inputs.Mean(key == "clean.metric" ? inputs.Clean : inputs.Corrupted), fixture.Read($"{@case}/{key}"));
        }

        var groups = new (string Prefix, Func<string[], IEnumerable<CertificateRow>> Compare)[]
        {
            (Paths, own => DirectPaths(fixture, @case, inputs, own, cancellation)),
            (Nodes, own => NodeScores(fixture, @case, inputs, own, cancellation)),
        };
        foreach (var (prefix, compare) in groups)
        {
            foreach (var row in compare([.. keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal))]))
            {
                yield return row;
            }
        }

        var known = groups.Select(g => g.Prefix).Append("clean.metric").Append("corrupted.metric").ToArray();
        foreach (var key in keys.Where(k => !known.Any(p => k.StartsWith(p, StringComparison.Ordinal)) && !EdgePatchingCertifier.Knows(k)))
        {
            yield return CertificateRow.Failed(@case, key, "this key is not known");
        }
    }

    /// <summary>[source layer, source head, later layer, later head]; 0 where the later one is none.</summary>
    private static IEnumerable<CertificateRow> DirectPaths(
        Fixture fixture, string @case, PatchingInputs inputs, string[] keys, CancellationToken cancellation)
    {
        var paths = new PathPatching(inputs.Clean, inputs.Corrupted, inputs.Metric);
        foreach (var key in keys)
        {
            using var scope = NewDisposeScope();
            var expected = fixture.Read($"{@case}/{key}");
            var found = zeros_like(expected);
            foreach (var effect in paths.Run(new PathSweep { Into = [key[Paths.Length..]] }, cancellation: cancellation).Cells)
            {
                found[effect.Cell.Layer, effect.Cell.Head!.Value, effect.Cell.ToLayer!.Value, effect.Cell.ToHead!.Value] = (float)effect.Mean;
            }

            yield return Comparison.Of(@case, key, found, expected);
        }
    }

    /// <summary>Scores of nodes of the first pair, each named by kind, layer, head and position.</summary>
    private static IEnumerable<CertificateRow> NodeScores(
        Fixture fixture, string @case, PatchingInputs inputs, string[] keys, CancellationToken cancellation)
    {
        if (!keys.Contains($"{Nodes}score"))
        {
            yield break;
        }

        string[] kinds = [.. fixture.Meta.GetProperty("node_kinds").EnumerateArray().Select(k => k.GetString()!)];
        var (clean, corrupted) = (inputs.Clean.Take([0]), inputs.Corrupted.Take([0]));
        var scores = new Dictionary<(string, long, long, long), double>();
        foreach (var (kind, sweep) in new[]
        {
            ("embed", new PatchSweep { Points = ["resid_pre"], By = [PatchAxis.Position], Layers = [0] }),
            ("attn_head_out", new PatchSweep { Points = ["z"], By = [PatchAxis.Position, PatchAxis.Head] }),
            ("mlp_out", new PatchSweep { Points = ["mlp_out"], By = [PatchAxis.Position] }),
        })
        {
            var result = AttributionPatching.Of(clean, corrupted, inputs.Metric, sweep, cancellation: cancellation);
            foreach (var effect in result.Cells)
            {
                scores[(kind, kind == "embed" ? -1 : effect.Cell.Layer, effect.Cell.Head ?? -1, effect.Cell.Position!.Value)] = result.Change(effect);
            }
        }

        var codes = fixture.Rows($"{@case}/{Nodes}code");
        var missing = codes.Count(c => !scores.ContainsKey(Node(c)));
        yield return missing > 0
            ? CertificateRow.Failed(@case, $"{Nodes}score", $"{missing} of {codes.Length} nodes are none of {string.Join(", ", kinds)} that is scored")
            : Comparison.Of(
                @case, $"{Nodes}score", tensor(codes.Select(c => (float)scores[Node(c)]).ToArray()), fixture.Read($"{@case}/{Nodes}score"));

        (string, long, long, long) Node(long[] code) => (kinds[code[0]], code[1], code[2], code[3]);
    }
}
