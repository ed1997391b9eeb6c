using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Doses;
using Vitrine.OwnFamily;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Views;
using Vitrine.Worlds;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Policies;

/// <summary>A policy family from outside, by public types alone: everything that is done with the families that come along is done with it.</summary>
[Collection(ThreadCount.Name)]
public sealed class OwnFamilyTests : IDisposable
{
    private const string Velocity = "action.velocity";
    private static readonly StateSource States = StateSource.OfWorld("tabletop", seed: 1);
    private readonly string folder = Directory.CreateTempSubdirectory("own-family").FullName;
    private readonly Policy policy;

    public OwnFamilyTests()
    {
        TinyVelocity.Write(folder, States.ForCalibration().SelectMany(o => o.Instruction.Split(' ')));
        policy = Policy.Open(folder, catalog: Policy.Catalog.With(VelocityPolicy.Described));
    }

    public void Dispose()
    {
        policy.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void A_catalogue_opens_it_by_the_name_of_its_family()
    {
        policy.ShouldBeOfType<VelocityPolicy>();
        policy.Family.ShouldBe("velocity");
        policy.ParametersOfStack("language").ShouldBe(policy.Language.Parameters);
        Should.Throw<VitrineException>(() => Policy.Open(folder)).Message.ShouldContain("model_type is 'velocity'");
    }

    [Fact]
    public void A_batch_is_answered_as_if_each_observation_were_alone()
    {
        var states = States.ForTest(6);
        states.Select(s => policy.Tokenizer.Encode(s.Instruction).Length).Distinct().Count().ShouldBeGreaterThan(1, "padding is needed");
        using var batch = policy.Act(states);
        foreach (var (state, together) in states.Zip(batch.Actions))
        {
            using var alone = policy.Act([state]);
            for (var d = 0; d < policy.ActionNames.Count; d++)
            {
                together.Values[d].ShouldBe(alone.Actions[0].Values[d], 1e-6);
            }
        }
    }

    [Fact]
    public void Its_own_point_is_captured()
    {
        using var run = policy.Act(States.ForTest(2), RunPlan.Capturing(Velocity, "language.*.mlp.neurons"));
        run.Run[Velocity].shape.ShouldBe([2, 1, 7]);
        run.Run[Velocity][1, 0].data<float>().Select(v => (double)v).ShouldBe(run.Actions[1].Normalised[0]);
        run.Run.Activations.Count.ShouldBe(3);
    }

    [Fact]
    public void Its_own_point_is_edited_by_an_edit_of_its_own()
    {
        using var plain = policy.Act(States.ForTest(2));
        using var shifted = policy.Act(States.ForTest(2), RunPlan.Editing(new Shift(Velocity, Coordinate: 2, By: .5) { Scope = new EditScope { Rows = [1] } }));
        shifted.Actions[0].IsSameAs(plain.Actions[0]).ShouldBeTrue();
        shifted.Actions[1].Values[2].ShouldBe(plain.Actions[1].Values[2] + .05, 1e-6); // half of the range from -.1 to .1
        shifted.Actions[1].Values.Where((_, d) => d != 2).ShouldBe(plain.Actions[1].Values.Where((_, d) => d != 2));
    }

    [Fact]
    public void A_place_that_it_does_not_have_is_refused_with_the_nearest()
        => Should.Throw<VitrineException>(() => policy.Act(States.ForTest(1), RunPlan.Capturing("action.velocty"))).Message.ShouldContain(Velocity);

    [Fact]
    public void A_plan_with_its_own_edit_survives_a_file()
    {
        var plan = new RunPlan { Capture = [Velocity], Edits = [new Shift(Velocity, 2, .5) { Scope = new EditScope { Rows = [0] } }] };
        var path = Path.Combine(folder, "plan.json");
        plan.Save(path);
        File.ReadAllText(path).ShouldContain("\"edit\": \"shift\"");
        RunPlan.Load(path).Edits.ShouldBe(plan.Edits);
        RunPlan.FromJson(plan.ToJson()).ToJson().ShouldBe(plan.ToJson());
    }

    [Fact]
    public void It_starts_at_a_cached_residual_and_stops_early()
    {
        var (states, shape) = (States.ForTest(2), policy.Language.Shape);
        using var whole = policy.Act(states, RunPlan.Capturing([.. RunStart.Needs(shape, layer: 1)]));
        using var later = policy.Act(states, options: new ActOptions { From = RunStart.From(whole.Run, shape, layer: 1) });
        later.Actions[1].IsSameAs(whole.Actions[1]).ShouldBeTrue();
        using var stopped = policy.Act(states, new RunPlan { StopAfter = 0 });
        stopped.Run.Residual.data<float>().ShouldBe(whole.Run["language.1.resid_pre"].data<float>());
        Should.Throw<VitrineException>(() => stopped.Actions);
    }

    [Fact]
    public void Its_neurons_are_calibrated_and_steered_beside_controls()
    {
        var calibration = Calibration.Measure(policy, States.ForCalibration(24));
        var steering = new NeuronSteering(new NeuronSet([new Neuron(0, 3), new Neuron(1, 5)]), Dose.Sigmas(4));
        var (_, arms) = steering.Measure(policy, States.ForTest(8), calibration, ActionMetric.Named("dz", policy.ActionNames));
        arms.Count.ShouldBe(10); // clamp, zero dose, 8 draws
        arms[0].Hard.ShouldContain(change => Math.Abs(change) > 1e-6);
        arms[1].Hard.ShouldAllBe(change => change == 0);
    }

    [Fact]
    public void Every_part_of_it_is_asked_in_one_decision()
    {
        var result = Decided();
        result.Parts.Select(p => p.Layer).Distinct().ShouldBe([0, 1, null], ignoreOrder: true);
        var last = result.Parts.Single(p => p.Component == Component.Residual && p.Layer == 1);
        last.Sufficient.Mean.ShouldBe(result.Prompt.Mean, 1e-9); // the deciding residual behind the last block is all that the head reads
        result.Controls.Single(c => c.Name == "zero dose").Effect!.Mean.ShouldBe(0);
    }

    [Fact]
    public void A_bystander_that_first_computes_meanwhile_keeps_the_process_s_number_of_threads()
    {
        var (here, seen) = (TorchSharp.torch.get_num_threads(), new System.Collections.Concurrent.ConcurrentBag<int>());
        Bystander();
        Decided(workers: 2, new Told(_ => Bystander()));
        Bystander();
        var ofProcess = seen.Last();
        Assert.SkipUnless(ofProcess > 1, "one core: every number is 1");
        seen.Count.ShouldBeGreaterThan(2);
        seen.ShouldAllBe(n => n == ofProcess);
        TorchSharp.torch.get_num_threads().ShouldBe(here);

        void Bystander()
        {
            var thread = new Thread(() => seen.Add(TorchSharp.torch.get_num_threads()));
            thread.Start();
            thread.Join();
        }
    }

    [Fact]
    public async Task It_is_studied_in_a_world_with_every_control_and_reported()
    {
        var study = Planned();
        Study.FromJson(study.ToJson()).Fingerprint().ShouldBe(study.Fingerprint());
        var runner = new StudyRunner(() => new TabletopWorld());
        var result = StudyResult.Of(await runner.RunAsync(study, policy, cancellation: TestContext.Current.CancellationToken));

        var zero = result.Arms.Single(a => a.Arm.Kind == ArmKind.ZeroDose);
        zero.SameAsBaseline.ShouldBe(result.Layouts);
        var verdict = Verdict.Of(result, "height").ShouldHaveSingleItem();
        verdict.IsEffect.ShouldBeTrue();
        verdict.Change.Mean.ShouldBePositive();

        var html = Report.Render(Reported(result));
        html.ShouldContain(verdict.Arm.Name);
        html.ShouldContain(policy.Fingerprint);
        new ForestPlot(Summary(result)).Render().ShouldContain("<svg");
    }

    private ReportData Reported(StudyResult result) => new()
    {
        Title = "A policy of *one's own*",
        Model = ModelDescription.Of(policy),
        OneStep = [new ShownDecision(Decided())],
        Study = Summary(result),
        Finding = Findings.Sentence(Verdict.Of(result, "height"), []),
        Statements = Findings.Statements(Verdict.Of(result, "height"), [], WorldUnits.Unnamed),
        Provenance = new Provenance { Command = "a test", Seed = "1", Fingerprint = policy.Fingerprint },
    };

    private static StudySummary Summary(StudyResult result) => new() { Studies = [new ShownStudy(result, "height")] };

    /// <summary>Upward pushes of the head's output, beside the same push of other numbers.</summary>
    private Study Planned() => new Study
    {
        Name = "up",
        Policy = StudyPolicy.Of(policy),
        World = new TabletopWorld().Description,
        Tasks = ["reach", "lift"],
        LayoutsPerTask = 4,
        StepLimit = 10,
        Seed = 1,
        Arms = [new Arm { Name = "push up", Kind = ArmKind.Edit, Concept = "high", Plan = Pushed(2, .8) }],
    }.WithControls(edit =>
    [
        edit with { Name = "zero dose", Kind = ArmKind.ZeroDose, Plan = Pushed(2, 0) },
        .. Enumerable.Range(0, 8).Select(i => edit with
        {
            Name = $"other number {i + 1}", Kind = ArmKind.RandomDirection, Group = "other numbers", Plan = Pushed(i % 2, .8 * Math.Cos(i)),
        }),
    ]);

    private static RunPlan Pushed(int coordinate, double by) => RunPlan.Editing(new Shift(Velocity, coordinate, by));

    private OneStepResult Decided(int workers = 1, IProgress<double>? progress = null)
    {
        var metric = ActionMetric.Named("dz", policy.ActionNames);
        using var edits = new ConceptEdits(policy, new ConceptSelection
        {
            Word = "quickly",
            States = States.ForCalibration(8),
            Neurons = new NeuronSet([new Neuron(0, 3)]),
            Dose = Dose.Sigmas(4),
            Calibration = Calibration.Measure(policy, States.ForCalibration(8)),
            Clustered = new HashSet<Neuron>(),
        });
        return OneStepResult.Of("fast", "dz", edits, new OneStepExperiment(policy, edits, States.ForTest(8)).Run(metric, workers, progress));
    }

    private sealed class Told(Action<double> what) : IProgress<double>
    {
        public void Report(double value) => what(value);
    }
}
