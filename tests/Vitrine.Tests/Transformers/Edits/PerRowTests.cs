using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Edits;

/// <summary>One edit whose values differ from row to row: each row is what a run of its own gives.</summary>
public sealed class PerRowTests
{
    [Fact]
    public void A_sweep_in_one_run_is_the_runs_one_by_one()
    {
        using var model = TextFixtures.Any();
        var prompt = TextFixtures.Prompt(TextFixtures.First());
        var width = model.Language.Shape.Width;
        var neurons = new NeuronSet([new Neuron(0, 5), new Neuron(1, 2)]);
        var vector = EditValue.Of([.. Enumerable.Range(0, width).Select(i => MathF.Sin(i))]);
        var rows = new EditValue([3, 1, width], [.. Enumerable.Range(0, 3 * width).Select(i => MathF.Cos(i))]);
        (RunPlan Together, Func<int, Edit> Alone)[] sweeps =
        [
            Sweep(r => r switch { 0 => new Clamp(neurons, [1, 2]), 1 => new Clamp(neurons, 3), _ => new Clamp(new NeuronSet([new Neuron(1, 2)]), -4) }),
            Sweep(r => new Add("language.0.resid_post", vector, 2 * new[] { 0, 0.5, -1 }[r])),
            Sweep(r => new Scale("language.1.attn.z", 2 * new[] { 0.5, 1, 0 }[r])),
            Sweep(r => r == 1 ? new Zero("language.1.attn.z") : new Scale("language.1.attn.z", 1 + r)),
            (RunPlan.Editing(new Replace("language.1.resid_pre", rows)),
                r => new Replace("language.1.resid_pre", new EditValue([1, 1, width], [.. rows.Data.Skip(r * width).Take(width)]))),
        ];
        foreach (var (together, alone) in sweeps)
        {
            using var sweep = model.Run(TokenBatch.Of([prompt, prompt, prompt]), together);
            for (var row = 0; row < 3; row++)
            {
                using var scope = NewDisposeScope();
                using var single = model.Run(TokenBatch.Of(prompt), RunPlan.Editing(alone(row)));
                sweep.Logits[row].ShouldBeClose(single.Logits[0], $"{alone(row).GetType().Name}, row {row}");
            }
        }

        static (RunPlan, Func<int, Edit>) Sweep(Func<int, Edit> alone)
            => (RunPlan.ForRows([.. Enumerable.Range(0, 3).Select(r => RunPlan.Editing(alone(r)))]), alone);
    }

    [Fact]
    public void Rows_with_the_same_edit_share_it_and_an_empty_plan_leaves_its_row_alone()
    {
        using var model = TextFixtures.Any();
        var prompt = TextFixtures.Prompt(TextFixtures.First());
        var plan = RunPlan.ForRows(RunPlan.Editing(new Scale("language.0.mlp.out", 3)), RunPlan.Empty, RunPlan.Editing(new Scale("language.0.mlp.out", 3)));
        plan.Edits.ShouldHaveSingleItem().Scope.Rows.ShouldBe([0, 2]);
        var batch = TokenBatch.Of([prompt, prompt, prompt]);
        using var edited = model.Run(batch, plan);
        using var plain = model.Run(batch);
        edited.Logits[1].ShouldHaveTheBitsOf(plain.Logits[1], "the row in the middle");
        edited.Logits[0].ShouldBeClose(edited.Logits[2], "rows of the same plan");
        edited.Logits[0].allclose(plain.Logits[0]).ShouldBeFalse();
        Should.Throw<VitrineException>(() => model.Run(TokenBatch.Of([prompt, prompt]), plan)).Message.ShouldContain("3 rows");
        Should.Throw<VitrineException>(() => RunPlan.ForRows(plan)).Message.ShouldContain("names rows 0, 2");
    }

    [Fact]
    public void Values_for_another_number_of_rows_are_refused_before_the_run()
    {
        using var model = TextFixtures.Any();
        Edit[] wrong =
        [
            new Clamp(new NeuronSet([new Neuron(0, 1)]), 1) { Scope = new EditScope { Rows = [1] } },
            new Replace("language.0.resid_post", new EditValue([2, 1, model.Language.Shape.Width], new float[2 * model.Language.Shape.Width])),
            new Zero("language.0.resid_post") { Scope = new EditScope { Rows = [1], Steps = [9] } },
            new Zero("language.0.resid_post") { Scope = new EditScope { Rows = [-1] } },
            new Zero("language.0.resid_post") { Scope = new EditScope { Steps = [-1] } },
        ];
        foreach (var edit in wrong)
        {
            Should.Throw<VitrineException>(() => model.Run(TokenBatch.Of(3, 4), RunPlan.Editing(edit)), edit.ToString()).Message.ShouldContain("language.0");
        }
    }
}
