using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Tests.Transformers.Edits;

/// <summary>An edit that touches nothing says so, and one that touches anything does not.</summary>
public sealed class UntouchedEditTests
{
    private const string At = "language.0.mlp.out", Heads = "language.0.attn.z", Scores = "language.0.attn.scores";
    private static readonly int[][] Prompts = [[3, 4, 5, 6], [7, 8]];

    /// <summary>Edits of one pass over prompts of 4 and of 2 tokens, and what is said of those that find nothing.</summary>
    public static TheoryData<Edit, string?> Cases() => new()
    {
        { new Zero(At), null },
        { Zeroed(new EditScope { Positions = Positions.At(3) }), null },
        { Zeroed(new EditScope { Positions = Positions.At(4) }), "no token of the run stands where it acts (prompts of 2 to 4 tokens)" },
        { Zeroed(new EditScope { Positions = Positions.At(-4) }), null },
        { Zeroed(new EditScope { Positions = Positions.At(-5) }), "no token" },
        { Zeroed(new EditScope { Positions = Positions.At(4, 0) }), null },
        { Zeroed(new EditScope { Positions = Positions.Since(4) }), "no token" },
        { Zeroed(new EditScope { Positions = Positions.OfGenerated }), "no token" },
        { Zeroed(new EditScope { Positions = new Positions() }), "it names no position" },
        { Zeroed(new EditScope { Positions = Positions.At(2), Rows = [0] }), null },
        { Zeroed(new EditScope { Positions = Positions.At(2), Rows = [1] }), "no token" },
        { Zeroed(new EditScope { Positions = Positions.Of("image") }), null },
        { Zeroed(new EditScope { Positions = Positions.Of("nowhere") }), "no token" },
        { Zeroed(new EditScope { Steps = [1, 2] }), "none of its steps (1, 2) came; the last of the run was 0" },
        { Zeroed(new EditScope { Steps = [] }), "its list of steps is empty" },
        { Zeroed(new EditScope { Rows = [] }), "its list of rows is empty" },
        { Zeroed(new EditScope { Neurons = [] }), "its list of neurons is empty" },
        { new Zero(Heads) { Scope = new EditScope { Heads = [] } }, "its list of heads is empty" },
        { new Zero(Heads) { Scope = new EditScope { Heads = [0] } }, null },
        { new Clamp(new NeuronSet([]), 1), "it names no neuron" },
        { new Clamp(new NeuronSet([new Neuron(0, 3), new Neuron(1, 4)]), 1), null },
        { new Clamp(new NeuronSet([new Neuron(0, 3)]), 1) { Scope = new EditScope { Neurons = [4] } }, "its scope holds none of its neurons" },
        { new Clamp(new NeuronSet([new Neuron(0, 3), new Neuron(1, 4)]), 1) { Scope = new EditScope { Neurons = [4] } }, null },
        { new KnockOut(Scores, Positions.At(1)), null },
        { new KnockOut(Scores, Positions.At(9)), "no token" },
        { new KnockOut(Scores, new Positions()), "it names no key" },
        { new KnockOut(Scores, Positions.At(3)) { Scope = new EditScope { Positions = Positions.At(1), Rows = [1] } }, "no token" },
        { new KnockOut(Scores, Positions.At(3)) { Scope = new EditScope { Positions = Positions.At(9) } }, "no token" },
        { new Scale(At, 1), null },
        { new CallbackEdit(At, (x, _) => x) { Scope = new EditScope { Positions = Positions.At(40) } }, "no token" },
    };

    /// <summary>Steps and positions of a generation of 3 tokens behind prompts of 4 and 2.</summary>
    public static TheoryData<EditScope, bool> Generated() => new()
    {
        { new EditScope { Steps = [2] }, true },
        { new EditScope { Steps = [3] }, false },
        { new EditScope { Positions = Positions.At(5) }, true },
        { new EditScope { Positions = Positions.At(6) }, false },
        { new EditScope { Positions = Positions.At(5), Rows = [1] }, false },
        { new EditScope { Positions = Positions.OfGenerated }, true },
        { new EditScope { Positions = Positions.OfGenerated, Steps = [0] }, false },
        { new EditScope { Positions = Positions.OfPrompt, Steps = [1, 2] }, false },
        { new EditScope { Positions = Positions.Last, Steps = [1] }, true },
    };

    [Theory, MemberData(nameof(Cases))]
    public void A_run_tells_which_of_its_edits_found_nothing(Edit edit, string? why)
    {
        using var model = TextFixtures.Any();
        foreach (var padLeft in new[] { false, true })
        {
            using var run = model.Run(Batch(padLeft), RunPlan.Editing(new Scale(At, 1), edit) with { ExplicitAttention = true });
            run.UntouchedEdits.Select(e => e.Index).ShouldBe(why is null ? [] : [1]);
            if (why is not null)
            {
                run.UntouchedEdits[0].Edit.ShouldBeSameAs(edit);
                run.UntouchedEdits[0].ToString().ShouldStartWith("edit 1 (");
                run.UntouchedEdits[0].Why.ShouldContain(why);
                using var without = model.Run(Batch(padLeft), RunPlan.Editing(new Scale(At, 1)) with { ExplicitAttention = true });
                run.Logits.ShouldHaveTheBitsOf(without.Logits, "nothing was touched");
            }
        }
    }

    [Theory, MemberData(nameof(Generated))]
    public void Steps_and_positions_of_a_generation_count(EditScope scope, bool touches)
    {
        using var model = TextFixtures.Any();
        using var generation = model.Generate(Batch(padLeft: false), 3, RunPlan.Editing(Zeroed(scope)), TestContext.Current.CancellationToken);
        generation.Run.UntouchedEdits.Count.ShouldBe(touches ? 0 : 1);
    }

    [Fact]
    public void A_generation_that_ends_early_tells_the_steps_that_did_not_come()
    {
        using var model = TextFixtures.Any();
        using var plain = model.Generate(TokenBatch.Of(3, 4), 1, cancellation: TestContext.Current.CancellationToken);
        var options = new GenerationOptions(5) { StopIds = [plain.Ids[0][0]] };
        using var stopped = model.Generate(TokenBatch.Of(3, 4), options, RunPlan.Editing(Zeroed(new EditScope { Steps = [1] })),
            cancellation: TestContext.Current.CancellationToken);
        stopped.Run.UntouchedEdits.ShouldHaveSingleItem().Why.ShouldBe("none of its steps (1) came; the last of the run was 0");
    }

    [Fact]
    public void Rows_that_are_done_in_one_operation_are_told_apart()
    {
        using var model = TextFixtures.Any();
        var at = new EditScope { Positions = Positions.At(3) };
        RunPlan[] rows = [RunPlan.Editing(new Scale(At, 2) { Scope = at }), RunPlan.Editing(new Scale(At, 3) { Scope = at })];
        using var run = model.Run(Batch(padLeft: false), RunPlan.ForRows(rows));
        var idle = run.UntouchedEdits.ShouldHaveSingleItem();
        (((Scale)idle.Edit).Factor, idle.Edit.Scope.Rows![0]).ShouldBe((3, 1), "the second prompt has two tokens");
    }

    [Fact]
    public void A_bound_plan_remembers_what_any_of_its_runs_touched()
    {
        using var model = TextFixtures.Any();
        using var bound = model.Bind(RunPlan.Editing(
            Zeroed(new EditScope { Positions = Positions.At(2) }), Zeroed(new EditScope { Positions = Positions.At(9) })));
        bound.UntouchedEdits.ShouldBeEmpty("nothing ran");
        model.Run(TokenBatch.Of(3, 4), bound).Dispose();
        bound.UntouchedEdits.Select(e => e.Index).ShouldBe([0, 1]);
        model.Run(TokenBatch.Of(3, 4, 5), bound).Dispose();
        bound.UntouchedEdits.Select(e => e.Index).ShouldBe([1]);
        model.Run(TokenBatch.Of(3, 4), bound).Dispose();
        bound.UntouchedEdits.Select(e => e.Index).ShouldBe([1], "what was touched once stays so");
    }

    [Fact]
    public void A_policy_under_a_plan_tells_it_of_all_its_acts()
    {
        using var policy = Policy.Open("embedded:tabletop");
        var observation = new Observation(new Vitrine.Inputs.Pictures.Picture(64, 64, new byte[64 * 64 * 3]), "touch the plum wedge");
        using var acting = policy.With(RunPlan.Editing(
            Zeroed(new EditScope { Positions = Positions.Of(PromptLayout.Text) }), Zeroed(new EditScope { Positions = Positions.At(500) })));
        acting.UntouchedEdits.ShouldBeEmpty();
        using (var run = acting.Act([observation], RunPlan.Editing(new Scale(At, 1)), cancellation: TestContext.Current.CancellationToken))
        {
            run.UntouchedEdits.Select(e => e.Index).ShouldBe([1]);
        }

        acting.UntouchedEdits.Select(e => e.Index).ShouldBe([1]);
        policy.UntouchedEdits.ShouldBeEmpty();
    }

    private static Zero Zeroed(EditScope scope) => new(At) { Scope = scope };

    private static TokenBatch Batch(bool padLeft) => TokenBatch.Of(Prompts, padLeft).With(new TokenKinds(
        new Dictionary<string, IReadOnlyList<IReadOnlyList<long>>> { ["image"] = [[1, 2], []], ["nowhere"] = [[], []] }));
}
