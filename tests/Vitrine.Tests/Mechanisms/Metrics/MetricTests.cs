using Vitrine.Mechanisms.Metrics;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Worlds.Tabletop;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Metrics;

public sealed class MetricTests
{
    private static string Gpt2 => Fixtures.Of("methods", "_models/gpt2-tiny");

    [Theory]
    [InlineData("embedded:tabletop")]
    [InlineData("embedded:tabletop-flow")]
    public void Numbers_of_an_action_are_what_the_act_expects(string name)
    {
        using var policy = Policy.Open(name);
        var observations = Observations(3);
        var subject = Subject.Of(policy, observations);
        using var run = subject.Run();
        foreach (var (d, dimension) in policy.ActionNames.Index())
        {
            var values = new ActionValueMetric(dimension) { First = 0, Count = 1 }.Values(run);
            foreach (var (row, value) in values.Index())
            {
                value.ShouldBe(run.Acted!.Actions[row].Expected[d], 1e-5);
            }
        }

        var speeds = (MotionMetric.Speed with { Count = 1 }).Values(run);
        speeds[1].ShouldBe(Math.Sqrt(run.Acted!.Actions[1].Expected.Take(3).Sum(v => v * v)), 1e-5);
    }

    [Fact]
    public void Later_rows_of_a_chunk_are_asked_by_number()
    {
        using var policy = Policy.Open("embedded:tabletop-flow");
        var subject = Subject.Of(policy, Observations(2));
        using var run = subject.Run();
        MetricText.Parse($"{policy.ActionNames[2]}@3", subject).Values(run)[1].ShouldBe(run.Acted!.Actions[1].Chunk[3][2], 1e-5);
        var mean = run.Acted.Actions[0].Chunk.Take(policy.ActionSteps).Average(row => row[2]);
        MetricText.Parse(policy.ActionNames[2], subject).Values(run)[0].ShouldBe(mean, 1e-5);
        Should.Throw<VitrineException>(() => MetricText.Parse($"{policy.ActionNames[2]}@999", subject).Values(run)).Message.ShouldContain("999");
    }

    [Theory]
    [InlineData("embedded:tabletop", "language.0.mlp.neurons")]
    [InlineData("embedded:tabletop-flow", "expert.0.mlp.neurons@0")]
    public void An_action_has_the_gradient_that_finite_differences_show(string name, string at)
    {
        using var policy = Policy.Open(name, new ModelOptions { Dtype = float64 });
        var subject = Subject.Of(policy, Observations(1));
        var metric = new ActionValueMetric(policy.ActionNames[0]) { Count = 1 };
        using var run = subject.Run(new RunPlan { Gradients = [at] });
        using var scope = NewDisposeScope();
        var gradient = run.Run.GradientsOf(_ => metric.Of(run).sum()).Single().Value;                      // (1, T, F)
        var (position, neuron) = Largest(gradient[0]);
        const double Step = 1e-4;
        var place = at.Split('@')[0];
        double[] values = [.. new[] { Step, -Step }.Select(step =>
        {
            using var moved = subject.Run(RunPlan.Editing(new Add(place, EditValue.Of((float)step))
            {
                Scope = new EditScope { Positions = Positions.At(position), Neurons = [neuron], Steps = [0] },
            }));
            return metric.Values(moved)[0];
        })];
        var found = (values[0] - values[1]) / (2 * (double)(float)Step);
        found.ShouldBe(gradient[0, position, neuron].item<double>(), Math.Abs(found) * 1e-3);
    }

    [Fact]
    public void Answers_of_texts_are_read_where_each_row_ends()
    {
        using var model = TextModel.Open(Gpt2);
        var batch = TokenBatch.Of([[5, 6, 7, 8], [9, 10]]);
        var subject = Subject.Of(model, batch);
        using var run = subject.Run();
        using var alone = model.Run(TokenBatch.Of(9, 10));
        using var logits = alone.Logits[0, -1].to(float64);
        new LogitMetric([3]).Values(run)[1].ShouldBe(logits[3].item<double>(), 1e-4);
        new LogitDifferenceMetric([3], [1, 2]).Values(run)[1].ShouldBe((logits[3] - logits[2]).item<double>(), 1e-4);
        var log = logits.log_softmax(0);
        new ProbabilityMetric([4], Log: true).Values(run)[1].ShouldBe(log[4].item<double>(), 1e-4);
        new ProbabilityMetric([4]).Values(run)[1].ShouldBe(Math.Exp(log[4].item<double>()), 1e-5);
        using var first = alone.Logits[0, 0].to(float64);
        new LossMetric().Values(run)[1].ShouldBe(-first.log_softmax(0)[10].item<double>(), 1e-4);
        new LogitMetric([3]) { Position = 0 }.Values(run)[1].ShouldBe(first[3].item<double>(), 1e-4);
        Should.Throw<VitrineException>(() => new LogitMetric([3]) { Position = 2 }.Values(run)).Message.ShouldContain("row 1");
    }

    [Fact]
    public void A_run_has_no_divergence_from_itself_and_rows_keep_their_references()
    {
        using var model = TextModel.Open(Gpt2);
        var subject = Subject.Of(model, TokenBatch.Of([[5, 6, 7, 8], [9, 10]]));
        using var run = subject.Run();
        var metric = DivergenceMetric.From(run);
        metric.Values(run).ShouldAllBe(v => Math.Abs(v) < 1e-6);
        var taken = subject.Take([1, 1, 0]);
        taken.Origins.ShouldBe([1, 1, 0]);
        using var again = taken.Run();
        metric.Values(again).ShouldAllBe(v => Math.Abs(v) < 1e-6);
        using var other = subject.Take([0]).Run(RunPlan.Editing(new Zero("language.0.mlp.out")));
        metric.Values(other)[0].ShouldBeGreaterThan(1e-4);
    }

    [Fact]
    public void A_metric_is_read_again_as_it_was_written()
    {
        Metric[] all =
        [
            new LogitMetric([3]) { Position = 2 }, new LogitDifferenceMetric([3], [1, 2]), new ProbabilityMetric([4], Log: true), new LossMetric(),
            new ActionValueMetric("dz") { First = 1, Count = 2 }, MotionMetric.Speed, new DivergenceMetric(new EditValue([1, 2], [-.5f, -.9f])),
        ];
        foreach (var metric in all)
        {
            Metric.FromJson(metric.ToJson()).ShouldBe(metric);
        }

        Should.Throw<VitrineException>(() => Metric.FromJson("""{"metric":"logit","choices":[1],"postion":3}""")).Message.ShouldContain("postion");
        Should.Throw<VitrineException>(() => Metric.FromJson("""{"metric":"logits"}""", "m.json")).Message.ShouldStartWith("m.json");
    }

    [Theory]
    [InlineData("spead", "the nearest is 'speed'")]
    [InlineData("logit", "expected an answer")]
    [InlineData("dz@x", "'x' is no position")]
    [InlineData("loss:x", "'loss' alone")]
    public void What_means_nothing_is_named(string text, string says)
    {
        using var policy = Policy.Open("embedded:tabletop");
        Should.Throw<VitrineException>(() => MetricText.Parse(text, Subject.Of(policy, Observations(1)))).Message.ShouldContain(says);
    }

    [Fact]
    public void A_text_has_no_speed()
    {
        using var model = TextModel.Open(Gpt2);
        var subject = Subject.Of(model, TokenBatch.Of(5, 6));
        Should.Throw<VitrineException>(() => MetricText.Parse("speed", subject)).Message.ShouldContain("gives none");
        using var run = subject.Run();
        Should.Throw<VitrineException>(() => MotionMetric.Speed.Values(run)).Message.ShouldContain("gives no action");
        MetricText.Parse("logit:#7@0", subject).ShouldBe(new LogitMetric([7]) { Position = 0 });
    }

    private static (int Position, int Neuron) Largest(Tensor gradient)
    {
        var at = (int)gradient.abs().argmax().item<long>();
        return (at / (int)gradient.shape[1], at % (int)gradient.shape[1]);
    }

    private static Observation[] Observations(int count) => [.. TabletopStates.ForTest(5, count)];
}
