using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers;

/// <summary>What must hold in every family of models that read pictures and texts.</summary>
public sealed class VisionLanguageTests
{
    public static TheoryData<string> Models() => Seeing.Models();

    [Theory, MemberData(nameof(Models))]
    public void Tokens_of_one_picture_keep_their_bits_when_the_other_picture_is_edited(string name)
    {
        using var model = Seeing.Open(name);
        var (ids, pictures) = Seeing.OneAndTwoPictures(name)[1];
        var batch = TokenBatch.Of([ids]).With([[.. pictures]]);
        var tower = model.Towers[0].Shape.Name;
        RunPlan Editing(params int[] chosen) => new()
        {
            Capture = ["projector.out", "language.embed"],
            Edits = [new Scale($"{tower}.0.mlp.neurons", 3) { Scope = new EditScope { Pictures = chosen } }],
        };
        using var plain = model.Run(batch, RunPlan.Capturing("projector.out", "language.embed"));
        using var edited = model.Run(batch, Editing(1));
        using var other = model.Run(batch, Editing(0));
        var half = plain["projector.out"].numel() / 2;
        edited["projector.out"].flatten()[..(int)half].ShouldHaveTheBitsOf(plain["projector.out"].flatten()[..(int)half], "the first picture");
        other["projector.out"].flatten()[(int)half..].ShouldHaveTheBitsOf(plain["projector.out"].flatten()[(int)half..], "the second picture");
        edited["projector.out"].allclose(plain["projector.out"]).ShouldBeFalse("the second picture was edited");
        other["projector.out"].allclose(plain["projector.out"]).ShouldBeFalse("the first picture was edited");
        edited.Logits.allclose(plain.Logits).ShouldBeFalse();
    }

    [Theory, MemberData(nameof(Models))]
    public void A_row_of_edits_in_the_tower_acts_on_all_pictures_of_that_row_alone(string name)
    {
        using var model = Seeing.Open(name);
        var (ids, pictures) = Seeing.OneAndTwoPictures(name)[1];
        var batch = TokenBatch.Of([ids, ids]).With([[.. pictures], [.. pictures]]);
        var (tower, width) = (model.Towers[0].Shape.Name, model.Towers[0].Shape.Width);
        var vector = EditValue.Of([.. Enumerable.Range(0, width).Select(i => MathF.Sin(i))]);
        Edit[][] kinds =
        [
            [new Scale($"{tower}.0.attn.z", 2), new Scale($"{tower}.0.attn.z", 3)],
            [new Add($"{tower}.0.resid_post", vector, 2), new Add($"{tower}.0.resid_post", vector, -1)],
            [new Clamp(new NeuronSet([new Neuron(0, 1)], tower), 4), new Clamp(new NeuronSet([new Neuron(0, 2)], tower), 5)],
        ];
        foreach (var kind in kinds)
        {
            using var together = model.Run(batch, RunPlan.ForRows(RunPlan.Editing(kind[0]), RunPlan.Editing(kind[1])));
            for (var row = 0; row < 2; row++)
            {
                using var alone = model.Run(batch, RunPlan.Editing(kind[row] with { Scope = new EditScope { Rows = [row] } }));
                together.Logits[row].ShouldHaveTheBitsOf(alone.Logits[row], $"{kind[row]} in row {row}");
                using var everywhere = model.Run(batch, RunPlan.Editing(kind[row]));
                together.Logits[row].ShouldHaveTheBitsOf(everywhere.Logits[row], $"{kind[row]} in every row");
            }
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void Rows_with_other_numbers_of_pictures_answer_as_if_alone_padded_on_either_side(string name)
    {
        using var model = Seeing.Open(name);
        var prompts = Seeing.OneAndTwoPictures(name);
        foreach (var left in (bool[])[false, true])
        {
            var batch = TokenBatch.Of([.. prompts.Select(p => p.Ids)], padLeft: left).With([.. prompts.Select(p => p.Pictures)]);
            using var together = model.Run(batch);
            using var generated = model.Generate(batch, 3);
            for (var row = 0; row < prompts.Length; row++)
            {
                var own = TokenBatch.Of([prompts[row].Ids]).With([prompts[row].Pictures]);
                using var alone = model.Run(own);
                using var found = together.Logits[row].narrow(0, batch.Positions[row].TakeWhile(p => p < 0).Count(), prompts[row].Ids.Count);
                found.ShouldBeClose(alone.Logits[0], $"row {row}, padded on the {(left ? "left" : "right")}");
                using var goesOn = model.Generate(own, 3);
                generated.Run.Logits[row].ShouldBeClose(goesOn.Run.Logits[0], $"generated in row {row}");
            }
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void Decoding_with_a_cache_gives_what_one_pass_over_the_whole_text_gives(string name)
    {
        using var model = Seeing.Open(name);
        var (ids, pictures) = Seeing.OneAndTwoPictures(name)[1];
        const int Count = 4;
        var plan = RunPlan.Editing(new Scale("language.1.mlp.out", 1.5), new Scale($"{model.Towers[0].Shape.Name}.1.mlp.out", 1.5));
        using var generation = model.Generate(TokenBatch.Of([ids]).With([pictures]), Count, plan);
        int[] whole = [.. ids, .. generation.Ids[0].SkipLast(1)];
        // What was generated stands behind the prompt: where the prompt sees itself both ways, it has type 1.
        var types = model.Language.Spec.Attention.Mask == Vitrine.Transformers.Engine.AttentionMask.Prefix
            ? new[] { whole.Select((_, i) => i < ids.Count ? 0L : 1L).ToArray() }
            : null;
        var batch = TokenBatch.Masked([whole], [[.. whole.Select(_ => 1L)]], segments: types).With([pictures]);
        using var pass = model.Run(batch, plan);
        generation.Run.Logits[0].ShouldBeClose(pass.Logits[0].narrow(0, ids.Count - 1, Count));
    }

    [Theory, MemberData(nameof(Models))]
    public void A_run_from_a_cached_residual_and_one_that_stops_early_agree_with_the_whole(string name)
    {
        using var model = Seeing.Open(name);
        var batch = Seeing.Batch(name);
        var shape = model.Language.Shape;
        using var whole = model.Run(batch, new RunPlan { Capture = [.. RunStart.Needs(shape, 1, 2, decoding: true), "language.2.resid_pre"] });
        using var part = model.Run(batch, from: RunStart.From(whole, shape, 1, 2));
        part.Logits[0].ShouldBeClose(whole.Logits[0].narrow(0, 2, batch.Ids[0].Count - 2));
        using var stopped = model.Run(batch, new RunPlan { StopAfter = 1 });
        stopped.Residual.ShouldBeClose(whole["language.2.resid_pre"], "what a model adds behind the block is added");
        using var decoded = model.Generate(batch, 3);
        using var from = model.Generate(batch, new GenerationOptions(3), from: RunStart.From(whole, shape, 1, 2));
        from.Run.Logits.ShouldBeClose(decoded.Run.Logits);
        Should.Throw<VitrineException>(() => model.Run(batch, RunPlan.Capturing("projector.out"), RunStart.From(whole, shape, 1)))
            .Message.ShouldContain("does not reach it");
    }

    [Theory, MemberData(nameof(Models))]
    public void Gradients_reach_the_pixels_side_through_the_decoder(string name)
    {
        using var model = Seeing.Open(name, new ModelOptions { Dtype = ScalarType.Float64 });
        var batch = Seeing.Batch(name);
        var (tower, layer) = (model.Towers[0].Shape.Name, 0);
        var place = $"{tower}.{layer}.resid_post";
        using var run = model.Run(batch, new RunPlan { Gradients = [place, "projector.out"] });
        var gradients = run.GradientsOf(r => r.Logits[0, -1, 5] - r.Logits[0, -1, 7]);
        using var direction = randn_like(run[place]);
        // A central difference along a random direction: the derivative is the product of direction and gradient, up to the square of the step.
        const double Step = 1e-4;
        double Metric(double step)
        {
            using var moved = model.Run(batch, RunPlan.Editing(new CallbackEdit(place, (x, _) => x + (direction * step))));
            using var difference = moved.Logits[0, -1, 5] - moved.Logits[0, -1, 7];
            return difference.item<double>();
        }

        var expected = (gradients[Address.Parse(place)] * direction).sum().item<double>();
        ((Metric(Step) - Metric(-Step)) / (2 * Step)).ShouldBe(expected, 1e-5 * Math.Max(1, Math.Abs(expected)));
        gradients[Address.Parse("projector.out")].abs().max().item<double>().ShouldBeGreaterThan(0);
    }

    [Theory, MemberData(nameof(Models))]
    public void Kinds_of_tokens_name_pictures_and_words(string name)
    {
        using var model = Seeing.Open(name);
        var (ids, pictures) = Seeing.OneAndTwoPictures(name)[1];
        var batch = TokenBatch.Of([ids]).With([pictures]);
        using var plain = model.Run(batch, RunPlan.Capturing("language.embed"));
        foreach (var kind in (string[])["image", "image.1", "text"])
        {
            var zero = new Zero("language.embed") { Scope = new EditScope { Positions = Positions.Of(kind) } };
            using var edited = model.Run(batch, RunPlan.Capturing("language.embed") with { Edits = [zero] });
            using var zeroed = edited["language.embed"][0].eq(0).all(dim: -1);
            var found = zeroed.data<bool>().ToArray();
            var placeholder = ids.GroupBy(id => id).MaxBy(g => g.Count())!.Key;
            var seen = 0;
            var tokens = ids.Count(id => id == placeholder) / 2;
            bool[] expected = [.. ids.Select(id => kind switch
            {
                "image" => id == placeholder,
                "image.1" => id == placeholder && seen++ >= tokens,
                _ => id != placeholder,
            })];
            found.ShouldBe(expected, kind);
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void Other_placeholders_than_pictures_are_refused_with_both_counts(string name)
    {
        using var model = Seeing.Open(name);
        var batch = Seeing.Batch(name);
        var (ids, picture) = (batch.Ids[0], batch.Pictures![0][0]);
        var placeholder = ids.GroupBy(id => id).MaxBy(g => g.Count())!.Key;
        var tokens = ids.Count(id => id == placeholder);
        Should.Throw<VitrineException>(() => model.Run(TokenBatch.Of([ids]))).Message.ShouldStartWith(
            $"prompt 0: has {tokens} picture tokens (id {placeholder}, image_token_id or image_token_index of config.json); its 0 pictures take 0");
        Should.Throw<VitrineException>(() => model.Run(TokenBatch.Of([ids]).With([[picture, picture]]))).Message.ShouldBe(
            $"prompt 0: has {tokens} picture tokens (id {placeholder}, image_token_id or image_token_index of config.json); its 2 pictures take {2 * tokens}.");
        Should.Throw<VitrineException>(() => model.Run(TokenBatch.Of([[.. ids.SkipLast(1), placeholder]]).With([[picture]]))).Message.ShouldBe(
            $"prompt 0: has {tokens + 1} picture tokens (id {placeholder}, image_token_id or image_token_index of config.json); its 1 pictures take {tokens}.");
        Should.Throw<VitrineException>(() => batch.With([[picture], [picture]])).Message.ShouldContain("2 rows for 1 prompts");
    }

    [Theory, MemberData(nameof(Models))]
    public void Words_alone_run_no_tower_and_a_plan_for_it_is_refused(string name)
    {
        using var model = Seeing.Open(name);
        var batch = TokenBatch.Of(5, 6, 7);
        if (model.Language.Spec.Attention.Mask == Vitrine.Transformers.Engine.AttentionMask.Prefix)
        {
            Should.Throw<VitrineException>(() => model.Run(batch)).Message.ShouldContain("0 pictures");
            return;
        }

        using var run = model.Run(batch, RunPlan.Capturing("*.*.resid_post"));
        run.Activations.Keys.ShouldAllBe(a => a.Stack == "language");
        Should.Throw<VitrineException>(() => model.Run(batch, RunPlan.Capturing("projector.out"))).Message.ShouldContain("does not reach it");
    }

    [Theory, MemberData(nameof(Models))]
    public void Pictures_are_named_only_where_pictures_are_read(string name)
    {
        using var model = Seeing.Open(name);
        var edit = new Scale("language.0.mlp.out", 2) { Scope = new EditScope { Pictures = [0] } };
        Should.Throw<VitrineException>(() => model.Run(Seeing.Batch(name), RunPlan.Editing(edit))).Message.ShouldContain("'language.0.mlp.out'");
        RunPlan.FromJson(RunPlan.Editing(edit).ToJson()).Edits.ShouldBe([edit]);
    }

    [Theory, MemberData(nameof(Models))]
    public void An_edit_of_pictures_that_no_row_has_is_told(string name)
    {
        using var model = Seeing.Open(name);
        var (one, two) = (Seeing.OneAndTwoPictures(name)[0], Seeing.OneAndTwoPictures(name)[1]);
        var batch = TokenBatch.Of([one.Ids, two.Ids]).With([one.Pictures, two.Pictures]);
        var at = $"{model.Towers[0].Shape.Name}.0.mlp.out";
        EditScope[] scopes =
        [
            new() { Pictures = [0], Rows = [0] }, new() { Pictures = [1], Rows = [0] }, new() { Pictures = [1], Rows = [1] }, new() { Pictures = [2] },
            new() { Pictures = [] }, new() { Positions = Positions.At(9999) }, new() { Rows = [1], Positions = Positions.At(0) },
        ];
        using var run = model.Run(batch, RunPlan.Editing([.. scopes.Select(s => new Scale(at, 2) { Scope = s })]));
        run.UntouchedEdits.Select(e => e.Index).ShouldBe([1, 3, 4, 5]);
    }

    /// <remarks>Also where all patches of all pictures are one sequence.</remarks>
    [Theory, MemberData(nameof(Models))]
    public void Positions_in_a_tower_are_those_of_each_picture(string name)
    {
        using var model = Seeing.Open(name);
        var two = Seeing.OneAndTwoPictures(name)[1];
        var batch = TokenBatch.Of([two.Ids]).With([two.Pictures]);
        var at = $"{model.Towers[0].Shape.Name}.0.mlp.out";
        using var plain = model.Run(batch, RunPlan.Capturing(at));
        var frames = plain[at].shape[0] == 1 ? 2 : plain[at].shape[0];                                     // of one sequence, the pictures
        foreach (var (positions, place) in new[] { (Positions.At(1), 1L), (Positions.At(-1), -1L), (Positions.Last, -1L) })
        {
            using var edited = model.Run(batch, new RunPlan { Capture = [at], Edits = [new Zero(at) { Scope = new EditScope { Positions = positions } }] });
            using var changed = edited[at].ne(plain[at]).any(-1).reshape(frames, -1);
            changed.sum().item<long>().ShouldBe(frames, $"{positions}");
            changed.select(1, place).all().item<bool>().ShouldBeTrue($"{positions}");
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void Parts_of_the_residual_sum_to_it_pictures_included(string name)
    {
        using var model = Seeing.Open(name);
        using var cache = Vitrine.Transformers.Caches.ActivationCache.Of(model, Seeing.Batch(name));
        using var parts = cache.Decompose();
        using var everything = cache.Full();
        foreach (var part in new[] { parts, everything })
        {
            using var sum = part.Values.sum(0L);
            sum.ShouldBeClose(cache[$"language.{model.Language.Shape.Layers - 1}.resid_post"]);
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void Edits_that_do_nothing_on_the_picture_s_side_change_no_bit(string name)
    {
        using var model = Seeing.Open(name);
        var batch = Seeing.Batch(name);
        var tower = model.Towers[0].Shape;
        using var plain = model.Run(batch);
        var width = Enumerable.Repeat(1f, tower.Width).ToArray();
        Edit[] nothing =
        [
            new Add($"{tower.Name}.*.resid_post", EditValue.Of(width), Factor: 0), new Scale("projector.out", 1), new Scale($"{tower.Name}.*.mlp.neurons", 1),
            new Zero($"{tower.Name}.*.resid_post") { Scope = new EditScope { Pictures = [1] } }, new Clamp(new NeuronSet([], tower.Name), 5),
        ];
        foreach (var edit in nothing)
        {
            using var edited = model.Run(batch, RunPlan.Editing(edit));
            edited.Logits.ShouldHaveTheBitsOf(plain.Logits, edit.ToString());
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void Decoding_with_pictures_stays_on_the_device(string name)
    {
        using var model = Seeing.Open(name, new ModelOptions { Device = META });
        var prompts = Seeing.OneAndTwoPictures(name);
        var batch = TokenBatch.Of([.. prompts.Select(p => p.Ids)]).With([.. prompts.Select(p => p.Pictures)]);
        RunPlan[] rows = [.. new[] { 2, 3 }.Select(factor => RunPlan.Editing(new Scale($"{model.Towers[0].Shape.Name}.0.mlp.out", factor)))];
        var plan = RunPlan.ForRows(rows) with { Capture = ["*.*.*@*", "*.*@*"] };
        using var generation = model.Generate(batch, 3, plan);
        generation.Run.Logits.shape.ShouldBe([2, 3, model.Language.Shape.Vocabulary]);
        generation.Run.Activations.Values.ShouldAllBe(t => t.device_type == TorchSharp.DeviceType.META);
    }
}
