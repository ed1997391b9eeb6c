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
        (Edit Together, Func<int, Edit?> Alone)[] sweeps =
        [
            (new Clamp(neurons, []) { PerRow = [[1, 2], [3], [null, -4]] },
                r => r switch { 0 => new Clamp(neurons, [1, 2]), 1 => new Clamp(neurons, 3), _ => new Clamp(new NeuronSet([new Neuron(1, 2)]), -4) }),
            (new Add("language.0.resid_post", vector, 2) { Factors = [0, 0.5, -1] }, r => new Add("language.0.resid_post", vector, 2 * new[] { 0, 0.5, -1 }[r])),
            (new Scale("language.1.attn.z", 2) { Factors = [0.5, 1, 0] }, r => new Scale("language.1.attn.z", 2 * new[] { 0.5, 1, 0 }[r])),
            (new Replace("language.1.resid_pre", rows), r => new Replace("language.1.resid_pre", new EditValue([1, 1, width], [.. rows.Data.Skip(r * width).Take(width)]))),
        ];
        foreach (var (together, alone) in sweeps)
        {
            using var sweep = model.Run(TokenBatch.Of([prompt, prompt, prompt]), RunPlan.Editing(together));
            for (var row = 0; row < 3; row++)
            {
                using var scope = NewDisposeScope();
                using var single = model.Run(TokenBatch.Of(prompt), RunPlan.Editing(alone(row)!));
                sweep.Logits[row].ShouldBeClose(single.Logits[0], $"{together.GetType().Name}, row {row}");
            }
        }
    }

    [Fact]
    public void Values_for_another_number_of_rows_are_refused_before_the_run()
    {
        using var model = TextFixtures.Any();
        Edit[] wrong =
        [
            new Clamp(new NeuronSet([new Neuron(0, 1)]), []) { PerRow = [[1], [2]] },
            new Add("language.0.resid_post", EditValue.Of(new float[model.Language.Shape.Width])) { Factors = [1, 2] },
            new Scale("language.0.resid_post", 1) { Factors = [1, 2] },
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
