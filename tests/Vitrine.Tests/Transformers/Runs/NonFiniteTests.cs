using Vitrine.Tests.Checkpoints;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Runs;

/// <summary>An answer that is no number is an error that names the first point of the pass that was not finite.</summary>
public sealed class NonFiniteTests
{
    private static readonly int[] Prompt = [3, 4, 5, 6];

    public static TheoryData<string> Models() => Subject.Names();

    /// <summary>A tensor of the Llama layout, and the point that is computed with it first.</summary>
    public static TheoryData<string, string> Weights() => new()
    {
        { "self_attn.v_proj.weight", "language.1.attn.v" },
        { "self_attn.o_proj.weight", "language.1.attn.out" },
        { "mlp.gate_proj.weight", "language.1.mlp.gate" },
        { "mlp.up_proj.weight", "language.1.mlp.up" },
        { "mlp.down_proj.weight", "language.1.mlp.out" },
        { "input_layernorm.weight", "language.1.attn.in" },
        { "post_attention_layernorm.weight", "language.1.mlp.in" },
    };

    public static TheoryData<float> Values() => [float.NaN, float.PositiveInfinity, float.NegativeInfinity];

    /// <remarks>NaN is put in at one point; whatever comes before it is finite, so it is the first.</remarks>
    [Theory, MemberData(nameof(Models))]
    public void The_point_where_it_begins_is_named_in_every_family(string name)
    {
        using var subject = Subject.Open(name);
        var last = subject.Shape.Layers - 1;
        foreach (var place in subject.Shape.Places().Where(p => p.Layer == last || p.Point == Point.Embed))
        {
            var error = Should.Throw<NonFiniteException>(() => subject.Run(RunPlan.Editing(Spoiled($"{place}"))), $"{place}");
            error.First.ShouldBe(place);
            error.Message.ShouldContain($"'{place}', NaN at [0, ");
            error.Message.ShouldContain("as the plan's edits leave it");
        }
    }

    [Theory, MemberData(nameof(Weights))]
    public void A_weight_that_is_none_is_found_by_the_point_that_it_computes(string tensor, string point)
    {
        using var patched = new PatchedModel(Fixtures.Of("models", "llama"));
        using var model = TextModel.Open(patched.Set(patched.NameOf(tensor, layer: 1), float.NaN).Folder);
        Refused(() => model.Run(TokenBatch.Of(Prompt)), point, "run: NaN at [0, 0, 0] of the logits").ShouldNotContain("edits");
        Refused(() => model.Generate(TokenBatch.Of(Prompt), 3, cancellation: Token), point, "decoding, step 0: the logit of token 0 in row 0 is NaN");
    }

    /// <remarks>
    /// Queries and keys that are all NaN give zeros in libtorch's fused kernel, and finite logits behind them: in the last block nothing else would tell.
    /// </remarks>
    [Theory, InlineData("self_attn.q_proj.weight", "attn.q"), InlineData("self_attn.k_proj.weight", "attn.k")]
    public void What_the_fused_kernel_hides_is_found(string tensor, string point)
    {
        using var patched = new PatchedModel(Fixtures.Of("models", "llama"));
        using var intact = TextModel.Open(patched.Folder);
        var (last, width) = (intact.Language.Shape.Layers - 1, intact.Language.Shape.Width);
        patched.Set(patched.NameOf(tensor, layer: last), float.NaN, element: width - 1);
        using var model = TextModel.Open(patched.Folder);
        Refused(() => model.Run(TokenBatch.Of(Prompt)), $"language.{last}.{point}");
        Refused(() => model.Run(TokenBatch.Of(3)), $"language.{last}.{point}");
        Refused(() => model.Generate(TokenBatch.Of(Prompt), 3, cancellation: Token), $"language.{last}.{point}");
        using var allowed = TextModel.Open(patched.Folder, new ModelOptions { AllowNonFinite = true });
        using var run = allowed.Run(TokenBatch.Of(Prompt));
        run.Logits.isnan().any().item<bool>().ShouldBeTrue("attention is written out, and shows it");
    }

    [Theory, MemberData(nameof(Values))]
    public void Infinity_is_none_either(float value)
    {
        using var patched = new PatchedModel(Fixtures.Of("models", "llama"));
        using var model = TextModel.Open(patched.Set(patched.NameOf("mlp.down_proj.weight", layer: 0), value).Folder);
        Refused(() => model.Run(TokenBatch.Of(Prompt)), "language.0.mlp.out");
        Refused(() => model.Run(TokenBatch.Of(Prompt), new RunPlan { StopAfter = 0 }), "language.0.mlp.out", "of the residual");
    }

    [Fact]
    public void Only_the_row_that_reads_a_broken_token_is_named()
    {
        using var patched = new PatchedModel(Fixtures.Of("models", "llama"));
        using var intact = TextModel.Open(Fixtures.Of("models", "llama"));
        var width = intact.Language.Shape.Width;
        using var model = TextModel.Open(patched.Set(patched.NameOf("embed_tokens.weight"), float.NaN, element: 6L * width).Folder);
        using (var fine = model.Run(TokenBatch.Of(3, 4, 5)))
        {
            fine.Logits.isfinite().all().item<bool>().ShouldBeTrue("nothing reads token 6");
        }

        var error = Should.Throw<NonFiniteException>(() => model.Run(TokenBatch.Of([[3, 4, 5], [3, 4, 6]])));
        (error.First, error.Row).ShouldBe((Address.Parse("language.embed"), 1));
    }

    [Fact]
    public void A_later_step_is_named_and_its_tokens_were_told_once()
    {
        using var model = TextFixtures.Any();
        var told = new List<int>();
        var plan = RunPlan.Editing(Spoiled("language.0.mlp.out") with { Scope = new EditScope { Steps = [2] } });
        var error = Should.Throw<NonFiniteException>(() => model.Generate(TokenBatch.Of(Prompt), new GenerationOptions(4) { KeepLogits = false }, plan,
            progress: new Told(told), cancellation: Token));
        error.Message.ShouldStartWith("decoding, step 2: ");
        error.First.ShouldBe(Address.Parse("language.0.mlp.out@2"));
        told.ShouldBe([0, 1]);
    }

    [Fact]
    public void Whoever_asks_for_them_is_given_them()
    {
        using var patched = new PatchedModel(Fixtures.Of("models", "llama"));
        patched.Set(patched.NameOf("mlp.down_proj.weight", layer: 1), float.NaN);
        using var model = TextModel.Open(patched.Folder, new ModelOptions { AllowNonFinite = true });
        model.AllowsNonFinite.ShouldBeTrue();
        using var run = model.Run(TokenBatch.Of(Prompt));
        run.Logits.isnan().all().item<bool>().ShouldBeTrue("the broken row of the matrix is in every position");
        using var generation = model.Generate(TokenBatch.Of(Prompt), 3, cancellation: Token);
        generation.Ids[0].Count.ShouldBe(3);
    }

    [Fact]
    public void Minus_infinity_leaves_a_token_out_where_the_plan_edits_logits_and_nowhere_else()
    {
        using var model = TextFixtures.Any();
        using var plain = model.Generate(TokenBatch.Of(Prompt), 1, cancellation: Token);
        var banned = plain.Ids[0][0];
        var mask = new float[model.Language.Shape.Vocabulary];
        mask[banned] = float.NegativeInfinity;
        var plan = RunPlan.Editing(new Add("language.logits", EditValue.Of(mask)));
        using var other = model.Generate(TokenBatch.Of(Prompt), 1, plan, Token);
        other.Ids[0][0].ShouldNotBe(banned);
        using var run = model.Run(TokenBatch.Of(Prompt), plan);
        run.Logits[0, 0, banned].item<float>().ShouldBe(float.NegativeInfinity);
        mask[banned] = float.PositiveInfinity;
        Refused(() => model.Run(TokenBatch.Of(Prompt), RunPlan.Editing(new Add("language.logits", EditValue.Of(mask)))), "language.logits");
    }

    [Fact]
    public void A_scalar_that_is_none_has_no_gradients()
    {
        using var model = TextFixtures.Any();
        using var run = model.Run(TokenBatch.Of(Prompt), new RunPlan { Gradients = ["language.0.resid_pre"] });
        Should.Throw<NonFiniteException>(() => run.GradientsOf(r => r.Logits.sum().log() * tensor(float.NaN))).Message.ShouldContain("the scalar is NaN");
    }

    [Fact]
    public void Finite_numbers_whose_sum_overflows_are_finite()
    {
        using var scope = NewDisposeScope();
        NonFinite.First(full([3, 4], 3e38f)).ShouldBeNull();
        NonFinite.First(full([70_000], 1f).to(float16)).ShouldBeNull("a sum of 16-bit numbers is taken in float32");
        NonFinite.First(full([3], 1e300, float64)).ShouldBeNull();
        NonFinite.First(zeros(0)).ShouldBeNull();
        NonFinite.First(tensor(new[] { 1L, 2 })).ShouldBeNull();
        NonFinite.First(full([2], float.NaN, device: META)).ShouldBeNull("there are no numbers");
    }

    [Theory]
    [InlineData(ScalarType.Float32), InlineData(ScalarType.Float64), InlineData(ScalarType.BFloat16), InlineData(ScalarType.Float16)]
    public void The_first_of_several_is_found_in_every_precision(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var x = zeros(2, 3, 5, dtype: dtype);
        x[1, 2, 4] = tensor(float.NaN, dtype);
        x[1, 0, 3] = tensor(float.NegativeInfinity, dtype);
        NonFinite.First(x).ShouldNotBeNull().ToString().ShouldBe("minus infinity at [1, 0, 3]");
        NonFinite.First(x, isMasked: true).ShouldNotBeNull().ToString().ShouldBe("NaN at [1, 2, 4]");
        x[0, 1, 1] = tensor(float.PositiveInfinity, dtype);
        NonFinite.First(x, isMasked: true).ShouldNotBeNull().ToString().ShouldBe("infinity at [0, 1, 1]");
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static Add Spoiled(string at) => new(at, EditValue.Of(float.NaN));

    private static string Refused(Action act, string point, string what = "")
    {
        var error = Should.Throw<NonFiniteException>(act);
        error.First.ShouldBe(Address.Parse(point));
        error.Message.ShouldContain(what);
        error.Message.ShouldContain("--allow-nonfinite");
        return error.Message;
    }

    private sealed class Told(List<int> steps) : IProgress<GeneratedStep>
    {
        public void Report(GeneratedStep value) => steps.Add(value.Step);
    }
}
