using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Engine;

/// <summary>A stack that reads the keys and values of another: together they are one pass over both, which a flow policy takes apart.</summary>
public sealed class PrefixCacheTests
{
    private const int Cut = 4;

    /// <summary>Decoders with rotary positions: learned ones are added where tokens are embedded.</summary>
    public static TheoryData<string> Decoders() => [.. TextFixtures.Decoders().Select(row => row.Data).Where(IsRotary)];

    [Theory, MemberData(nameof(Decoders))]
    public void Causal_tokens_behind_a_cached_prefix_are_the_rest_of_the_joint_pass(string name)
        => BehindThePrefix(name, AttentionMask.Causal, AttentionMask.Causal, AttentionMask.Causal);

    /// <remarks>pi0: pictures and words see each other; states and actions see them and each other; nothing in front sees what stands behind.</remarks>
    [Theory, MemberData(nameof(Decoders))]
    public void Blocks_of_tokens_behind_a_cached_prefix_are_the_rest_of_the_joint_pass(string name)
        => BehindThePrefix(name, AttentionMask.Blockwise, AttentionMask.Full, AttentionMask.Full);

    [Theory, MemberData(nameof(Decoders))]
    public void One_prefix_serves_many_rows_and_is_not_changed(string name)
    {
        using var model = TextFixtures.Open(name);
        var prompt = TextFixtures.Prompt(name);
        using var scope = NewDisposeScope();
        var (whole, behind) = (new Probe(model, model.Language), new Probe(model, Like(model.Language, AttentionMask.Full, KeySource.PrefixThenOwn)));
        using var prefix = whole.Prefill(Input(model.Language, [prompt[..Cut]]));
        var one = behind.Read(Behind(model.Language, [prompt[Cut..]], prefix));
        var many = behind.Read(Behind(model.Language, [prompt[Cut..], [.. prompt[Cut..].Reverse()], prompt[Cut..]], prefix));
        many[2].ShouldBeClose(one[0], name);
        many[1].allclose(one[0]).ShouldBeFalse(name);
        behind.Read(Behind(model.Language, [prompt[Cut..]], prefix)).ShouldHaveTheBitsOf(one, name);
    }

    [Theory, MemberData(nameof(Decoders))]
    public void Padding_of_a_prefix_is_seen_by_nobody(string name)
    {
        using var model = TextFixtures.Open(name);
        var prompt = TextFixtures.Prompt(name);
        using var scope = NewDisposeScope();
        var (whole, behind) = (new Probe(model, model.Language), new Probe(model, Like(model.Language, AttentionMask.Full, KeySource.PrefixThenOwn)));
        using var alone = whole.Prefill(Input(model.Language, [prompt[..2]]));
        var batch = TokenBatch.Of([prompt[..Cut], prompt[..2]]);
        using var padded = whole.Prefill(DecoderInput.Of(model.Language, batch));
        var expected = behind.Read(Behind(model.Language, [prompt[Cut..]], alone, first: 2));
        var found = behind.Read(Behind(model.Language, [prompt[Cut..], prompt[Cut..]], padded, first: 2));
        found[1].ShouldBeClose(expected[0], name);
    }

    [Theory, MemberData(nameof(Decoders))]
    public void A_stack_that_needs_a_prefix_says_so_where_there_is_none(string name)
    {
        using var model = TextFixtures.Open(name);
        var behind = new Probe(model, Like(model.Language, AttentionMask.Full, KeySource.PrefixThenOwn));
        Should.Throw<VitrineException>(() => behind.Read(Input(model.Language, [TextFixtures.Prompt(name)]))).Message.ShouldContain("prefix");
    }

    /// <remarks>
    /// SmolVLA's cross-attention: the keys and values of the expert are projections of those of the prefix. Held against the formula, written out in float64.
    /// </remarks>
    [Fact]
    public void Cross_attention_reads_the_prefix_alone()
    {
        using var model = TextFixtures.Any();
        var (language, prompt) = (model.Language, TextFixtures.Prompt(TextFixtures.First()));
        using var scope = NewDisposeScope();
        var whole = new Probe(model, language);
        using var prefix = whole.Prefill(Input(language, [prompt[..Cut]]));
        var (keys, values) = prefix.Layer(0, 1);
        var given = keys.shape[1] * keys.shape[3];
        manual_seed(7);
        var (heads, width, stream) = (2, 6, 8);
        Linear Projection(long outputs, long inputs) => new(randn(outputs, inputs), randn(outputs));
        var norm = new NormSpec(NormKind.LayerNorm, 1e-5);
        var spec = new BlockSpec(
            stream,
            norm,
            new AttentionSpec(heads, heads, width, AttentionMask.Full, null) { Keys = KeySource.Prefix, Bias = true },
            new MlpSpec(5, false, Activation.Tanh),
            LayerScale: false);
        var weights = new BlockWeights
        {
            AttentionNorm = new Norm(norm, randn(stream), randn(stream)),
            MlpNorm = new Norm(norm, randn(stream), randn(stream)),
            Query = Projection(heads * width, stream),
            Key = Projection(heads * width, given),
            Value = Projection(heads * width, given),
            Output = Projection(stream, heads * width),
            Up = Projection(5, stream),
            Down = Projection(stream, 5),
        };
        var shape = new StackShape("expert", 1, stream, heads, heads, width, 5, 0, spec.PointsInBlock().Append(Point.Embed).ToHashSet());
        var expert = new Decoder(shape, [new Block(spec, weights)], new TextEmbedding(randn(3, stream)));
        var x = randn(1, 3, stream);
        var input = new DecoderInput([[0, 1, 2]], () => x) { Prefix = prefix };
        using var run = new Probe(model, expert).Run(input, RunPlan.Capturing("expert.0.attn.z", "expert.0.attn.pattern"));

        Tensor Applied(Linear l, Tensor y) => y.matmul(l.Weight.to(float64).t()) + l.Bias!.to(float64);
        var wide = x.to(float64);
        var centred = wide - wide.mean([-1], keepdim: true);
        var normed = (centred / (
            (centred * centred).mean([-1], keepdim: true) + 1e-5).sqrt() * weights.AttentionNorm!.Gain.to(float64)) + weights.AttentionNorm.Bias!.to(float64);
        Tensor Flat(Tensor t) => t.transpose(1, 2).flatten(2).to(float64);
        Tensor Split(Tensor t) => t.reshape(1, -1, heads, width).transpose(1, 2);
        var (q, k, v) = (Split(Applied(weights.Query, normed)), Split(Applied(weights.Key, Flat(keys))), Split(Applied(weights.Value, Flat(values))));
        var pattern = (q.matmul(k.transpose(2, 3)) / Math.Sqrt(width)).softmax(-1);
        run["expert.0.attn.pattern"].shape.ShouldBe([1, heads, 3, Cut]);
        run["expert.0.attn.pattern"].ShouldBeClose(pattern.to(float32));
        run["expert.0.attn.z"].ShouldBeClose(pattern.matmul(v).transpose(1, 2).to(float32));
    }

    /// <remarks>pi0.5: one linear map of the condition gives scale, shift and gate.</remarks>
    [Fact]
    public void A_conditioned_norm_is_its_formula()
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var (x, condition) = (randn(2, 3, 8), randn(2, 5));
        var modulation = new Linear(randn(24, 5), randn(24));
        var norm = new Norm(new NormSpec(NormKind.AdaptiveRms, 1e-6), ones(8), null) { Modulation = modulation };
        var (normed, gate) = norm.Apply(x, condition);
        var parts = (condition.to(float64).matmul(modulation.Weight.to(float64).t()) + modulation.Bias!.to(float64)).unsqueeze(1).chunk(3, -1);
        var wide = x.to(float64);
        var expected = (wide / ((wide * wide).mean([-1], keepdim: true) + 1e-6).sqrt() * (1 + parts[0])) + parts[1];
        normed.ShouldBeClose(expected.to(float32));
        gate!.expand_as(normed).ShouldBeClose(parts[2].expand_as(expected).to(float32));
        Should.Throw<VitrineException>(() => norm.Apply(x, null)).Message.ShouldContain("condition");
    }

    private static void BehindThePrefix(string name, AttentionMask joint, AttentionMask front, AttentionMask back)
    {
        using var model = TextFixtures.Open(name);
        var (language, prompt) = (model.Language, TextFixtures.Prompt(name));
        using var scope = NewDisposeScope();
        var input = Input(language, [prompt]) with { BlockNumbers = [[.. prompt.Select((_, i) => i < Cut ? 0L : 1L)]] };
        var expected = new Probe(model, Like(language, joint, KeySource.Own)).Read(input);
        using var prefix = new Probe(model, Like(language, front, KeySource.Own)).Prefill(Input(language, [prompt[..Cut]]));
        var found = new Probe(model, Like(language, back, KeySource.PrefixThenOwn)).Read(Behind(language, [prompt[Cut..]], prefix));
        found.ShouldBeClose(expected.narrow(1, Cut, prompt.Length - Cut), name);
    }

    private static bool IsRotary(string name)
    {
        using var model = TextFixtures.Open(name);
        return model.Language.Spec.Attention is { Rotary: not null, Window: null };
    }

    private static DecoderInput Input(Decoder decoder, int[][] rows) => DecoderInput.Of(decoder, TokenBatch.Of(rows));

    private static DecoderInput Behind(Decoder decoder, int[][] rows, PrefixCache prefix, int first = Cut) => Input(decoder, rows) with
    {
        Prefix = prefix,
        PositionIds = [[.. rows.Select(r => r.Select((_, i) => (long)first + i).ToArray())]],
    };

    /// <summary>The same weights with another attention.</summary>
    private static Decoder Like(Decoder decoder, AttentionMask mask, KeySource keys) => new(
        decoder.Shape,
        [.. decoder.Blocks.Select(b => new Block(b.Spec with { Attention = b.Spec.Attention with { Mask = mask, Keys = keys } }, b.Weights))],
        decoder.Embedding)
    {
        EntryNorm = decoder.EntryNorm,
        LastNorm = decoder.LastNorm,
    };

    /// <summary>Runs a decoder that no model of the product has.</summary>
    private sealed class Probe(TextModel of, Decoder decoder) : Model(of, "probe", [decoder])
    {
        public Run Run(DecoderInput input, RunPlan plan)
        {
            using var bound = Bind(plan);
            return Compute(bound, input.Positions.Length, scope =>
            {
                using var pass = decoder.PassOver(scope, input);
                return decoder.FinalNorm(decoder.Residual(input, pass, from: null), pass);
            });
        }

        public Tensor Read(DecoderInput input)
        {
            using var run = Run(input, RunPlan.Empty);
            return run.Logits.clone();
        }

        public PrefixCache Prefill(DecoderInput input)
        {
            PrefixCache? made = null;
            using var bound = Bind(RunPlan.Empty);
            using var run = Compute(bound, input.Positions.Length, scope =>
            {
                made = decoder.Prefill(scope, input);
                return null;
            });
            return made!;
        }
    }
}
