using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Edits;

/// <summary>What is left where keys are knocked out: the others, and where none is left nothing at all; never a key that the query does not see.</summary>
public sealed class KnockOutTests
{
    private const string Pattern = "language.1.attn.pattern", Scores = "language.1.attn.scores", Out = "language.1.attn.out";

    public static TheoryData<string, ScalarType> Models()
    {
        var data = new TheoryData<string, ScalarType>();
        foreach (var name in TextFixtures.Decoders().Select(r => r.Data).Concat(["bert-classifier", "distilbert-classifier"]))
        {
            foreach (var dtype in new[] { ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16 })
            {
                data.Add(name, dtype);
            }
        }

        return data;
    }

    [Theory, MemberData(nameof(Models))]
    public void A_query_whose_every_key_is_knocked_out_attends_to_nothing(string name, ScalarType dtype)
    {
        using var model = TextFixtures.Open(name, dtype);
        using var scope = NewDisposeScope();
        var batch = TokenBatch.Of(TextFixtures.Prompt(name)[..6]);
        var whole = new KnockOut(Scores, Positions.Since(0)) { Scope = new EditScope { Positions = Positions.At(0, 3) } };
        using var plain = model.Run(batch, new RunPlan { Capture = [Pattern, Out], ExplicitAttention = true });
        using var cut = model.Run(batch, new RunPlan { Capture = [Pattern, Out], Edits = [whole], ExplicitAttention = true });
        cut.Logits.isfinite().all().item<bool>().ShouldBeTrue();
        var bias = model.Language.Blocks[1].Weights.Output.Bias ?? zeros(model.Language.Shape.Width).to(dtype);
        for (var query = 0; query < 6; query++)
        {
            if (query is 0 or 3)
            {
                cut[Pattern][0, .., query].count_nonzero().item<long>().ShouldBe(0, $"query {query}");
                cut[Out][0, query].ShouldHaveTheBitsOf(bias, $"what attention writes at query {query}");
            }
            else
            {
                cut[Pattern][0, .., query].contiguous().ShouldHaveTheBitsOf(plain[Pattern][0, .., query].contiguous(), $"query {query}");
            }
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void The_first_token_s_only_key_is_itself_and_later_ones_stay_hidden(string name, ScalarType dtype)
    {
        using var model = TextFixtures.Open(name, dtype);
        using var scope = NewDisposeScope();
        var isCausal = model.Language.Spec.Attention.Mask == AttentionMask.Causal;
        foreach (var padLeft in new[] { true, false })
        {
            var batch = TokenBatch.Of([TextFixtures.Prompt(name)[..6], TextFixtures.Prompt(name)[..4]], padLeft);
            using var cut = model.Run(batch, new RunPlan { Capture = [Pattern], Edits = [new KnockOut(Scores, Positions.First)] });
            for (var row = 0; row < 2; row++)
            {
                long[] positions = [.. batch.Positions[row]];
                for (var query = 0; query < 6; query++)
                {
                    if (positions[query] < 0)
                    {
                        continue;
                    }

                    var weights = cut[Pattern][row, .., query].to(float32);                                // (H, keys)
                    var (sums, empty) = (weights.sum(-1), isCausal && positions[query] == 0);
                    (sums - (empty ? 0 : 1)).abs().max().item<float>().ShouldBeLessThan(1f / 128, $"row {row} query {query}");
                    for (var key = 0; key < 6; key++)
                    {
                        if (positions[key] <= 0 || (isCausal && positions[key] > positions[query]))
                        {
                            weights.select(-1, key).count_nonzero().item<long>().ShouldBe(0, $"row {row} query {query} key {key}");
                        }
                    }
                }
            }
        }
    }

    /// <remarks>A weight of the rest is its own over the sum of the rest: p_j / (1 - p_k).</remarks>
    [Theory, MemberData(nameof(Models))]
    public void What_is_left_is_shared_out_as_before(string name, ScalarType dtype)
    {
        using var model = TextFixtures.Open(name, dtype);
        using var scope = NewDisposeScope();
        var batch = TokenBatch.Of(TextFixtures.Prompt(name)[..6]);
        var one = new KnockOut(Scores, Positions.At(2)) { Scope = new EditScope { Positions = Positions.At(5), Heads = [1] } };
        using var plain = model.Run(batch, new RunPlan { Capture = [Pattern], ExplicitAttention = true });
        using var cut = model.Run(batch, new RunPlan { Capture = [Pattern], Edits = [one], ExplicitAttention = true });
        var (before, after) = (plain[Pattern][0, 1, 5].to(float64), cut[Pattern][0, 1, 5].to(float64));
        var expected = before / (1 - before[2]);
        expected[2] = zeros(1, float64)[0];
        var bound = dtype switch { ScalarType.BFloat16 => 4.0 / 256, ScalarType.Float16 => 4.0 / 2048, _ => 1e-5 };
        (after - expected).abs().max().item<double>().ShouldBeLessThan(bound);
        after[2].item<double>().ShouldBe(0);
        cut[Pattern][0, 0].ShouldHaveTheBitsOf(plain[Pattern][0, 0], "another head");
    }

    [Fact]
    public void A_decode_step_without_keys_writes_nothing_too()
    {
        using var model = TextFixtures.Any(ScalarType.BFloat16);
        var blind = new KnockOut(Scores, Positions.Since(0)) { Scope = new EditScope { Steps = [1] } };
        using var generation = model.Generate(
            TokenBatch.Of(3, 4, 5), 3, new RunPlan { Capture = [$"{Pattern}@*"], Edits = [blind] }, TestContext.Current.CancellationToken);
        generation.Run[$"{Pattern}@1"].count_nonzero().item<long>().ShouldBe(0);
        generation.Run[$"{Pattern}@2"].count_nonzero().item<long>().ShouldBeGreaterThan(0);
        generation.Run.Logits.isfinite().all().item<bool>().ShouldBeTrue();
    }

    [Fact]
    public void Every_patch_of_a_tower_may_be_blinded()
    {
        using var encoder = Vitrine.Tests.Mechanisms.Pictures.Encoder.Open("dinov2");
        var at = $"{encoder.Stack}.0.attn";
        var plan = new RunPlan { Capture = [$"{at}.pattern"], Edits = [new KnockOut($"{at}.scores", Positions.Since(0))] };
        using var run = encoder.Model.Run(encoder.Pixels, plan);
        run[$"{at}.pattern"].count_nonzero().item<long>().ShouldBe(0);
        run.Logits.isfinite().all().item<bool>().ShouldBeTrue();
    }

    /// <remarks>In float64 against finite differences, as other edits are: the emptied query passes nothing on through attention, and no NaN either.</remarks>
    [Theory, MemberData(nameof(Decoders))]
    public void Gradients_flow_around_an_emptied_query(string name)
    {
        using var model = TextFixtures.Open(name, ScalarType.Float64);
        using var scope = NewDisposeScope();
        const string Upstream = "language.0.resid_post";
        var batch = TokenBatch.Of(TextFixtures.Prompt(name)[..5]);
        Edit[] edits = [new KnockOut(Scores, Positions.Since(0)) { Scope = new EditScope { Positions = Positions.At(0, 2) } }];
        using var run = model.Run(batch, new RunPlan { Gradients = [Upstream], Edits = edits });
        var gradient = run.GradientsOf(Metric).Values.Single();
        var width = model.Language.Shape.Width;
        var direction = new EditValue([1, 5, width], [.. Enumerable.Range(0, 5 * width).Select(i => MathF.Sin((i * 3) + 1))]);
        var expected = (At(1e-4) - At(-1e-4)) / 2e-4;
        (gradient * direction.ToTensor(float64)).sum().item<double>().ShouldBe(expected, 1e-5 * Math.Max(1, Math.Abs(expected)));

        double At(double step)
        {
            using var moved = model.Run(batch, RunPlan.Editing([new Add(Upstream, direction, step), .. edits]));
            return Metric(moved).item<double>();
        }

        static Tensor Metric(Run of) => of.Logits[0, 4, 7] - of.Logits[0, 2, 3] + of.Logits[0, 0, 1];
    }

    public static TheoryData<string> Decoders() => TextFixtures.Decoders();
}
