using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Runs;

/// <summary>Gradients flow through every edit downstream: they equal finite differences in float64.</summary>
public sealed class EditedGradientTests
{
    private const string Upstream = "language.0.resid_post";
    private static readonly string[] Edits = ["none", "clamp", "add", "scale", "zero", "mean", "mean of rows", "project", "project out", "replace", "knock-out",
        "callback"];

    public static TheoryData<string, string> Cases()
    {
        var data = new TheoryData<string, string>();
        foreach (var model in TextFixtures.Decoders())
        {
            foreach (var edit in Edits)
            {
                data.Add(model.Data, edit);
            }
        }

        return data;
    }

    [Theory, MemberData(nameof(Cases))]
    public void A_derivative_through_an_edit_is_the_finite_difference(string name, string edit)
    {
        using var model = TextFixtures.Open(name, ScalarType.Float64);
        using var scope = NewDisposeScope();
        var width = model.Language.Shape.Width;
        var prompt = TextFixtures.Prompt(name)[..6];
        var batch = TokenBatch.Of([prompt, [.. prompt.Reverse()]]);
        Edit[] edits = edit == "none" ? [] : [Make(edit, model)];
        using var run = model.Run(batch, new RunPlan { Gradients = [Upstream], Edits = edits });
        var gradient = run.GradientsOf(Metric)[Address.Parse(Upstream)];
        var direction = new EditValue([2, 6, width], [.. Enumerable.Range(0, 12 * width).Select(i => MathF.Sin((i * 7) + 1))]);
        var expected = (At(1e-4) - At(-1e-4)) / 2e-4;
        var found = (gradient * direction.ToTensor(float64)).sum().item<double>();
        found.ShouldBe(expected, 1e-5 * Math.Max(1, Math.Abs(expected)));
        gradient.abs().max().item<double>().ShouldBeGreaterThan(0);

        double At(double step)
        {
            using var moved = model.Run(batch, RunPlan.Editing([new Add(Upstream, direction, step), .. edits]));
            return Metric(moved).item<double>();
        }
    }

    private static Tensor Metric(Run run) => run.Logits[0, 5, 7] - run.Logits[0, 5, 3] + run.Logits[1, 4, 2];

    private static Edit Make(string edit, TextModel model)
    {
        var width = model.Language.Shape.Width;
        const string At = "language.1.mlp.out";
        var vectors = new EditValue([2, width], [.. Enumerable.Range(0, 2 * width).Select(i => MathF.Cos(i))]);
        var some = new EditScope { Positions = Positions.At(1, 3) };
        return edit switch
        {
            "clamp" => new Clamp(new NeuronSet([new Neuron(1, 2), new Neuron(1, 5)]), 1.5),
            "add" => new Add(At, EditValue.Of([.. vectors.Data.Take(width)])),
            "scale" => new Scale("language.1.attn.z", 2.5),
            "zero" => new Zero("language.1.attn.z") { Scope = new EditScope { Heads = [0] } },
            "mean" => new Mean(At),
            "mean of rows" => new Mean(At) { Over = MeanOver.Rows },
            "project" => new Project("language.1.resid_post", vectors),
            "project out" => new Project("language.1.resid_post", vectors) { Out = true, Scope = some },
            "replace" => new Replace("language.1.resid_post", EditValue.Of([.. vectors.Data.Take(width)])) { Scope = some },
            "knock-out" => new KnockOut("language.1.attn.scores", Positions.First) { Scope = new EditScope { Positions = Positions.Since(2) } },
            "callback" => new CallbackEdit("language.1.resid_post", (x, _) => x.sin()),
            _ => throw new ArgumentOutOfRangeException(nameof(edit)),
        };
    }
}
