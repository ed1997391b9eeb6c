using System.Text.Json;
using Vitrine.Certification.Methods;
using Vitrine.Policies;
using Vitrine.Policies.Pi0Fast;
using Vitrine.Transformers;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Certification.Models;

/// <summary>
/// Certifies pi0-FAST: prepared pictures, prompt and state, every point of prefill and decode steps, tokens, the chunk, clamps, and FAST both ways, malformed
/// chunks included.
/// </summary>
internal sealed class Pi0FastCertifier : ICertifier
{
    private const string Values = "value_vectors", Fast = "fast", Malformed = "fast_malformed";

    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => fixture?.Family == "pi0_fast";

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        using var policy = (Pi0FastPolicy)Policy.Open(fixture.Folder, FlowCertifier.Options(fixture));
        var cases = fixture.Meta.GetProperty("cases").EnumerateArray().ToArray();
        var source = cases.Select(c => c.GetProperty("name").GetString()!).First(n => fixture.Has($"{n}/in.image.0"));
        foreach (var @case in cases)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var rows = @case.GetProperty("name").GetString() switch
            {
                Values => ValueVectorCertifier.Rows(policy, fixture, cancellation),
                Fast => Codec(policy, fixture),
                Malformed => Broken(policy, fixture),
                _ => Acted(policy, fixture, @case, source),
            };
            foreach (var row in rows.ToArray())
            {
                yield return row;
            }
        }
    }

    private static IEnumerable<CertificateRow> Acted(Pi0FastPolicy policy, Fixture fixture, JsonElement @case, string source)
    {
        var name = @case.GetProperty("name").GetString()!;
        var seen = PolicyCase.Observation(fixture, source, @case.GetProperty("task").GetString()!, policy.Cameras);
        var (prepared, words) = (policy.Prepare(seen), fixture.Integers($"{source}/in.token_mask").Select(m => m != 0).ToArray());
        yield return CertificateRow.Equal(name, "prompt", prepared.Prompt == @case.GetProperty("prompt").GetString() ? 0 : 1, 1);
        if (fixture.Has($"{name}/in.tokens"))
        {
            yield return Comparison.Ids(name, "in.tokens", prepared.Words, fixture.Integers($"{name}/in.tokens").Where((_, i) => words[i]));
            yield return PolicyCase.Numbers(fixture, name, "in.state", prepared.State);
            foreach (var (i, pixels) in prepared.Pictures.Values.Index())
            {
                yield return PolicyCase.Numbers(fixture, name, $"in.pixel_values.{i}", pixels.Values);
            }
        }

        // Pictures, words, then one token behind the padding.
        bool[] own = [.. Enumerable.Repeat(true, prepared.Pictures.Count * policy.ImageTokens), .. words, true];
        if (fixture.Has($"{name}/in.prefix_pad_mask"))
        {
            yield return Comparison.Ids(name, "in.prefix_pad_mask", own.Select(v => v ? 1L : 0), fixture.Integers($"{name}/in.prefix_pad_mask"));
            // All that is there sees all that is there.
            var seenBy = own.SelectMany(row => own.Select(column => row && column ? 1L : 0));
            yield return Comparison.Ids(name, "in.prefix_mask", seenBy, fixture.Integers($"{name}/in.prefix_mask"));
        }

        var points = PolicyCase.Points(fixture, name);
        using var run = policy.Act([seen], new RunPlan { Capture = points, Edits = PolicyCase.Edits(@case) });
        foreach (var point in points)
        {
            var (address, found) = (Address.Parse(point), run.Run[point]);
            var golden = address.Stack == policy.Language.Shape.Name && address.Step == 0 ? Own(address, fixture.Read($"{name}/{point}"), own)
                : fixture.Read($"{name}/{point}");
            found = address.Point == Point.Logits ? found.narrow(1, found.shape[1] - 1, 1) : found;
            yield return Comparison.Of(name, point, found, golden);
        }

        var action = run.Actions[0];
        yield return Comparison.Ids(name, "out.token_ids", action.Said, fixture.Integers($"{name}/out.token_ids"));
        yield return Comparison.Ids(name, "out.fast_ids", policy.FastIds(action.Said), fixture.Integers($"{name}/out.fast_ids"));
        yield return Comparison.Of(name, "out.token_logits", run.Run.Logits[0], fixture.Read($"{name}/out.token_logits"));
        yield return PolicyCase.Chunk(fixture, name, "out.actions_normalized", action.Normalised);
        yield return PolicyCase.Chunk(fixture, name, "out.actions", action.Chunk);
    }

    /// <summary>Chunks as tokens and back.</summary>
    private static IEnumerable<CertificateRow> Codec(Pi0FastPolicy policy, Fixture fixture)
    {
        var (chunks, ids) = (Chunks(fixture, $"{Fast}/in.actions"), fixture.IdRows($"{Fast}/out.ids").Select(Own).ToArray());
        var encoded = chunks.Select(policy.Fast.Encode).ToArray();
        yield return Comparison.Ids(Fast, "out.coefficients", encoded.SelectMany(e => e.Coefficients.SelectMany(r => r)),
            fixture.Integers($"{Fast}/out.coefficients"));
        yield return Comparison.Ids(Fast, "out.ids", encoded.SelectMany(e => e.Ids), ids.SelectMany(i => i.Select(n => (long)n)));
        foreach (var row in Decoded(policy, fixture, Fast, ids, "out.decoded"))
        {
            yield return row;
        }

        var (prompts, masks) = (fixture.IdRows($"{Fast}/out.prompt_ids"), fixture.Rows($"{Fast}/out.prompt_mask"));
        int[][] said = [.. prompts.Zip(masks).Select(p => p.First.Where((_, i) => p.Second[i] != 0).ToArray())];
        // Written for training between the two marks of a sentence, which the policy leaves out when it speaks.
        var sentences = said.Select((_, i) => policy.Sentence(encoded[i].Ids)).ToArray();
        yield return Comparison.Ids(Fast, "out.prompt_ids", sentences.SelectMany(s => s), said.SelectMany(s => s[1..^1].Select(i => (long)i)));
        var read = said.Select(s => policy.Decode(s).Actions);
        using var expected = fixture.Read($"{Fast}/out.detokenized");
        yield return Comparison.Of(Fast, "out.detokenized", tensor([.. read.SelectMany(c => c.SelectMany(r => r))], expected.shape), expected);
    }

    private static IEnumerable<CertificateRow> Broken(Pi0FastPolicy policy, Fixture fixture)
        => Decoded(policy, fixture, Malformed, [.. fixture.IdRows($"{Malformed}/in.ids").Select(Own)], "out.decoded_strict");

    /// <summary>
    /// Decoded chunks: as they stand, and as the strict decoder has it, which gives nothing but zeros where a chunk has another number of coefficients; that is
    /// told apart here.
    /// </summary>
    private static IEnumerable<CertificateRow> Decoded(Pi0FastPolicy policy, Fixture fixture, string name, int[][] ids, string strict)
    {
        using var expected = fixture.Read($"{name}/{strict}");
        var (horizon, dimensions) = ((int)expected.shape[1], (int)expected.shape[2]);
        var decoded = ids.Select(i => policy.Fast.Decode(i, horizon, dimensions)).ToArray();
        var zero = decoded.Select(d => d.Actions.SelectMany(r => r).Select(v => d.Problem is null ? v : 0));
        yield return Comparison.Of(name, strict, tensor([.. zero.SelectMany(v => v)], expected.shape), expected);
        var all = decoded.SelectMany(d => d.Actions.SelectMany(r => r));
        yield return Comparison.Of(name, "out.decoded_relaxed", tensor([.. all], expected.shape), fixture.Read($"{name}/out.decoded_relaxed"));
    }

    private static IReadOnlyList<IReadOnlyList<double>>[] Chunks(Fixture fixture, string key)
    {
        var shape = fixture.Shape(key);
        return [.. fixture.Numbers(key).Chunk((int)(shape[1] * shape[2])).Select(c => (IReadOnlyList<IReadOnlyList<double>>)[.. c.Chunk((int)shape[2])])];
    }

    private static int[] Own(int[] padded) => [.. padded.Where(i => i >= 0)];

    private static Tensor Own(Address address, Tensor golden, bool[] rows)
    {
        if (address.Point == Point.Logits)
        {
            return golden;
        }

        var kept = tensor([.. rows.Index().Where(r => r.Item).Select(r => (long)r.Index)]);
        return address.Point.Axes == PointAxes.Attention ? golden.index_select(2, kept).index_select(3, kept) : golden.index_select(1, kept);
    }
}
