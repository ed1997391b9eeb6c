using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Runs;

/// <summary>Runs that start from what another kept, or stop early, are parts of the full run.</summary>
public sealed class RunRangeTests
{
    public static TheoryData<string> Decoders() => TextFixtures.Decoders();

    [Theory, MemberData(nameof(Decoders))]
    public void A_run_from_a_cached_residual_is_the_full_run_bit_by_bit(string name)
    {
        using var model = TextFixtures.Open(name);
        var shape = model.Language.Shape;
        var prompt = TextFixtures.Prompt(name);
        var batch = TokenBatch.Of([prompt, prompt[..4]]);
        var edit = RunPlan.Editing(new Zero($"language.{shape.Layers - 1}.attn.z") { Scope = new EditScope { Heads = [0] } });
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            using var full = model.Run(batch, new RunPlan { Capture = [.. RunStart.Needs(shape, layer)] });
            var start = RunStart.From(full, shape, layer);
            using var part = model.Run(batch, from: start);
            part.Logits.ShouldHaveTheBitsOf(full.Logits, $"{name} from block {layer}");
            using var edited = model.Run(batch, edit);
            using var editedPart = model.Run(batch, edit, start);
            editedPart.Logits.ShouldHaveTheBitsOf(edited.Logits, $"{name} edited, from block {layer}");
        }
    }

    [Theory, MemberData(nameof(Decoders))]
    public void A_run_from_a_column_is_the_rest_of_the_full_run(string name)
    {
        using var model = TextFixtures.Open(name);
        var shape = model.Language.Shape;
        var prompt = TextFixtures.Prompt(name);
        foreach (var batch in new[] { TokenBatch.Of(prompt), TokenBatch.Of([prompt, prompt[..5]], padLeft: true), TokenBatch.Of([prompt, prompt[..5]]) })
        {
            foreach (var layer in new[] { 0, shape.Layers - 1 })
            {
                const int Column = 4;
                using var scope = NewDisposeScope();
                using var full = model.Run(batch, new RunPlan { Capture = [.. RunStart.Needs(shape, layer, Column)] });
                using var part = model.Run(batch, from: RunStart.From(full, shape, layer, Column));
                var valid = tensor([.. batch.Positions.SelectMany(r => r.Skip(Column)).Select(p => p >= 0)], [batch.Ids.Count, prompt.Length - Column, 1]);
                (part.Logits * valid).ShouldBeClose(full.Logits.narrow(1, Column, prompt.Length - Column) * valid, $"{name} from block {layer}");
            }
        }
    }

    [Theory, MemberData(nameof(Decoders))]
    public void One_cached_row_serves_a_sweep_of_edited_rows(string name)
    {
        using var model = TextFixtures.Open(name);
        var shape = model.Language.Shape;
        var prompt = TextFixtures.Prompt(name);
        using var clean = model.Run(TokenBatch.Of(prompt), new RunPlan { Capture = [.. RunStart.Needs(shape, 1, 3)] });
        var sweep = RunPlan.ForRows([.. new[] { 0.5, 1, 2 }.Select(f => RunPlan.Editing(
            new Scale("language.1.resid_pre", f) { Scope = new EditScope { Positions = Positions.At(3) } }))]);
        var batch = TokenBatch.Of([prompt, prompt, prompt]);
        using var full = model.Run(batch, sweep);
        using var part = model.Run(batch, sweep, RunStart.From(clean, shape, 1, 3));
        part.Logits.ShouldBeClose(full.Logits.narrow(1, 3, prompt.Length - 3));
    }

    [Theory, MemberData(nameof(Decoders))]
    public void A_run_that_stops_early_computes_nothing_behind_and_the_same_before(string name)
    {
        using var model = TextFixtures.Open(name);
        var shape = model.Language.Shape;
        var batch = TokenBatch.Of(TextFixtures.Prompt(name));
        using var full = model.Run(batch, RunPlan.Capturing("language.*.resid_post"));
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            using var part = model.Run(batch, new RunPlan { Capture = ["language.*.resid_post"], StopAfter = layer });
            part.Residual.ShouldHaveTheBitsOf(full[$"language.{layer}.resid_post"], $"block {layer}");
            part.Activations.Count.ShouldBe(layer + 1);
            Should.Throw<VitrineException>(() => part.Logits).Message.ShouldContain($"after block {layer}");
        }

        using var range = model.Run(batch, new RunPlan { StopAfter = 1 }, RunStart.At(1, full["language.0.resid_post"]));
        range.Residual.ShouldHaveTheBitsOf(full["language.1.resid_post"], "one block alone");
    }

    [Fact]
    public void What_a_run_does_not_compute_is_refused_with_the_reason()
    {
        using var model = TextFixtures.Any();
        var shape = model.Language.Shape;
        var batch = TokenBatch.Of(3, 4, 5);
        using var full = model.Run(batch, RunPlan.Capturing("language.1.resid_pre"));
        var start = RunStart.From(full, shape, 1);
        Refused(() => model.Run(batch, RunPlan.Capturing("language.0.mlp.out"), start), "does not reach it");
        Refused(() => model.Run(batch, RunPlan.Capturing("language.embed"), start), "does not reach it");
        Refused(() => model.Run(batch, new RunPlan { Capture = ["language.1.mlp.out"], StopAfter = 0 }), "does not reach it");
        Refused(() => model.Run(batch, new RunPlan { Edits = [new Zero("language.logits")], StopAfter = 0 }), "does not reach it");
        Refused(() => model.Run(batch, new RunPlan { StopAfter = shape.Layers }), $"has {shape.Layers}");
        Refused(() => model.Run(batch, new RunPlan { StopAfter = 0 }, start), "starts at block 1 and stops after block 0");
        Refused(() => model.Run(TokenBatch.Of(3, 4), RunPlan.Empty, start), "the batch asks for");
        Refused(() => model.Generate(batch, 2, new RunPlan { StopAfter = 0 }), "cannot stop before its end");
        Refused(() => RunStart.From(full, shape, 0), "language.0.resid_pre");
        using var all = model.Run(batch, new RunPlan { Capture = [.. RunStart.Needs(shape, 1, 1)] });
        Refused(() => RunStart.From(all, shape, 1, 3), "column 3");
        Refused(() => RunStart.From(full, shape, 1, 2), "was not captured");
        Refused(() => model.Run(TokenBatch.Of([[3, 4, 5], [3, 4, 5]]), RunPlan.Empty, RunStart.At(1, full["language.1.resid_pre"].repeat(3, 1, 1))),
            "3 cached rows");
    }

    private static void Refused(Action run, string why) => Should.Throw<VitrineException>(run).Message.ShouldContain(why);
}
