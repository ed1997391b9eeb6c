using System.Text.Json;
using Vitrine.Policies;
using Vitrine.Policies.OpenVlaOft;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Certification.Models;

/// <summary>Certifies OpenVLA-OFT checkpoints: pictures, prompt and state, every point, the hidden states that the head reads, the chunk, and clamps.</summary>
internal sealed class OftCertifier : ICertifier
{
    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => fixture?.Family == "openvla-oft";

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        var cases = fixture.Meta.GetProperty("cases").EnumerateArray().ToArray();
        using var policy = OftPolicy.Open(fixture.Folder, Options(fixture));
        var (seen, units) = (Seen(fixture), Told(fixture).GetProperty("unnorm_key").GetString()!);
        foreach (var @case in cases)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            foreach (var row in Case(policy, fixture, @case, seen, units).ToArray())
            {
                yield return row;
            }
        }
    }

    /// <summary>Sizes of towers that are not those of their timm names, and of the chunk, as meta.json gives them.</summary>
    public static OftOptions Options(Fixture fixture)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        return new OftOptions
        {
            TimmArguments = OpenVlaCertifier.Options(fixture).TimmArguments,
            Chunk = Told(fixture).GetProperty("chunk").GetInt32(),
        };
    }

    /// <summary>Pictures, state and instruction of a fixture.</summary>
    public static Observation Seen(Fixture fixture)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        var told = Told(fixture);
        var name = told.GetProperty("name").GetString()!;
        string[] cameras = [.. Enumerable.Range(0, told.GetProperty("images").GetInt32()).Select(i => $"camera_{i}")];
        return PolicyCase.Observation(fixture, name, told.GetProperty("instruction").GetString()!, cameras) with
        {
            State = new Dictionary<string, StateVector> { ["proprio"] = new(fixture.Numbers($"{name}/in.proprio")) },
        };
    }

    private static JsonElement Told(Fixture fixture)
        => fixture.Meta.GetProperty("cases").EnumerateArray().First(c => c.TryGetProperty("instruction", out _));

    private static IEnumerable<CertificateRow> Case(OftPolicy policy, Fixture fixture, JsonElement @case, Observation seen, string units)
    {
        var (name, keys) = (@case.GetProperty("name").GetString()!, fixture.KeysOf(@case.GetProperty("name").GetString()!));
        if (@case.TryGetProperty("prompt", out var prompt))
        {
            yield return CertificateRow.Equal(name, "prompt", policy.Template.Text(seen.Instruction) == prompt.GetString() ? 0 : 1, 1);
        }

        if (keys.Contains("in.input_ids"))
        {
            var words = policy.Layout([seen]).Rows[0].Words;
            yield return Comparison.Ids(name, "in.input_ids", words.Select(w => w.Id), fixture.Integers($"{name}/in.input_ids"));
            var pixels = seen.Cameras.Values.SelectMany(policy.Recipe.With(OpenVlaCertifier.Order(fixture)).Apply);
            yield return PolicyCase.Numbers(fixture, name, "in.pixel_values", pixels);
        }

        var points = PolicyCase.Points(fixture, name);
        using var acting = policy.With(units: units);
        using var run = acting.Act([seen], new RunPlan { Capture = [.. points, "language.logits"], Edits = PolicyCase.Edits(@case) });
        foreach (var point in points)
        {
            yield return Comparison.Of(name, point, run.Run[point], fixture.Read($"{name}/{point}"));
        }

        if (keys.Contains("out.discrete_token_ids"))
        {
            var row = run.Layout.Rows[0];
            using var ids = run.Run["language.logits"][0].narrow(0, row.Deciding, row.DecidingCount).argmax(-1);
            yield return Comparison.Ids(name, "out.discrete_token_ids", ids.data<long>().ToArray(), fixture.Integers($"{name}/out.discrete_token_ids"));
        }

        foreach (var (key, chunk) in new[] { ("out.normalized_action", run.Actions[0].Normalised), ("out.action", run.Actions[0].Chunk) }
            .Where(o => keys.Contains(o.Item1)))
        {
            yield return PolicyCase.Chunk(fixture, name, key, chunk);
        }

        foreach (var key in keys.Where(k => k.StartsWith("out.", StringComparison.Ordinal)
            && k is not ("out.discrete_token_ids" or "out.normalized_action" or "out.action")))
        {
            yield return CertificateRow.Failed(name, key, "this key is not known");
        }
    }
}
