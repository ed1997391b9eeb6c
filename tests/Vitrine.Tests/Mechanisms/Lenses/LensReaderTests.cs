using Vitrine.Mechanisms.Lenses;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Lenses;

public sealed class LensReaderTests
{
    private const double Bound = 5e-5;

    public static TheoryData<string> Texts() => Subjects.Texts();

    public static TheoryData<string> Classifiers() => Subjects.Classifiers();

    public static TheoryData<string> Policies() => Subjects.Policies();

    [Theory, MemberData(nameof(Texts))]
    public void Behind_the_last_block_a_text_model_says_its_answer_at_every_position(string name)
    {
        using var model = Subjects.Text(name);
        var subject = Subjects.Prompt(model, name);
        using var run = subject.Run();
        var reading = LensReader.Read(subject, options: new LensOptions { Count = 3, Mid = true });
        reading.Places.Count.ShouldBe((int)run.Run.Logits.shape[1]);
        foreach (var place in reading.Places)
        {
            place.Cells[0].State.ShouldBe("0.resid_pre");
            var last = place.Cells[^1];
            last.Divergence!.Value.ShouldBe(0, Bound);
            var answer = Answer.Of(run.Run.Logits[0, place.Position], ClassScores.OneOfMany, 3);
            last.Top.Select(t => t.Id).ShouldBe(answer.Select(a => a.Id));
            last.Top[0].Logit.ShouldBe(answer[0].Logit, Bound * Math.Max(1, Math.Abs(answer[0].Logit)));
            last.Entropy!.Value.ShouldBe(Trajectory.Entropy(run.Run.Logits[0, place.Position]).item<float>(), 1e-4);
        }

        // The next token of the text is followed, and where there is none what the model says.
        reading.Places[0].Target.ShouldBe((int)run.Ids[0][1]);
        reading.Places[^1].Target.ShouldBe(reading.Places[^1].Cells[^1].Top[0].Id);
        reading.Places[^1].Cells[^1].Rank.ShouldBe(0);
        reading.Places.SelectMany(p => p.Cells).Max(c => c.Divergence!.Value).ShouldBeGreaterThan(.01);
    }

    [Theory, MemberData(nameof(Classifiers))]
    public void Behind_the_last_block_a_classifier_says_its_class(string name)
    {
        var (owner, subject) = Subjects.Classifier(name);
        using (owner)
        {
            using var run = subject.Run();
            var reading = LensReader.Read(subject, options: new LensOptions { Count = 2 });
            reading.Places.Count.ShouldBe(1);
            var (last, answer) = (reading.Places[0].Cells[^1], Answer.Of(run.Run.Logits[0], ClassScores.OneOfMany, 2));
            last.Top.Select(t => t.Id).ShouldBe(answer.Select(a => a.Id));
            last.Top[0].Logit.ShouldBe(answer[0].Logit, Bound * Math.Max(1, Math.Abs(answer[0].Logit)));
            reading.Places[0].Cells.Count.ShouldBe(subject.Shape.Layers + 1);
            reading.Places[0].Cells[0].Divergence!.Value.ShouldBeGreaterThan(1e-6);
        }
    }

    [Theory, MemberData(nameof(Policies))]
    public void Behind_the_last_block_a_policy_says_what_it_does(string name)
    {
        using var policy = Subjects.Policy(name);
        var subject = Subjects.Acting(policy, name);
        var reading = LensReader.Read(subject);
        using var run = subject.Run(policy is FlowPolicy ? RunPlan.Capturing("action.velocity@*") : null);
        reading.Places.ShouldNotBeEmpty();
        foreach (var place in reading.Places)
        {
            var (last, action) = (place.Cells[^1], run.Acted!.Actions[place.Row]);
            place.Cells.Count.ShouldBe(subject.Shape.Layers + 1);
            if (policy is FlowPolicy flow)
            {
                var velocity = run.Run[place.Step == 0 ? "action.velocity" : $"action.velocity@{place.Step}"][place.Row];
                var mean = velocity.narrow(0, 0, Math.Min(policy.ActionSteps, (int)velocity.shape[0])).mean([0]);
                foreach (var (d, number) in last.Numbers.Index())
                {
                    number.ShouldBe(mean[d].item<float>(), Bound * Math.Max(1, Math.Abs(number)));
                }

                place.Step.ShouldBeLessThan(flow.FlowSteps);
            }
            else if (action.Tokens is { } tokens)
            {
                last.Top[0].Id.ShouldBe((int)tokens.TokenIds[place.Step]);
                place.Token.ShouldBe(policy.ActionNames[place.Step]);
                policy.Actions!.Centre(last.Top[0].Id).ShouldBe(action.Normalised[0][place.Step], 1e-9);
                last.Numbers[0].ShouldBeInRange(-1, 1);
            }
            else if (last.Numbers.Count > 0)
            {
                var rows = action.Normalised.Take(policy.ActionSteps).ToArray();
                last.Numbers.ShouldBe(Enumerable.Range(0, last.Numbers.Count).Select(d => rows.Average(r => r[d])), 1e-4);
            }
            else
            {
                last.Top[0].Id.ShouldBe((int)action.Said[place.Step]);
            }
        }
    }

    [Fact]
    public void The_first_states_do_not_say_yet_what_the_last_one_says()
    {
        using var policy = Vitrine.Policies.Policy.Open("embedded:tabletop-flow");
        var reading = LensReader.Read(Subjects.Acting(policy, "embedded:tabletop-flow"));
        reading.Places.All(p => p.Cells[0].Numbers.Zip(p.Cells[^1].Numbers).Any(n => Math.Abs(n.First - n.Second) > .01)).ShouldBeTrue();
    }

    [Theory, MemberData(nameof(Texts))]
    public void Parts_through_the_frozen_norm_add_up_to_the_answer(string name)
    {
        using var model = Subjects.Text(name);
        var subject = Subjects.Prompt(model, name);
        var reading = LensReader.Read(subject, options: new LensOptions { Parts = LensParts.Components, Count = 1 });
        var place = reading.Places.ShouldHaveSingleItem();
        using var run = subject.Run(RunPlan.Capturing("language.final_norm"));
        var target = place.Target!.Value;
        var (language, normed) = (model.Language, run.Run["language.final_norm"][0, -1]);
        var biases = (language.HeadAsRun()!.Bias?[target].item<float>() ?? 0)
            + (language.LastNorm!.Bias is { } shift ? shift.dot(language.HeadAsRun()!.Weight[target]).item<float>() : 0);
        var logit = normed.dot(language.HeadAsRun()!.Weight[target]).item<float>() + (language.HeadAsRun()!.Bias?[target].item<float>() ?? 0);
        (place.Cells.Sum(c => c.TargetLogit!.Value) + biases).ShouldBe(logit, 2e-4 * Math.Max(1, Math.Abs(logit)));

        // Heads of a layer and what stands behind them are its attention.
        var heads = LensReader.Read(subject, options: new LensOptions { Parts = LensParts.Heads, Count = 1 }).Places[0].Cells;
        heads.Count.ShouldBe(language.Shape.Layers * language.Shape.Heads);
        if (language.Blocks[0].Weights.Output.Bias is null)
        {
            heads.Where(h => h.State.StartsWith("L0H", StringComparison.Ordinal)).Sum(h => h.TargetLogit!.Value)
                .ShouldBe(place.Cells.Single(c => c.State == "0_attn_out").TargetLogit!.Value, 1e-3);
        }
    }

    [Fact]
    public void An_identity_tuned_lens_reads_what_the_logit_lens_reads()
    {
        using var model = TextModel.Open(Fixtures.Of("methods", "_models/gpt2-tiny"));
        var subject = Subject.Of(model, TokenBatch.Of([5, 9, 200, 31, 7]));
        using var lens = TunedLens.Identity(model.Language, "gpt2-tiny");
        var (plain, tuned) = (LensReader.Read(subject), LensReader.Read(subject, lens));
        tuned.Lens.ShouldBe("tuned lens");
        foreach (var (a, b) in plain.Places.SelectMany(p => p.Cells).Zip(tuned.Places.SelectMany(p => p.Cells)))
        {
            (a.State, a.Rank, a.Divergence, a.Entropy).ShouldBe((b.State, b.Rank, b.Divergence, b.Entropy));
            a.Top.ShouldBe(b.Top);
        }
    }

    [Theory]
    [InlineData("embedded:tabletop", "dz")]
    [InlineData("embedded:tabletop", "speed")]
    [InlineData("embedded:tabletop-flow", "dx@3")]
    public void A_metric_behind_the_last_block_is_the_metric_itself(string name, string text)
    {
        using var policy = Vitrine.Policies.Policy.Open(name);
        var subject = Subjects.Acting(policy, name);
        var metric = MetricText.Parse(text, subject);
        using var run = subject.Run();
        var (values, whole) = (LensReader.Metric(subject, metric), metric.Values(run));
        values.Count.ShouldBe(subject.Shape.Layers + 1);
        values[^1].Zip(whole).ShouldAllBe(v => Math.Abs(v.First - v.Second) <= 1e-5);
        values[0].Zip(whole).Max(v => Math.Abs(v.First - v.Second)).ShouldBeGreaterThan(1e-4);
    }

    [Theory, MemberData(nameof(Texts))]
    public void A_metric_of_a_text_behind_the_last_block_is_the_metric_itself(string name)
    {
        using var model = Subjects.Text(name);
        var subject = Subjects.Prompt(model, name);
        var metric = new LogitDifferenceMetric([3], [4]);
        using var run = subject.Run();
        var whole = metric.Values(run)[0];
        LensReader.Metric(subject, metric)[^1][0].ShouldBe(whole, Bound * Math.Max(1, Math.Abs(whole)));
    }

    [Fact]
    public void What_cannot_be_read_is_refused_in_one_line()
    {
        using var model = TextModel.Open(Fixtures.Of("methods", "_models/gpt2-tiny"));
        var subject = Subject.Of(model, TokenBatch.Of([5, 9, 200]));
        Refused(() => LensReader.Read(subject, options: new LensOptions { Position = 9 })).ShouldContain("position 9");
        Refused(() => LensReader.Read(subject, options: new LensOptions { Target = 3000 })).ShouldContain("no answer 3000");
        using var other = TextModel.Open(Fixtures.Of("methods", "_models/llama-tiny"));
        using var lens = TunedLens.Identity(other.Language, "llama-tiny");
        Refused(() => LensReader.Read(subject, lens)).ShouldContain("llama-tiny");
        using var own = TunedLens.Identity(model.Language, "gpt2-tiny");
        Refused(() => LensReader.Read(subject, own, new LensOptions { Mid = true })).ShouldContain("logit lens");
        var (owner, classified) = Subjects.Classifier("bert-classifier");
        using (owner)
        {
            Refused(() => LensReader.Read(classified, options: new LensOptions { Parts = LensParts.Heads })).ShouldContain("no linear head");
        }

        using var tower = VisionModel.Open(Fixtures.Of("models", "dinov2"));
        using var pixels = zeros([1, 3, tower.Tower.ImageSize, tower.Tower.ImageSize]);
        Refused(() => LensReader.Read(Subject.Of(tower, pixels))).ShouldContain("answers neither");
    }

    [Fact]
    public void A_padded_row_is_read_at_its_own_tokens()
    {
        using var model = TextModel.Open(Fixtures.Of("methods", "_models/llama-tiny"));
        var alone = LensReader.Read(Subject.Of(model, TokenBatch.Of([9, 30, 31])));
        var padded = LensReader.Read(Subject.Of(model, TokenBatch.Of([[9, 30, 31], [5, 6, 7, 8, 9]], padLeft: true))).Places.Where(p => p.Row == 0).ToArray();
        padded.Select(p => (p.Position, p.Target)).ShouldBe(alone.Places.Select(p => (p.Position, p.Target)));
        padded[^1].Cells[1].Entropy!.Value.ShouldBe(alone.Places[^1].Cells[1].Entropy!.Value, 1e-5);
    }

    private static string Refused(Action read) => Should.Throw<VitrineException>(read).Message;
}
