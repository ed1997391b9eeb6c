using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Worlds.Tabletop;
using static TorchSharp.torch;

namespace Vitrine.Certification.Tabletop;

/// <summary>Certifies the policy that was trained in the tabletop: prompts, tokens, logits and whole episodes in closed loop.</summary>
/// <remarks>The policy lies beside the fixture, in <c>../policy</c>; where it does not, the embedded one is held against it.</remarks>
internal sealed class TabletopPolicyCertifier : ICertifier
{
    private const double LogitBound = 1e-4;

    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => fixture?.Family == TabletopCertificate.Family && fixture.Has("policy/out.tokens");

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        var beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(fixture.Folder.TrimEnd(Path.DirectorySeparatorChar)))!, "policy");
        using var policy = Policy.Open(Directory.Exists(beside) ? beside : "embedded:tabletop");
        CertificateRow[] rows = [.. Strings(policy, fixture), .. Acts(policy, fixture, cancellation), .. Episodes(policy, fixture, cancellation)];
        return rows;
    }

    private static IEnumerable<CertificateRow> Strings(Policy policy, Fixture fixture)
    {
        foreach (var (section, text) in new[] { ("instructions", "prompt"), ("other_strings", "text") })
        {
            if (!fixture.Meta.TryGetProperty(section, out var entries))
            {
                continue;
            }

            var differing = entries.EnumerateArray()
                .LongCount(e => !policy.Tokenizer.Encode(e.GetProperty(text).GetString()!)
                    .SequenceEqual(e.GetProperty("ids").EnumerateArray().Select(i => i.GetInt32())));
            yield return CertificateRow.Equal(section, "ids", differing, entries.GetArrayLength());
        }
    }

    private static IEnumerable<CertificateRow> Acts(Policy policy, Fixture fixture, CancellationToken cancellation)
    {
        var instructions = Instructions(fixture, "policy");
        using var scope = NewDisposeScope();
        var images = fixture.Read("policy/in.image");
        var (height, width) = ((int)images.shape[1], (int)images.shape[2]);
        var pictures = images.contiguous().data<byte>().ToArray().Chunk(height * width * 3);
        var observations = pictures.Zip(instructions, (rgb, text) => new Observation(new Picture(width, height, rgb), text)).ToArray();
        using var run = policy.Act(observations, cancellation: cancellation);
        yield return Comparison.Ids("policy", "out.tokens", run.Actions.SelectMany(a => a.Tokens!.TokenIds), fixture.Integers("policy/out.tokens"));
        var decoded = run.Actions.Select(a => ActionCodec.Tabletop.Decode([.. a.Tokens!.TokenIds]));
        var error = decoded.SelectMany(a => a).Zip(fixture.Numbers("policy/out.action"), (a, b) => Math.Abs(a - b)).Max();
        yield return CertificateRow.Within("policy", "out.action", error, 1, 1e-9);
        var first = fixture.Read("policy/out.logits_first4");
        yield return Near("policy", "out.logits_first4", run.Run.Logits.narrow(0, 0, first.shape[0]), first);
        var ids = fixture.Read("policy/out.top5_ids").to(int64);
        yield return Near("policy", "out.top5_logits", run.Run.Logits.gather(-1, ids), fixture.Read("policy/out.top5_logits"));
    }

    /// <summary>Acts in closed loop: every token of every step, and where the episode ends.</summary>
    private static IEnumerable<CertificateRow> Episodes(Policy policy, Fixture fixture, CancellationToken cancellation)
    {
        var goldens = new TabletopGoldens(fixture);
        var (states, specs, instructions, steps) = (
            goldens.States("episode/in"), goldens.Specs("episode"), Instructions(fixture, "episode"), goldens.Integers("episode/out.steps"));
        var all = fixture.IdRows("episode/out.tokens");
        var tokens = all.Chunk(all.Length / states.Length).ToArray();
        var (differing, compared) = (0L, 0L);
        for (var e = 0; e < states.Length; e++)
        {
            var state = states[e];
            for (var step = 0; step < steps[e]; step++)
            {
                using var run = policy.Act([new Observation(TabletopRenderer.Render(state), instructions[e])], cancellation: cancellation);
                compared++;
                differing += run.Actions[0].Tokens!.TokenIds.SequenceEqual(tokens[e][step]) ? 0 : 1;
                state = TabletopPhysics.Strict.Step(state, ActionCodec.Tabletop.Decode([.. run.Actions[0].Tokens!.TokenIds]));
            }

            differing += specs[e].IsSolved(states[e], state) == (goldens.Integers("episode/out.success")[e] != 0) ? 0 : 1;
        }

        yield return CertificateRow.Equal("episode", "tokens and success in closed loop", differing, compared);
    }

    private static CertificateRow Near(string @case, string point, Tensor found, Tensor expected)
        => CertificateRow.Within(@case, point, (found.to(float64) - expected.to(float64)).abs().max().item<double>(), expected.abs().max().item<float>(),
            LogitBound);

    private static string[] Instructions(Fixture fixture, string name)
        => [.. fixture.Meta.GetProperty("cases").EnumerateArray().Single(c => c.GetProperty("name").GetString() == name).GetProperty("instructions")
            .EnumerateArray().Select(i => i.GetString()!)];
}
