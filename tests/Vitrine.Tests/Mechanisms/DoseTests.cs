using Vitrine.Mechanisms.Concepts;
using Vitrine.Mechanisms.Doses;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms;

public sealed class DoseTests
{
    private static readonly Calibration Natural = new(1, 3, 10, [1, 2, 3], [0.5f, 1, 2], [0, 1], [[0, 0, 0], [4, 5, 6]], "model");

    [Fact]
    public void Doses_are_multiples_of_the_natural_maximum_and_can_be_added()
    {
        var set = new NeuronSet([new Neuron(0, 2), new Neuron(0, 0)]);
        Dose.Parse("1.5max").Clamp(set, Natural).Values.ShouldBe([9, 6]);
        Dose.Parse("+2sd").Clamp(set, Natural).Values.ShouldBe([7, 2]);
        var added = Dose.Parse("+2sd").Add(set, Natural, 3).ShouldHaveSingleItem();
        added.Value.Data.ShouldBe([1, 0, 4], "deviations are added without the mean");
        added.Scope.Neurons.ShouldBe([0, 2]);
        Should.Throw<VitrineException>(() => Dose.Parse("twice")).Message.ShouldContain("2max");
        Should.Throw<VitrineException>(() => Dose.Absolute(1).Add(set, null, 2)).Message.ShouldContain("neuron 0:2");
    }

    [Fact]
    public void Windows_and_ramps_have_their_closed_forms()
    {
        Strengths(new Constant(2), 3).ShouldBe([2, 2, 2]);
        Strengths(new Window(1, 2, 3), 4).ShouldBe([null, 3, 3, null]);
        Strengths(new Ramp(1, 5, 0, 8), 7).ShouldBe([null, 0, 2, 4, 6, 8, 8]);
        Strengths(new Ramp(2, 2, 1, 5), 4).ShouldBe([null, null, 5, 5]);
    }

    [Fact]
    public void The_closed_loop_is_the_sum_of_its_three_terms_within_its_bounds()
    {
        var run = new ClosedLoop("speed", Target: 1, 4, 0.5, 1, Low: 0, High: 20).Start();
        double[] measured = [0.5, 0.75, 2];                                                                // errors 0.5, 0.25, -1
        run.Next(measured[0]).ShouldBe((4 * 0.5) + (0.5 * 0.5) + 0);
        run.Next(measured[1]).ShouldBe((4 * 0.25) + (0.5 * 0.75) + (0.25 - 0.5));
        run.Next(measured[2]).ShouldBe(0, "-4 - 0.125 - 1.25 is below the bound");
        var short_ = new ClosedLoop("speed", 1, 0, 1, 0, -100, 100, Horizon: 2).Start();
        new[] { 0.0, 0, 0, 3 }.Select(m => short_.Next(m)!.Value).ShouldBe([1, 2, 2, -1], "only the latest two errors are summed");
        Should.Throw<VitrineException>(() => run.Next(double.NaN)).Message.ShouldContain("speed");
    }

    [Fact]
    public void A_schedule_is_data()
    {
        foreach (var schedule in new Schedule[] { new Constant(2), new Window(1, 4, -1), new Ramp(0, 9, 1, 2.5), new ClosedLoop("height", 0.3, 4, 0.5, 1, 0, 20,
            20) })
        {
            Schedule.FromJson(schedule.ToJson()).ShouldBe(schedule);
        }

        Should.Throw<VitrineException>(() => Schedule.FromJson("""{"schedule":"sometimes"}""", "plan.json")).Message.ShouldStartWith("plan.json");
        Should.Throw<VitrineException>(() => Schedule.FromJson(
            """{"schedule":"window","first":3,"last":1,"strength":1}""")).Message.ShouldContain("from step 3 to 1");
        Should.Throw<VitrineException>(() => Schedule.FromJson(
            """{"schedule":"closed_loop","quantity":"","target":1,"proportional":1,"integral":0,"derivative":0,"low":0,"high":1}"""))
            .Message.ShouldContain("loop");
        ScheduledEdit[] edits = [new(new Clamp(new NeuronSet([new Neuron(1, 3)]), 1), new Ramp(0, 3, 0, 4)),
            new(new Zero("language.0.mlp.out"), new Window(0, 2))];
        var read = ScheduledEdit.FromJson(ScheduledEdit.ToJson(edits));
        read.Select(e => e.Schedule).ShouldBe(edits.Select(e => e.Schedule));
        read.Select(e => e.Edit).ShouldBe(edits.Select(e => e.Edit));
    }

    [Fact]
    public void Every_row_is_edited_at_its_own_strength()
    {
        var edit = new ScheduledEdit(new Clamp(new NeuronSet([new Neuron(0, 1)]), 2), new Constant());
        var made = At([1, null, 3, 1]).Edits.Cast<Clamp>().ToArray();
        made.Select(e => (e.Values[0], Rows: string.Join(',', e.Scope.Rows!))).ShouldBe([(2, "0,3"), (6, "2")]);
        At([null, null]).Edits.ShouldBeEmpty();
        At([2, 2]).Edits.Single().Scope.Rows.ShouldBeNull("one strength for all rows needs no mask");
        ((Scale)new ScheduledEdit(new Scale("language.0.mlp.out", 3), new Constant()).At(0.5)).Factor.ShouldBe(2);
        ((Conceptor)new ScheduledEdit(new Conceptor("language.0.mlp.out", EditValue.Of(1), 0.4), new Constant()).At(0.5)).Beta.ShouldBe(0.2, 1e-12);
        Should.Throw<VitrineException>(() => new ScheduledEdit(new Zero("language.0.mlp.out"), new Constant()).At(0.5)).Message.ShouldContain("on or off");

        RunPlan At(double?[] strengths) => RunPlan.ForRows([.. strengths.Select(s => s is { } strength ? RunPlan.Editing(edit.At(strength)) : RunPlan.Empty)]);
    }

    [Fact]
    public void A_conceptor_shrinks_each_eigendirection_by_its_share_of_the_aperture()
    {
        using var scope = NewDisposeScope();
        var x = randn(200, 6).to(float64) * tensor(new[] { 3.0, 2, 1, 0.5, 0.1, 0 });
        var r = x.t().mm(x) / 200;
        foreach (var aperture in new[] { 0.1, 1.0, 10 })
        {
            var c = Conceptors.Of(x, aperture);
            var (found, _) = linalg.eigh(c);
            var (values, _) = linalg.eigh(r);
            var expected = values.clamp_min(0) / (values.clamp_min(0) + Math.Pow(aperture, -2));
            (found - expected).abs().max().item<double>().ShouldBeLessThan(1e-9);
            c.mm(r + (eye(6, dtype: float64) * Math.Pow(aperture, -2))).allclose(r, rtol: 1e-9, atol: 1e-9).ShouldBeTrue("C (R + a^-2 I) = R");
        }

        Should.Throw<VitrineException>(() => Conceptors.Of(x, 0)).Message.ShouldContain("aperture 0");
    }

    [Fact]
    public void The_logic_of_conceptors_holds_on_diagonal_ones()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (diag(tensor(new[] { 0.9, 0.5, 0.2 })), diag(tensor(new[] { 0.4, 0.5, 0.8 })));
        Conceptors.Not(a).diagonal().data<double>().ToArray().ShouldBe([0.1, 0.5, 0.8], 1e-12);
        double[] both = [.. new[] { (0.9, 0.4), (0.5, 0.5), (0.2, 0.8) }.Select(p => p.Item1 * p.Item2 / (p.Item1 + p.Item2 - (p.Item1 * p.Item2)))];
        Conceptors.And(a, b).diagonal().data<double>().ToArray().ShouldBe(both, 1e-12);
        var random = Conceptors.RandomLike(a, 5);
        linalg.eigh(random).Item1.data<double>().ToArray().ShouldBe([0.2, 0.5, 0.9], 1e-9);
        random.allclose(Conceptors.RandomLike(a, 5)).ShouldBeTrue("the same seed gives the same control");
    }

    [Fact]
    public void The_published_set_up_10_is_read()
    {
        (int Layer, int Index)[] published = [(18, 7648), (20, 9364), (21, 6514), (22, 4206), (22, 4350), (23, 10520), (24, 9851), (25, 10147), (27, 5349),
            (27, 5504)];
        const int PerLayer = 11_008;
        var yaml = "up_10:\n" + string.Concat(
            published.Select(n => $"  {(n.Layer * PerLayer) + n.Index}: [higher, lower]\n")) + "high_cluster: [256459, 260217, 40857]\n";
        var sets = NeuronSetFile.Read(yaml, "dictionaries.yaml", PerLayer);
        sets["up_10"].Neurons.ShouldBe(published.Select(n => new Neuron(n.Layer, n.Index)));
        NeuronSetFile.Read(yaml, "dictionaries.yaml", 16_384)["high_cluster"].Neurons.ShouldBe(
            [new Neuron(15, 10699), new Neuron(15, 14457), new Neuron(2, 8089)]);
    }

    private static double?[] Strengths(Schedule schedule, int steps)
    {
        var run = schedule.Start();
        return [.. Enumerable.Range(0, steps).Select(_ => run.Next(0))];
    }
}
