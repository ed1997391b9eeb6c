using Vitrine.Certification;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Narrow;

/// <summary>Norms of 16-bit rows: computed in float32, rounded where the reference rounds. u is the rounding of one number: 2^-8 and 2^-11.</summary>
public sealed class NarrowNormTests
{
    private const double Epsilon = 1e-6;

    public static TheoryData<ScalarType, int> Widths()
    {
        var data = new TheoryData<ScalarType, int>();
        foreach (var width in new[] { 48, 576, 4096 })
        {
            data.Add(ScalarType.BFloat16, width);
            data.Add(ScalarType.Float16, width);
        }

        return data;
    }

    /// <remarks>Llama and its kin: n = round(x / rms), then round(n w): twice rounded, so 2 u of each number (transformers, LlamaRMSNorm).</remarks>
    [Theory, MemberData(nameof(Widths))]
    public void An_rms_norm_rounds_before_its_gain_and_behind_it(ScalarType dtype, int width)
    {
        using var scope = NewDisposeScope();
        var (x, w) = Drawn(dtype, width);
        var found = new Norm(new NormSpec(NormKind.Rms, Epsilon), w, null).Apply(x);
        var normed = Normed(x);
        found.dtype.ShouldBe(dtype);
        Within(found, normed * w.to(float64), 2.01 * Unit(dtype));
        Unbiased(found, normed * w.to(float64), dtype);
        found.ShouldHaveTheBitsOf((x.to(float32) * Inverse(x)).to(dtype) * w, "the reference's order of operations");
    }

    /// <remarks>
    /// Gemma: round(x / rms (1 + w)) in float32, once rounded; 1 + w itself would lose what w is stored apart for (transformers, Gemma2RMSNorm).
    /// </remarks>
    [Theory, MemberData(nameof(Widths))]
    public void A_norm_that_holds_the_distance_from_1_rounds_once(ScalarType dtype, int width)
    {
        using var scope = NewDisposeScope();
        var (x, w) = Drawn(dtype, width);
        w = (w.to(float32) * 0.003f).to(dtype);                                                            // 1 + w rounds to 1 in bfloat16
        var found = new Norm(new NormSpec(NormKind.RmsFromOne, Epsilon), w.to(float32) + 1, null).Apply(x);
        var exact = Normed(x) * (w.to(float64) + 1);
        Within(found, exact, 1.01 * Unit(dtype));
        Unbiased(found, exact, dtype);
    }

    [Theory, MemberData(nameof(Widths))]
    public void A_layer_norm_rounds_once(ScalarType dtype, int width)
    {
        using var scope = NewDisposeScope();
        var (x, w) = Drawn(dtype, width);
        var (_, b) = Drawn(dtype, width, seed: 5);
        var found = new Norm(new NormSpec(NormKind.LayerNorm, Epsilon), w, b).Apply(x).to(float64);
        var wide = x.to(float64);
        var centred = wide - wide.mean([-1], keepdim: true);
        var exact = (centred / ((centred * centred).mean([-1], keepdim: true) + Epsilon).sqrt() * w.to(float64)) + b.to(float64);
        (found - exact).abs().max().item<double>().ShouldBeLessThan(1.01 * Unit(dtype) * exact.abs().max().item<double>());
    }

    /// <remarks>pi0.5's expert: round(n (1 + scale) + shift), scale and shift in 16 bits as their linear map gives them.</remarks>
    [Theory, MemberData(nameof(Widths))]
    public void A_conditioned_norm_rounds_once(ScalarType dtype, int width)
    {
        using var scope = NewDisposeScope();
        var (x, _) = Drawn(dtype, width);
        using var generator = new Generator(9, CPU);
        var map = (randn([3 * width, 2], generator: generator) * 0.3f).to(dtype);
        var condition = randn([3, 2], generator: generator).to(dtype);
        var norm = new Norm(new NormSpec(NormKind.AdaptiveRms, Epsilon), ones([width], dtype), null) { Modulation = new Linear(map, null) };
        var (found, gate) = norm.Apply(x.unsqueeze(1), condition);
        var given = nn.functional.linear(condition, map).unsqueeze(1).chunk(3, -1);
        var parts = given.Select(p => p.to(float64)).ToArray();
        var exact = (Normed(x).unsqueeze(1) * (parts[0] + 1)) + parts[1];
        found.dtype.ShouldBe(dtype);
        gate!.ShouldHaveTheBitsOf(given[2], "gate");
        (found.to(float64) - exact).abs().max().item<double>().ShouldBeLessThan(1.01 * Unit(dtype) * exact.abs().max().item<double>());
    }

    /// <summary>In a whole model: every norm of a block is the formula on what the block read.</summary>
    [Theory]
    [InlineData("llama", ScalarType.BFloat16)]
    [InlineData("qwen3", ScalarType.BFloat16)]
    [InlineData("gemma", ScalarType.BFloat16)]
    [InlineData("gemma2", ScalarType.BFloat16)]
    [InlineData("gemma2", ScalarType.Float16)]
    [InlineData("mistral", ScalarType.Float16)]
    public void A_block_of_a_model_norms_so(string name, ScalarType dtype)
    {
        using var model = TextFixtures.Open(name, dtype);
        using var run = model.Run(TokenBatch.Of(TextFixtures.Prompt(name)), RunPlan.Capturing("language.*.*", "language.*"));
        for (var layer = 0; layer < model.Language.Shape.Layers; layer++)
        {
            using var scope = NewDisposeScope();
            var (at, w) = ($"language.{layer}", model.Language.Blocks[layer].Weights);
            Check(w.AttentionNorm!, run[$"{at}.resid_pre"], run[$"{at}.attn.in"], $"{at} attention");
            Check(w.MlpNorm!, run[$"{at}.resid_mid"], run[$"{at}.mlp.in"], $"{at} feed-forward");
            if (w.MlpOutputNorm is { } output)
            {
                Check(output, run[$"{at}.mlp.out"], run[$"{at}.mlp.out_post"], $"{at} output");
            }

            if (w.QueryNorm is { } query)
            {
                Check(query, run[$"{at}.attn.q"], run[$"{at}.attn.q_norm"], $"{at} query");
            }
        }

        void Check(Norm norm, Tensor x, Tensor found, string what)
        {
            var exact = x.to(float64) / (x.to(float64).pow(2).mean([-1], keepdim: true) + norm.Spec.Epsilon).sqrt() * norm.Gain.to(float64);
            Within(found, exact, (norm.Spec.Kind == NormKind.Rms ? 2.01 : 1.01) * Unit(dtype), what);
        }
    }

    /// <summary>w of Gemma's file is a small distance from 1: rounded to 16 bits their sum would lose it.</summary>
    [Theory, InlineData("gemma"), InlineData("gemma2")]
    public void A_gain_stored_as_its_distance_from_1_is_put_together_in_float32(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        using var model = TextFixtures.Open(name, ScalarType.BFloat16);
        using var checkpoint = Vitrine.Checkpoints.Checkpoint.Open(fixture.Folder);
        using var stored = checkpoint.Read("model.norm.weight");
        using var gain = model.Language.FinalGain();
        gain.dtype.ShouldBe(ScalarType.Float32);
        gain.ShouldHaveTheBitsOf(stored.to(bfloat16).to(float32) + 1, "1 + w, w in bfloat16");
    }

    private static (Tensor X, Tensor Gain) Drawn(ScalarType dtype, int width, ulong seed = 3)
    {
        using var generator = new Generator(seed, CPU);
        return ((randn([3, width], generator: generator) * 3).to(dtype), (randn([width], generator: generator) + 1).to(dtype));
    }

    private static Tensor Normed(Tensor x) => x.to(float64) / (x.to(float64).pow(2).mean([-1], keepdim: true) + Epsilon).sqrt();

    private static Tensor Inverse(Tensor x)
    {
        var length = x.to(float32).norm(-1, keepdim: true);
        return ((length * length * (float)(1.0 / x.shape[^1])) + (float)Epsilon).rsqrt();
    }

    private static double Unit(ScalarType dtype) => dtype == ScalarType.BFloat16 ? 1.0 / 256 : 1.0 / 2048;

    /// <summary>Each number within a share of itself, and of the smallest normal number of float16.</summary>
    private static void Within(Tensor found, Tensor exact, double share, string because = "")
    {
        var over = (found.to(float64) - exact).abs() - (exact.abs() * share) - 6e-5 * share;
        over.max().item<double>().ShouldBeLessThan(0, because);
    }

    /// <summary>How much of the exact vector is in the found one: 1, since n roundings without a direction move it by some u / sqrt(n).</summary>
    /// <remarks>With the number that multiplies rounded first, as an in-place product does, it was .9986 in bfloat16 at width 576.</remarks>
    private static void Unbiased(Tensor found, Tensor exact, ScalarType dtype)
        => ((found.to(float64) * exact).sum() / (exact * exact).sum()).item<double>().ShouldBe(1, 4 * Unit(dtype) / Math.Sqrt(found.numel()));
}
