using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers;

/// <summary>
/// What must hold in every family, whatever the weights: one suite, run for each fixture in float32, bfloat16 and float16, alone and padded on either side.
/// </summary>
/// <remarks>Bounds of 16 bits are stated in u, the rounding of one number: 2^-8 in bfloat16, 2^-11 in float16.</remarks>
public sealed class InvariantTests
{
    public static TheoryData<string, ScalarType, Layout> Models() => Subject.Everywhere();

    [Theory, MemberData(nameof(Models))]
    public void Rows_of_a_pattern_sum_to_1(string name, ScalarType dtype, Layout layout)
    {
        using var model = Subject.Open(name, dtype, layout: layout);
        using var run = model.Run(RunPlan.Capturing("*.*.attn.pattern"));
        foreach (var (address, pattern) in run.Activations)
        {
            using var scope = NewDisposeScope();
            var sums = model.Own(pattern, PointAxes.Attention).to(float32).sum(-1);
            (sums - 1).abs().max().item<float>().ShouldBeLessThan(1e-5f + Unit(dtype), $"{address}: each number is off by u of itself at most");
        }
    }

    /// <remarks>Padded or not, in whatever precision: what stands behind a token, and padding, has no part in it.</remarks>
    [Theory, MemberData(nameof(Models))]
    public void Nobody_attends_to_what_is_hidden_and_every_number_is_finite(string name, ScalarType dtype, Layout layout)
    {
        using var model = Subject.Open(name, dtype, layout: layout);
        foreach (var plan in new[] { RunPlan.Empty, new RunPlan { ExplicitAttention = true } })
        {
            using var scope = NewDisposeScope();
            using var run = model.Run(plan with { Capture = ["*.*.*"] });
            run.Logits.isfinite().all().item<bool>().ShouldBeTrue("logits");
            foreach (var (address, value) in run.Activations)
            {
                value.isfinite().all().item<bool>().ShouldBeTrue($"{address}, padding included");
                if (address.Point == Point.AttnPattern && model.Positions is { } positions)
                {
                    var isCausal = model.Stack.Specs[address.Layer!.Value].Attention.Mask == AttentionMask.Causal;
                    foreach (var (row, own) in positions.Index())
                    {
                        for (var i = 0; i < own.Count; i++)
                        {
                            bool[] hidden = [.. own.Select(p => p < 0 || (isCausal && p > own[i]))];
                            var seen = value[row, .., i].masked_select(tensor(hidden));
                            (own[i] < 0 || seen.count_nonzero().item<long>() == 0).ShouldBeTrue($"{address} row {row} query {i}");
                        }
                    }
                }
            }
        }
    }

    /// <remarks>
    /// In 16 bits the pattern that is read is made of rounded scores, off by 2 u of the largest (scaled query, product), which moves a weight by 4 u of it; the
    /// weights and z are rounded themselves.
    /// </remarks>
    [Theory, MemberData(nameof(Models))]
    public void A_pattern_times_the_values_is_z(string name, ScalarType dtype, Layout layout)
    {
        using var model = Subject.Open(name, dtype, layout: layout);
        using var run = model.Run(RunPlan.Capturing("*.*.attn.*"));
        for (var layer = 0; layer < model.Shape.Layers; layer++)
        {
            using var scope = NewDisposeScope();
            var v = run[$"{model.Shape.Name}.{layer}.attn.v"].to(float32).transpose(1, 2)
                .repeat_interleave(model.Shape.Heads / model.Shape.KeyValueHeads, dim: 1);
            var z = run[$"{model.Shape.Name}.{layer}.attn.pattern"].to(float32).matmul(v).transpose(1, 2);
            var expected = run[$"{model.Shape.Name}.{layer}.attn.z"].to(float32);
            var largest = Math.Max(1, run[$"{model.Shape.Name}.{layer}.attn.scores"].to(float32).abs().max().item<float>());
            var bound = (5e-5f * Math.Max(1, expected.abs().max().item<float>())) + (Unit(dtype) * (2 + (4 * largest)) * v.abs().max().item<float>());
            (model.Own(z, PointAxes.Heads) - model.Own(expected, PointAxes.Heads)).abs().max().item<float>().ShouldBeLessThan(bound, $"layer {layer}");
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void The_residual_adds_up(string name, ScalarType dtype, Layout layout)
    {
        using var model = Subject.Open(name, dtype, layout: layout);
        using var run = model.Run(RunPlan.Capturing("*.*.*", "*.embed"));
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
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void Replacing_a_point_by_its_own_value_changes_nothing(string name, ScalarType dtype, Layout layout)
    {
        using var model = Subject.Open(name, dtype, layout: layout);
        // Scores and patterns exist only in the explicit form of attention, which rounds differently from the fused kernel: both runs use it.
        using var plain = model.Run(new RunPlan { Capture = ["*.*.*", "*.*"], ExplicitAttention = true });
        // Everywhere in float32 alone; elsewhere at the last block and around the blocks.
        var isWhole = dtype == ScalarType.Float32 && layout == Layout.Alone;
        foreach (var (address, value) in plain.Activations.Where(a => isWhole || a.Key.Layer is null || a.Key.Layer == model.Shape.Layers - 1))
        {
            using var replayed = model.Run(new RunPlan { Edits = [new Replace(address, value)], ExplicitAttention = true });
            replayed.Logits.ShouldHaveTheBitsOf(plain.Logits, address.ToString());
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void Zero_dose_and_edits_that_do_nothing_change_no_bit(string name, ScalarType dtype, Layout layout)
    {
        using var model = Subject.Open(name, dtype, layout: layout);
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
    public void Capture_changes_nothing(string name, ScalarType dtype, Layout layout)
    {
        using var model = Subject.Open(name, dtype, layout: layout);
        using var plain = model.Run(RunPlan.Empty);
        using var watched = model.Run(RunPlan.Capturing("*.*.*", "*.*"));
        watched.Logits.ShouldHaveTheBitsOf(plain.Logits, "everything captured");
        watched.Activations.Count.ShouldBe(model.Stacks.Sum(s => s.Places().Count()));
    }

    [Theory, MemberData(nameof(Models))]
    public void An_edit_of_one_row_leaves_the_other_rows_alone(string name, ScalarType dtype, Layout layout)
    {
        using var model = Subject.Open(name, dtype, layout: layout);
        using var plain = model.RunTwice(RunPlan.Empty);
        using var edited = model.RunTwice(RunPlan.Editing(new Scale($"{model.Shape.Name}.0.mlp.neurons", 3) { Scope = new EditScope { Rows = [0] } }));
        edited.Logits[1].ShouldHaveTheBitsOf(plain.Logits[1], "row 1");
        edited.Logits[0].allclose(plain.Logits[0]).ShouldBeFalse("row 0 was edited");
    }

    [Theory, MemberData(nameof(Models))]
    public void An_edit_acts_only_where_its_scope_says(string name, ScalarType dtype, Layout layout)
    {
        using var model = Subject.Open(name, dtype, layout: layout);
        var address = $"{model.Shape.Name}.0.mlp.neurons";
        using var plain = model.Run(RunPlan.Capturing(address));
        var scope = new EditScope { Positions = Positions.At(2), Neurons = [1, 4] };
        using var edited = model.Run(new RunPlan { Capture = [address], Edits = [new Zero(address) { Scope = scope }] });
        using var changed = edited[address].ne(plain[address]).nonzero();
        var places = changed.data<long>().ToArray().Chunk(3).ToArray();
        places.ShouldAllBe(p => (model.Positions == null ? p[1] : model.Positions[(int)p[0]][(int)p[1]]) == 2 && (p[2] == 1 || p[2] == 4));
        places.ShouldNotBeEmpty();
    }

    /// <summary>Rounding of one number, as a share of it; 0 where the bounds of float32 hold.</summary>
    private static float Unit(ScalarType dtype) => dtype switch { ScalarType.BFloat16 => 1f / 256, ScalarType.Float16 => 1f / 2048, _ => 0 };
}
