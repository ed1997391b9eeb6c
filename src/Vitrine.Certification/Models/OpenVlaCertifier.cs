using System.Text.Json;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Certification.Models;

/// <summary>Certifies OpenVLA checkpoints: picture and prompt, every point of every pass, tokens, actions, and the action code.</summary>
internal sealed class OpenVlaCertifier : ICertifier
{
    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => fixture?.Family == "openvla";

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        using var policy = OpenVlaPolicy.Open(fixture.Folder, Options(fixture));
        foreach (var @case in fixture.Meta.GetProperty("cases").EnumerateArray())
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var name = @case.GetProperty("name").GetString()!;
            var rows = name switch
            {
                "tokenize" => Tokenize(policy, fixture),
                "detokenize" => Detokenize(policy, fixture),
                "value_vectors" => [], // a reading of weights: certified where value vectors are read
                _ when @case.TryGetProperty("instruction", out _) => Act(policy, fixture, @case, name, cancellation),
                _ => [CertificateRow.Failed(name, "", "the case is not known")],
            };
            foreach (var row in rows.ToArray())
            {
                yield return row;
            }
        }
    }

    /// <summary>Sizes of towers that are not those of their timm names, as meta.json gives them.</summary>
    public static OpenVlaOptions Options(Fixture fixture)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        return fixture.Meta.TryGetProperty("architecture", out var a) && a.TryGetProperty("timm_model_args", out var args)
            ? new OpenVlaOptions { TimmArguments = [.. args.EnumerateArray()] }
            : new OpenVlaOptions();
    }

    private static IEnumerable<CertificateRow> Act(OpenVlaPolicy policy, Fixture fixture, JsonElement @case, string name, CancellationToken cancellation)
    {
        var keys = fixture.KeysOf(name);
        var instruction = @case.GetProperty("instruction").GetString()!;
        var inputs = fixture.Has($"{name}/in.pixel_values") ? name : "single";
        var prompt = policy.PromptIds(instruction);
        if (@case.TryGetProperty("prompt", out var text))
        {
            yield return CertificateRow.Equal(name, "prompt", policy.Template.Text(instruction) == text.GetString() ? 0 : 1, 1);
        }

        if (keys.Contains("in.input_ids"))
        {
            yield return Comparison.Ids(name, "in.input_ids", prompt, fixture.Integers($"{name}/in.input_ids"));
        }

        if (keys.Contains("in.image"))
        {
            using var image = fixture.Read($"{name}/in.image");
            var picture = new Picture((int)image.shape[1], (int)image.shape[0], image.contiguous().data<byte>().ToArray());
            var expected = fixture.Read($"{name}/in.pixel_values");
            yield return Comparison.Of(name, "in.pixel_values", tensor(policy.Recipe.With(Order(fixture)).Apply(picture), expected.shape), expected);
        }

        var points = keys.Where(k => !k.StartsWith("in.", StringComparison.Ordinal) && !k.StartsWith("out.", StringComparison.Ordinal)).ToArray();
        var plan = new RunPlan { Capture = points, Edits = PolicyCase.Edits(@case) };
        using var run = policy.Act(fixture.Read($"{inputs}/in.pixel_values"), [prompt], plan, @case.GetProperty("unnorm_key").GetString(), cancellation);
        foreach (var key in points)
        {
            yield return Comparison.Of(name, key, run.Run[key], fixture.Read($"{name}/{key}"));
        }

        var (action, tokens) = (run.Actions[0], run.Actions[0].Tokens!);
        yield return Comparison.Of(name, "out.token_logits", run.Run.Logits.squeeze(0), fixture.Read($"{name}/out.token_logits"));
        yield return Comparison.Ids(name, "out.token_ids", tokens.TokenIds, fixture.Integers($"{name}/out.token_ids"));
        yield return Comparison.Ids(name, "out.bins", tokens.Bins, fixture.Integers($"{name}/out.bins"));
        yield return Numbers(name, "out.normalized_action", action.Normalised[0], fixture.Numbers($"{name}/out.normalized_action"));
        yield return Numbers(name, "out.action", action.Values, fixture.Numbers($"{name}/out.action"));
    }

    /// <remarks>Pillow 13 runs the passes of some shapes in another order; the reference says which release it ran.</remarks>
    public static PassOrder Order(Fixture fixture)
        => fixture.Meta.TryGetProperty("reference", out var reference) && reference.TryGetProperty("pillow", out var version)
            && Version.TryParse(version.GetString(), out var v) && v.Major >= 13
            ? PassOrder.Pillow13
            : PassOrder.Pillow12;

    private static IEnumerable<CertificateRow> Tokenize(OpenVlaPolicy policy, Fixture fixture)
        => [Comparison.Ids("tokenize", "out.ids", fixture.Numbers("tokenize/in.values").Select(policy.Actions.Encode), fixture.Integers("tokenize/out.ids"))];

    private static IEnumerable<CertificateRow> Detokenize(OpenVlaPolicy policy, Fixture fixture)
    {
        var bins = fixture.Integers("detokenize/out.bins");
        var ids = Enumerable.Range(0, bins.Length).ToArray();
        yield return Comparison.Ids("detokenize", "out.bins", ids.Select(policy.Actions.Bin), bins);
        yield return Numbers("detokenize", "out.normalized_action", ids.Select(policy.Actions.Centre), fixture.Numbers("detokenize/out.normalized_action"));
        const string Prefix = "out.action.";
        foreach (var key in fixture.KeysOf("detokenize").Where(k => k.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            var units = policy.Statistics(key[Prefix.Length..]);
            yield return Numbers("detokenize", key,
                ids.SelectMany(id => Enumerable.Range(0, units.Dimensions)
                    .Select(d => units.Unnormalise(d, policy.Actions.Centre(id)))), fixture.Numbers($"detokenize/{key}"));
        }
    }

    /// <remarks>Float64 in the reference: the last bits may differ, nothing more.</remarks>
    private static CertificateRow Numbers(string @case, string point, IEnumerable<double> found, double[] expected)
    {
        double[] ours = [.. found];
        return ours.Length != expected.Length
            ? CertificateRow.Failed(@case, point, $"{ours.Length} numbers, expected {expected.Length}")
            : CertificateRow.Within(@case, point, ours.Zip(expected).Max(p => Math.Abs(p.First - p.Second)), expected.Max(Math.Abs), 1e-12);
    }
}
