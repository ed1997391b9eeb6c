using System.Text.Json;
using Vitrine.Certification.Methods;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Policies.Pi;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Certification.Models;

/// <summary>
/// Certifies flow policies: prepared pictures, prompt, state and masks, every point of every stack at every flow step, the chunk, clamps and replaced keys, the
/// joint pass and the cached one, value vectors in words and in actions.
/// </summary>
/// <remarks>
/// Rows of pictures that an observation lacks, and of words behind a prompt's end, are not there in Vitrine; the rest is compared. What the tower makes of the
/// picture that stands for a missing camera is compared by itself.
/// </remarks>
internal sealed class FlowCertifier : ICertifier
{
    private const string Values = "value_vectors", Dead = "dead_zone";

    private static readonly string[] Families = ["smolvla", "pi0", "pi05"];

    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => fixture is not null && Families.Contains(fixture.Family);

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        using var policy = (FlowPolicy)Policy.Open(FolderOf(fixture), Options(fixture));
        foreach (var @case in fixture.Meta.GetProperty("cases").EnumerateArray())
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var rows = @case.GetProperty("name").GetString() == Values
                ? ValueVectorCertifier.Rows(policy, fixture, cancellation).Concat(InActions(policy, fixture))
                : new FlowCase(policy, fixture, @case).Rows();
            foreach (var row in rows.ToArray())
            {
                yield return row;
            }
        }
    }

    /// <summary>The policy itself may lie in a folder inside; where there is none, it is the one that comes along.</summary>
    private static string FolderOf(Fixture fixture)
        => Path.Combine(fixture.Folder, "policy") is var inside && Directory.Exists(inside) ? inside
            : File.Exists(Path.Combine(fixture.Folder, "config.json")) ? fixture.Folder
            : "embedded:tabletop-flow";

    /// <summary>Head counts that no file of a policy has.</summary>
    public static ModelOptions Options(Fixture fixture)
        => fixture.Meta.TryGetProperty("architecture", out var sizes) && sizes.TryGetProperty("vision", out var vision)
            ? new PiOptions { VisionHeads = vision.GetProperty("num_attention_heads").GetInt32() }
            : ModelOptions.Default;

    private static IEnumerable<CertificateRow> InActions(FlowPolicy policy, Fixture fixture)
    {
        foreach (var key in fixture.KeysOf(Values).Where(k => k.EndsWith(".velocity", StringComparison.Ordinal)))
        {
            yield return Comparison.Of(Values, key, policy.ReadInActions(int.Parse(key.Split('.')[1], null)), fixture.Read($"{Values}/{key}"));
        }
    }

    /// <summary>One case of a fixture.</summary>
    private sealed class FlowCase
    {
        private readonly FlowPolicy policy;
        private readonly Fixture fixture;
        private readonly JsonElement described;
        private readonly string name, source;
        private readonly Observation seen;
        private readonly bool[] cameras, words;

        public FlowCase(FlowPolicy policy, Fixture fixture, JsonElement described)
        {
            (this.policy, this.fixture, this.described) = (policy, fixture, described);
            name = described.GetProperty("name").GetString()!;
            source = Source();
            seen = PolicyCase.Observation(fixture, source, described.GetProperty("task").GetString()!, policy.Cameras);
            cameras = [.. Enumerable.Range(0, 16).TakeWhile(i => fixture.Has($"{source}/in.image_mask.{i}"))
                .Select(i => fixture.Integers($"{source}/in.image_mask.{i}")[0] != 0)];
            words = [.. fixture.Integers($"{(fixture.Has($"{name}/in.token_mask") ? name : source)}/in.token_mask").Select(m => m != 0)];
        }

        /// <summary>Which rows of the reference's prefix are there: those of present cameras, of own words, and the state's.</summary>
        private bool[] Prefix => [.. cameras.SelectMany(c => Enumerable.Repeat(c, policy.ImageTokens)), .. words, .. Layout.State.Select(_ => true)];

        private PromptRow Layout => policy.Layout([seen]).Rows[0];

        private ActNoise Noise => ActNoise.Of(fixture.Read($"{(fixture.Has($"{name}/in.noise") ? name : source)}/in.noise"));

        public IEnumerable<CertificateRow> Rows() => fixture.Has($"{name}/in.time") ? Joint() : Inputs().Concat(Acted());

        /// <summary>The case whose pictures, state and noise this one shares.</summary>
        private string Source()
        {
            var cases = fixture.Meta.GetProperty("cases").EnumerateArray().Where(c => fixture.KeysOf(c.GetProperty("name").GetString()!)
                .Any(k => k.StartsWith("in.image.", StringComparison.Ordinal))).ToArray();
            var own = cases.Where(c => c.GetProperty("name").GetString() == name)
                .Concat(cases.Where(c => described.TryGetProperty("scene", out var scene) && c.TryGetProperty("scene", out var other)
                    && scene.GetInt32() == other.GetInt32())).Concat(cases);
            return own.First().GetProperty("name").GetString()!;
        }

        private IEnumerable<CertificateRow> Inputs()
        {
            var (prepared, keys) = (policy.Prepare(seen), fixture.KeysOf(name));
            if (described.TryGetProperty("prompt", out var prompt))
            {
                yield return CertificateRow.Equal(name, "prompt", prepared.Prompt == prompt.GetString() ? 0 : 1, 1);
            }

            if (keys.Contains("in.tokens"))
            {
                var expected = fixture.Integers($"{name}/in.tokens").Where((_, i) => words[i]);
                yield return Comparison.Ids(name, "in.tokens", prepared.Words, expected);
            }

            if (keys.Contains("in.state"))
            {
                var padding = Enumerable.Repeat(0f, (int)fixture.Shape($"{name}/in.state")[^1] - prepared.State.Count);
                yield return PolicyCase.Numbers(fixture, name, "in.state", prepared.State.Concat(padding));
            }

            foreach (var (pixels, i) in prepared.Pictures.Values.Zip(Present()).Where(p => keys.Contains($"in.pixel_values.{p.Second}")))
            {
                yield return PolicyCase.Numbers(fixture, name, $"in.pixel_values.{i}", pixels.Values);
            }

            if (keys.Contains("in.prefix_pad_mask"))
            {
                yield return Comparison.Ids(name, "in.prefix_pad_mask", Prefix.Select(v => v ? 1L : 0), fixture.Integers($"{name}/in.prefix_pad_mask"));
            }

            if (keys.Contains("in.prefix_block_mask"))
            {
                // Where a block of tokens begins that those before it do not see: at the state.
                var own = fixture.Integers($"{name}/in.prefix_block_mask").Where((_, i) => Prefix[i]);
                yield return Comparison.Ids(name, "in.prefix_block_mask", Layout.State, own.Index().Where(b => b.Item != 0).Select(b => (long)b.Index));
            }
        }

        private IEnumerable<CertificateRow> Acted()
        {
            var points = PolicyCase.Points(fixture, name).Where(p => p != "expert_rollout").ToArray();
            using var run = policy.Act([seen], new RunPlan { Capture = points, Edits = Edits() }, new ActOptions { Noise = Noise });
            foreach (var point in points)
            {
                var found = run.Run[point];
                yield return Comparison.Of(name, point, found, Own(Address.Parse(point), fixture.Read($"{name}/{point}")));
            }

            foreach (var (key, chunk) in new[] { ("out.actions_normalized", run.Actions[0].Normalised), ("out.actions", run.Actions[0].Chunk) }
                .Where(o => fixture.Has($"{name}/{o.Item1}")))
            {
                yield return PolicyCase.Chunk(fixture, name, key, chunk);
            }

            foreach (var row in points.Any(p => p.StartsWith("vision.", StringComparison.Ordinal)) ? Absent(points) : [])
            {
                yield return row;
            }

            if (name == Dead)
            {
                using var plain = policy.Act([seen], RunPlan.Capturing("action.chunk"), new ActOptions { Noise = Noise });
                var differing = plain.Run["action.chunk"].ne(run.Run["action.chunk"]).sum().item<long>();
                yield return CertificateRow.Equal(name, "action.chunk as without the clamp", differing, run.Run["action.chunk"].numel());
            }
        }

        /// <summary>One velocity, by the pass through everything at once and from what was read before.</summary>
        private IEnumerable<CertificateRow> Joint()
        {
            var (chunk, time) = (fixture.Read($"{name}/action.x"), fixture.Numbers($"{name}/in.time")[0]);
            using var joint = policy.Velocity([seen], chunk, time);
            using var prefix = policy.Read([seen]);
            using var cached = policy.Velocity(prefix, chunk, time);
            yield return Comparison.Of(name, "action.velocity", joint.Logits, fixture.Read($"{name}/action.velocity"));
            yield return Comparison.Of(name, "action.velocity_cached", cached.Logits, fixture.Read($"{name}/action.velocity_cached"));
            var mixed = (fixture.Read($"{name}/in.noise") * time) + (fixture.Read($"{name}/in.actions") * (1 - time));
            yield return Comparison.Of(name, "action.x", mixed, chunk);
        }

        /// <summary>What the tower makes of the pictures that stand for missing cameras; they are there in the reference, masked.</summary>
        private IEnumerable<CertificateRow> Absent(string[] points)
        {
            using var tower = policy.See();
            foreach (var i in Enumerable.Range(0, cameras.Length).Where(i => !cameras[i] && fixture.Has($"{source}/in.pixel_values.{i}")))
            {
                string[] own = [.. points.Where(p => p.StartsWith("vision.", StringComparison.Ordinal))];
                using var run = tower.Run(fixture.Read($"{source}/in.pixel_values.{i}"), RunPlan.Capturing(own));
                foreach (var point in own)
                {
                    yield return Comparison.Of(name, $"{point} (camera {i}, missing)", run[point], fixture.Read($"{name}/{point}").narrow(0, i, 1));
                }
            }
        }

        private Edit[] Edits() => !described.TryGetProperty("edit", out var edit) ? PolicyCase.Edits(described) :
        [
            .. edit.GetProperty("points").EnumerateArray().Select(p => p.GetString()!).Select(point =>
            {
                var row = fixture.Read($"{name}/{(point.EndsWith(".k", StringComparison.Ordinal) ? "in.k_row" : "in.v_row")}");
                var shape = policy.Expert.Shape;
                return new Replace(point, EditValue.Of(row.view(1, 1, shape.KeyValueHeads, shape.HeadWidth)))
                {
                    Scope = new EditScope { Positions = Positions.At(OwnPosition(edit.GetProperty("row").GetInt32())) },
                };
            }),
        ];

        private int OwnPosition(int row) => Prefix.Take(row).Count(v => v);

        private IEnumerable<int> Present() => Enumerable.Range(0, cameras.Length).Where(i => cameras[i]);

        /// <summary>The part of a golden that is there here too.</summary>
        private Tensor Own(Address address, Tensor golden)
        {
            var prefix = Indices(Prefix);
            if (address.Stack is "vision" or "projector")
            {
                return golden.index_select(0, Indices(cameras));
            }

            var isAttention = address.Point.Axes == PointAxes.Attention;
            if (address.Stack == policy.Language.Shape.Name)
            {
                return isAttention ? golden.index_select(2, prefix).index_select(3, prefix) : golden.index_select(1, prefix);
            }

            if (address.Stack != policy.Expert.Shape.Name || address.Layer is not { } layer)
            {
                return golden;
            }

            var keys = policy.Expert.Specs[layer].Attention.Keys;
            if (isAttention)
            {
                var own = keys == KeySource.Prefix ? 0 : golden.shape[3] - Prefix.Length;
                return golden.index_select(3, Indices([.. Prefix, .. Enumerable.Repeat(true, (int)own)]));
            }

            return keys == KeySource.Prefix && (address.Point == Point.AttnK || address.Point == Point.AttnV || address.Point == Point.AttnKRot)
                ? golden.index_select(1, prefix)
                : golden;
        }

        private static Tensor Indices(bool[] kept) => tensor([.. kept.Index().Where(k => k.Item).Select(k => (long)k.Index)]);
    }
}
