using System.Text.Json.Nodes;
using TorchSharp;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Tests.Checkpoints;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Worlds;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds.Studies;

/// <summary>What stops a study by name instead of entering its record: no numbers, edits that touch nothing, weights that are written over.</summary>
[Collection(ThreadCount.Name)]
public sealed class HonestStudyTests : IDisposable
{
    private const string At = "language.1.mlp.out";
    private static readonly StudyRunner Runner = new(() => new TabletopWorld(new() { Adverbs = false }));
    private readonly string folder = Directory.CreateTempSubdirectory("study").FullName;
    private readonly Policy policy = Policy.Open("embedded:tabletop");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_arm_that_yields_NaN_stops_the_study_with_its_name_and_loses_nothing()
    {
        var spoiled = RunPlan.Editing(new Add(At, EditValue.Of(float.NaN)));
        var study = StudyOf(new Arm { Name = "spoiled", Kind = ArmKind.Edit, Concept = "fast", Plan = spoiled });
        var error = await Should.ThrowAsync<NonFiniteException>(() => Runner.RunAsync(study, policy, new() { Folder = folder }, cancellation: Cancellation));
        error.Message.ShouldStartWith("study 'policy', arm 'spoiled': rollout, step 0 of reach 0: decoding, step 0: the logit of token 0 in row 0 is NaN; "
            + $"the first point that is not finite is '{At}'");
        Directory.GetFiles(folder, "chunk-*.json").Length.ShouldBe(1, "the baseline's chunk came first and is kept");
        error.ShouldNotBeNull().InnerException.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_schedule_whose_later_steps_yield_NaN_names_that_step()
    {
        var spoiled = RunPlan.Editing(new Add(At, EditValue.Of(float.PositiveInfinity)));
        var study = StudyOf(new Arm { Name = "late", Kind = ArmKind.Edit, Concept = "fast", Plan = spoiled, Schedule = new Window(2, 9) });
        (await Should.ThrowAsync<NonFiniteException>(() => Runner.RunAsync(study, policy, cancellation: Cancellation)))
            .Message.ShouldContain("arm 'late': rollout, step 2 of ");
    }

    [Fact]
    public async Task An_actor_of_any_kind_that_gives_none_is_stopped_at_its_step()
    {
        var study = StudyOf();
        (await Should.ThrowAsync<NonFiniteException>(() => Runner.RunAsync(study, IActor (_) => new Counting(1, double.NaN), cancellation: Cancellation)))
            .Message.ShouldBe("study 'policy', arm 'baseline': rollout, step 1 of reach 0: number 3 of the action is NaN; expected a finite number.");
        (await Should.ThrowAsync<NonFiniteException>(() => Runner.RunAsync(study, IActor (_) => new Counting(0, double.NegativeInfinity),
            cancellation: Cancellation))).Message.ShouldContain("step 0 of reach 0: number 3 of the action is -Infinity");
    }

    public static TheoryData<RunPlan, string> IdlePlans() => new()
    {
        { RunPlan.Editing(new Clamp(new NeuronSet([]), 1)), "arm 'idle', edit 0 (clamp) can touch nothing: it names no neuron" },
        { RunPlan.Editing(new Scale(At, 1), new Zero(At) { Scope = new EditScope { Rows = [] } }), "edit 1 (zero at language.1.mlp.out) can touch nothing" },
        { Zeroed(new EditScope { Positions = Positions.At(500) }), "edit 0 (zero at language.1.mlp.out) touched nothing: no token" },
        { Zeroed(new EditScope { Steps = [7] }), "touched nothing: none of its steps (7) came; the last of the run was 6" },
    };

    [Theory, MemberData(nameof(IdlePlans))]
    public async Task An_arm_whose_edit_touches_nothing_is_refused_also_when_the_study_goes_on(RunPlan plan, string why)
    {
        var study = StudyOf(new Arm { Name = "idle", Kind = ArmKind.Edit, Concept = "fast", Plan = plan });
        for (var i = 0; i < 2; i++)
        {
            var error = await Should.ThrowAsync<VitrineException>(() => Runner.RunAsync(study, policy, new() { Folder = folder }, cancellation: Cancellation));
            error.Message.ShouldStartWith("study 'policy': ");
            error.Message.ShouldContain(why);
        }

        var run = await Runner.RunAsync(study, policy, new() { Folder = folder, AllowUntouchedEdits = true }, cancellation: Cancellation);
        run.UntouchedEdits.ShouldHaveSingleItem().Arm.ShouldBe("idle");
        StudyResult.Of(run, resamples: 50).Arms.Single(a => a.Arm.Name == "idle").SameAsBaseline.ShouldBe(2);
    }

    [Fact]
    public async Task A_schedule_that_never_begins_touches_nothing()
    {
        var plan = RunPlan.Editing(new Scale(At, 2));
        var late = new Arm { Name = "late", Kind = ArmKind.Edit, Concept = "fast", Plan = plan, Schedule = new Window(4, 9) };
        (await Should.ThrowAsync<VitrineException>(() => Runner.RunAsync(StudyOf(late), policy, cancellation: Cancellation)))
            .Message.ShouldContain("the edits of arm 'late' touch nothing: their schedule does not begin within the 4 steps");
        var run = await Runner.RunAsync(StudyOf(late), policy, new() { AllowUntouchedEdits = true }, cancellation: Cancellation);
        run.UntouchedEdits.ShouldHaveSingleItem().ToString()
            .ShouldBe("arm 'late', edit 0 (scale at language.1.mlp.out) touched nothing: its schedule never began");
        (await Runner.RunAsync(StudyOf(late with { Schedule = new Window(3, 9) }), policy, cancellation: Cancellation)).UntouchedEdits.ShouldBeEmpty();
        (await Runner.RunAsync(StudyOf(late with { Schedule = new Constant(0) }), policy, cancellation: Cancellation)).UntouchedEdits.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(3, false), InlineData(4, true)]
    public void Whether_a_schedule_begins_is_known_before(int steps, bool begins)
    {
        new Window(3, 5).Begins(steps).ShouldBe(begins);
        new Ramp(3, 5, 0, 1).Begins(steps).ShouldBe(begins);
        new Constant(0).Begins(steps).ShouldBeTrue();
        new ClosedLoop("height", 1, 1, 0, 0, 0, 1).Begins(steps).ShouldBeTrue();
    }

    [Fact]
    public void A_scheduled_actor_tells_an_edit_whose_place_never_came()
    {
        var world = new TabletopWorld();
        world.Reset(new LayoutKey(11, LayoutSplit.Test, "lift", 4));
        var beyond = new Zero(At) { Scope = new EditScope { Positions = Positions.At(500) } };
        var actor = new ScheduledActor(policy, [new(new Scale(At, 2), new Window(1, 2)), new(beyond, new Constant()), new(new Scale(At, 3), new Window(8, 9))]);
        actor.Act([new WorldTurn(world, 0, 0)], Cancellation);
        actor.UntouchedEdits.Select(e => e.Index).ShouldBe([0, 1, 2]);
        actor.Act([new WorldTurn(world, 0, 1)], Cancellation);
        actor.UntouchedEdits.Select(e => e.Index).ShouldBe([1, 2]);
        actor.UntouchedEdits.Select(e => e.Why.Split(' ')[0]).ShouldBe(["no", "its"], "no token stands there; its schedule never began");
    }

    [Fact]
    public async Task Weights_that_are_written_over_stop_the_study_and_what_was_done_before_stays()
    {
        using var copy = new PatchedModel(policy.Folder);
        using var own = Policy.Open(copy.Folder);
        var error = await Should.ThrowAsync<VitrineException>(() => Runner.RunAsync(StudyOf(own), own, new() { Folder = folder },
            new Once(() => copy.Set(copy.NameOf("lm_head.weight"), 1)), Cancellation));
        error.Message.ShouldContain(copy.WeightsFile);
        Directory.GetFiles(folder, "chunk-*.json").Length.ShouldBe(1);
    }

    [Fact]
    public async Task A_bystander_that_first_computes_during_a_study_keeps_the_process_s_number()
    {
        var (ofProcess, seen) = (OnANewThread(), 0);
        Assert.SkipUnless(ofProcess > 1, "one core: every number is 1");
        await Runner.RunAsync(StudyOf(), IActor (_) => new Watched(() => seen = OnANewThread()), new() { Workers = 2 }, cancellation: Cancellation);
        seen.ShouldBe(ofProcess);
        OnANewThread().ShouldBe(ofProcess);

        // Started on a thread that has one itself, a study leaves the process its number too.
        var started = new Thread(() =>
        {
            using var one = Vitrine.Checkpoints.ComputeThreads.One();
            Runner.RunAsync(StudyOf(), IActor (_) => new LinearPolicy(), cancellation: Cancellation).GetAwaiter().GetResult();
        });
        started.Start();
        started.Join();
        OnANewThread().ShouldBe(ofProcess);
    }

    [Fact]
    public async Task The_number_of_threads_stands_in_the_record_and_a_folder_of_another_is_refused()
    {
        var run = await Runner.RunAsync(StudyOf(), policy, new() { Folder = folder }, cancellation: Cancellation);
        (run.ThreadsPerWorker, StudyResult.Of(run, resamples: 50).ThreadsPerWorker).ShouldBe((1, 1));
        JsonNode.Parse(run.ToJson())!["ThreadsPerWorker"]!.GetValue<int>().ShouldBe(1);
        var header = Path.Combine(folder, "study.json");
        var there = JsonNode.Parse(File.ReadAllText(header))!.AsObject();
        there["ThreadsPerWorker"]!.GetValue<int>().ShouldBe(1);
        there["ThreadsPerWorker"] = 2;
        File.WriteAllText(header, there.ToJsonString());
        (await Should.ThrowAsync<VitrineException>(() => Runner.RunAsync(StudyOf(), policy, new() { Folder = folder }, cancellation: Cancellation)))
            .Message.ShouldContain("the libtorch threads of a worker: '2' there, '1' asked for");
        there.Remove("ThreadsPerWorker");
        File.WriteAllText(header, there.ToJsonString());
        (await Runner.RunAsync(StudyOf(), policy, new() { Folder = folder }, cancellation: Cancellation)).ToJson().ShouldBe(run.ToJson(), "older ones had one");
    }

    [Fact]
    public async Task A_chunk_of_an_older_version_counts_as_touched()
    {
        var plan = Zeroed(new EditScope { Positions = Positions.At(500) });
        var study = StudyOf(new Arm { Name = "idle", Kind = ArmKind.Edit, Concept = "fast", Plan = plan });
        await Runner.RunAsync(study, policy, new() { Folder = folder, AllowUntouchedEdits = true }, cancellation: Cancellation);
        foreach (var file in Directory.GetFiles(folder, "chunk-*.json"))
        {
            var chunk = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
            chunk.Remove("Untouched").ShouldBeTrue();
            File.WriteAllText(file, chunk.ToJsonString());
        }

        (await Runner.RunAsync(study, policy, new() { Folder = folder }, cancellation: Cancellation)).UntouchedEdits.ShouldBeEmpty();
    }

    public void Dispose()
    {
        policy.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private static RunPlan Zeroed(EditScope scope) => RunPlan.Editing(new Zero(At) { Scope = scope });

    private Study StudyOf(params Arm[] arms) => StudyOf(policy, arms);

    private static Study StudyOf(Policy policy, params Arm[] arms) => new Study
    {
        Name = "policy",
        Policy = StudyPolicy.Of(policy),
        World = StudyTests.World,
        Tasks = ["reach", "lift"],
        LayoutsPerTask = 1,
        StepLimit = 4,
        Seed = 9,
        Arms =
        [
            new Arm { Name = "baseline", Kind = ArmKind.Baseline },
            .. arms,
            new Arm { Name = "zero dose", Kind = ArmKind.ZeroDose, Concept = "fast", Plan = RunPlan.Editing(new Scale("language.2.mlp.neurons", 1)) },
            .. Enumerable.Range(0, arms.Length == 0 ? 0 : 8).Select(i => new Arm
            {
                Name = $"random {i}", Kind = ArmKind.MatchedRandom, Concept = "fast", Group = "random",
                Plan = RunPlan.Editing(new Clamp(new NeuronSet([new Neuron(1, 20 + i)]), 2)),
            }),
        ],
    };

    private static int OnANewThread()
    {
        var number = 0;
        var thread = new Thread(() => number = torch.get_num_threads());
        thread.Start();
        thread.Join();
        return number;
    }

    private sealed class Counting(int spoiledFrom, double value) : IActor
    {
        public IReadOnlyList<double[]> Act(IReadOnlyList<Turn> turns, CancellationToken cancellation = default)
            => [.. turns.Select(t => new[] { .01, 0, 0, t.Step >= spoiledFrom ? value : 0, 0, 0, 1 })];
    }

    private sealed class Watched(Action watch) : IActor
    {
        public IReadOnlyList<double[]> Act(IReadOnlyList<Turn> turns, CancellationToken cancellation = default)
        {
            torch.get_num_threads().ShouldBe(1);
            watch();
            return [.. turns.Select(_ => new double[7])];
        }
    }

    private sealed class Once(Action act) : IProgress<StudyProgress>
    {
        private int done;

        public void Report(StudyProgress value)
        {
            if (Interlocked.Exchange(ref done, 1) == 0)
            {
                act();
            }
        }
    }
}
