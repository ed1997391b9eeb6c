using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Narrow;

/// <summary>Padded rows in bfloat16 and float16: the number that hides a key is one that the type holds.</summary>
public sealed class NarrowPaddingTests
{
    public static TheoryData<string, ScalarType> Decoders()
    {
        var data = new TheoryData<string, ScalarType>();
        foreach (var name in TextFixtures.Decoders().Select(r => r.Data))
        {
            data.Add(name, ScalarType.BFloat16);
            data.Add(name, ScalarType.Float16);
        }

        return data;
    }

    /// <remarks>
    /// Rows of one batch go through other kernels than a row alone, so a number may be rounded another way in each of some dozen operations: 16 u of the
    /// largest logit, u = 2^-8 and 2^-11.
    /// </remarks>
    [Theory, MemberData(nameof(Decoders))]
    public void Left_padded_right_padded_and_alone_agree_however_attention_is_computed(string name, ScalarType dtype)
    {
        using var model = TextFixtures.Open(name, dtype);
        var prompt = TextFixtures.Prompt(name);
        int[][] prompts = [prompt, prompt[..4], prompt[2..9]];
        foreach (var plan in new[]
        {
            RunPlan.Empty,
            new RunPlan { ExplicitAttention = true },
            RunPlan.Capturing("*.*.attn.pattern"),
            new RunPlan { Gradients = ["language.0.resid_pre"] },
        })
        {
            foreach (var padLeft in new[] { true, false })
            {
                using var scope = NewDisposeScope();
                var batch = TokenBatch.Of(prompts, padLeft);
                using var together = model.Run(batch, plan);
                together.Logits.isfinite().all().item<bool>().ShouldBeTrue("logits, padding included");
                for (var row = 0; row < prompts.Length; row++)
                {
                    using var alone = model.Run(TokenBatch.Of(prompts[row]), plan);
                    var own = together.Logits[row, Array.IndexOf([.. batch.Positions[row]], prompts[row].Length - 1L)].to(float32);
                    var expected = alone.Logits[0, -1].to(float32);
                    var bound = 16 * (dtype == ScalarType.BFloat16 ? 1f / 256 : 1f / 2048) * Math.Max(1, expected.abs().max().item<float>());
                    (own - expected).abs().max().item<float>().ShouldBeLessThan(bound, $"row {row}, {(padLeft ? "left" : "right")}");
                }
            }
        }
    }

    /// <remarks>With a NaN in a row every token's logit is NaN, and the choice falls on token 0.</remarks>
    [Theory, MemberData(nameof(Decoders))]
    public void Generation_of_padded_rows_goes_on_from_numbers(string name, ScalarType dtype)
    {
        using var model = TextFixtures.Open(name, dtype);
        var prompt = TextFixtures.Prompt(name);
        foreach (var explicitly in new[] { false, true })
        {
            using var generation = model.Generate(
                TokenBatch.Of([prompt, prompt[..4]], padLeft: true), 4, new RunPlan { ExplicitAttention = explicitly, Capture = ["*.*.attn.pattern@*"] },
                TestContext.Current.CancellationToken);
            generation.Run.Logits.isfinite().all().item<bool>().ShouldBeTrue();
            generation.Run.Activations.Values.ShouldAllBe(p => p.isfinite().all().item<bool>());
        }
    }

    [Theory, MemberData(nameof(Decoders))]
    public void Gradients_of_padded_rows_are_finite(string name, ScalarType dtype)
    {
        using var model = TextFixtures.Open(name, dtype);
        var prompt = TextFixtures.Prompt(name);
        using var run = model.Run(TokenBatch.Of([prompt, prompt[..4]], padLeft: true), new RunPlan { Gradients = ["*.*.resid_pre"] });
        foreach (var (address, gradient) in run.GradientsOf(r => r.Logits.to(float32).select(1, -1).sum()))
        {
            gradient.isfinite().all().item<bool>().ShouldBeTrue(address.ToString());
            gradient.count_nonzero().item<long>().ShouldBeGreaterThan(0);
        }
    }

    /// <remarks>The head of classifiers reads one token of each row.</remarks>
    [Theory]
    [InlineData("bert-classifier", ScalarType.BFloat16)]
    [InlineData("bert-classifier", ScalarType.Float16)]
    [InlineData("distilbert-classifier", ScalarType.BFloat16)]
    [InlineData("gpt2-classifier", ScalarType.Float16)]
    [InlineData("llama-classifier", ScalarType.BFloat16)]
    public void Classes_of_padded_rows_are_those_of_the_rows_alone(string name, ScalarType dtype)
    {
        using var model = TextFixtures.Open(name, dtype);
        var prompt = TextFixtures.Prompt(name);
        int[][] prompts = [prompt, prompt[..4]];
        foreach (var plan in new[] { RunPlan.Empty, new RunPlan { ExplicitAttention = true } })
        {
            using var left = model.Classify(TokenBatch.Of(prompts, padLeft: true), plan);
            using var alone = model.Classify(TokenBatch.Of(prompts[1]), plan);
            var (found, expected) = (left.Run.Logits[1].to(float32), alone.Run.Logits[0].to(float32));
            var bound = 16 * (dtype == ScalarType.BFloat16 ? 1f / 256 : 1f / 2048) * Math.Max(1, expected.abs().max().item<float>());
            (found - expected).abs().max().item<float>().ShouldBeLessThan(bound);
        }
    }
}
