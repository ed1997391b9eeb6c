using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers;

/// <summary>What must hold in every family, whatever the weights: one suite, run for each fixture.</summary>
public sealed class InvariantTests
{
    public static TheoryData<string> Models() => Subject.Names();

    [Theory, MemberData(nameof(Models))]
    public void Rows_of_a_pattern_sum_to_1(string name)
    {
        using var model = Subject.Open(name);
        using var run = model.Run(RunPlan.Capturing("*.*.attn.pattern"));
        foreach (var pattern in run.Activations.Values)
        {
            using var sums = pattern.sum(-1);
            (sums - 1).abs().max().item<float>().ShouldBeLessThan(1e-5f);
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void A_pattern_times_the_values_is_z(string name)
    {
        using var model = Subject.Open(name);
        using var run = model.Run(RunPlan.Capturing("*.*.attn.*"));
        for (var layer = 0; layer < model.Shape.Layers; layer++)
        {
            using var scope = NewDisposeScope();
            var v = run[$"{model.Shape.Name}.{layer}.attn.v"].transpose(1, 2).repeat_interleave(model.Shape.Heads / model.Shape.KeyValueHeads, dim: 1);
            var z = run[$"{model.Shape.Name}.{layer}.attn.pattern"].matmul(v).transpose(1, 2);
            z.ShouldBeClose(run[$"{model.Shape.Name}.{layer}.attn.z"]);
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void The_residual_adds_up(string name)
    {
        using var model = Subject.Open(name);
        using var run = model.Run(RunPlan.Capturing("*.*.*", "*.*"));
        using var scope = NewDisposeScope();
        var stream = run[$"{model.Shape.Name}.embed"].clone();
        for (var layer = 0; layer < model.Shape.Layers; layer++)
        {
            var at = $"{model.Shape.Name}.{layer}";
            var (post, weights) = (model.Shape.Points.Contains(Point.AttnOutPost) ? "_post" : "", model.Stack.Blocks[layer].Weights);
            if (model.Shape.Points.Contains(Point.ResidMid))
            {
                stream = weights.AttentionPostNorm.Of(stream + run[$"{at}.attn.out{post}"]);
                stream.ShouldBeClose(run[$"{at}.resid_mid"]);
            }
            else
            {
                stream = stream + run[$"{at}.attn.out{post}"];
            }

            stream = weights.MlpPostNorm.Of(stream + run[$"{at}.mlp.out{post}"]);
            stream.ShouldBeClose(run[$"{at}.resid_post"]);
            if (run.Activations.Keys.Select(k => k.ToString()).FirstOrDefault(k => k == $"{model.Shape.Name}.deepstack.{layer}") is { } added)
            {
                stream += run[added];
            }
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void Replacing_a_point_by_its_own_value_changes_nothing(string name)
    {
        using var model = Subject.Open(name);
        // Scores and patterns exist only in the explicit form of attention, which rounds differently from the fused kernel: both runs use it.
        using var plain = model.Run(new RunPlan { Capture = ["*.*.*", "*.*"], ExplicitAttention = true });
        foreach (var (address, value) in plain.Activations)
        {
            using var replayed = model.Run(new RunPlan { Edits = [new Replace(address, value)], ExplicitAttention = true });
            replayed.Logits.ShouldHaveTheBitsOf(plain.Logits, address.ToString());
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void Zero_dose_and_edits_that_do_nothing_change_no_bit(string name)
    {
        using var model = Subject.Open(name);
        using var plain = model.Run(RunPlan.Empty);
        var width = Enumerable.Repeat(1f, model.Shape.Width).ToArray();
        Edit[] nothing =
        [
            new Add($"{model.Shape.Name}.*.resid_post", EditValue.Of(width), Factor: 0),
            new Scale($"{model.Shape.Name}.*.mlp.neurons", 1),
            new Zero($"{model.Shape.Name}.*.attn.z") { Scope = new EditScope { Heads = [] } },
            new Clamp(new NeuronSet([], model.Shape.Name), 5),
            new Zero($"{model.Shape.Name}.*.resid_post") { Scope = new EditScope { Steps = [3] } },
            new CallbackEdit($"{model.Shape.Name}.*.mlp.out", (x, _) => x),
        ];
        foreach (var edit in nothing)
        {
            using var edited = model.Run(RunPlan.Editing(edit));
            edited.Logits.ShouldHaveTheBitsOf(plain.Logits, edit.ToString());
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void Capture_changes_nothing(string name)
    {
        using var model = Subject.Open(name);
        using var plain = model.Run(RunPlan.Empty);
        using var watched = model.Run(RunPlan.Capturing("*.*.*", "*.*"));
        watched.Logits.ShouldHaveTheBitsOf(plain.Logits, "everything captured");
        watched.Activations.Count.ShouldBe(model.Stacks.Sum(s => s.Places().Count()));
    }

    [Theory, MemberData(nameof(Models))]
    public void An_edit_of_one_row_leaves_the_other_rows_alone(string name)
    {
        using var model = Subject.Open(name);
        using var plain = model.RunTwice(RunPlan.Empty);
        using var edited = model.RunTwice(RunPlan.Editing(new Scale($"{model.Shape.Name}.0.mlp.neurons", 3) { Scope = new EditScope { Rows = [0] } }));
        edited.Logits[1].ShouldHaveTheBitsOf(plain.Logits[1], "row 1");
        edited.Logits[0].allclose(plain.Logits[0]).ShouldBeFalse("row 0 was edited");
    }

    [Theory, MemberData(nameof(Models))]
    public void An_edit_acts_only_where_its_scope_says(string name)
    {
        using var model = Subject.Open(name);
        var address = $"{model.Shape.Name}.0.mlp.neurons";
        using var plain = model.Run(RunPlan.Capturing(address));
        var scope = new EditScope { Positions = Positions.At(2), Neurons = [1, 4] };
        using var edited = model.Run(new RunPlan { Capture = [address], Edits = [new Zero(address) { Scope = scope }] });
        using var changed = edited[address].ne(plain[address]).nonzero();
        var places = changed.data<long>().ToArray().Chunk(3).ToArray();
        places.ShouldAllBe(p => p[1] == 2 && (p[2] == 1 || p[2] == 4));
        places.ShouldNotBeEmpty();
    }
}
