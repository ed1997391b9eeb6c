using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using TorchSharp;
using Vitrine.Policies;
using Vitrine.Worlds;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds.Studies;

[Collection(ThreadCount.Name)]
public sealed class StudyRunnerTests : IDisposable
{
    private const string FolderOfTheKilled = "VITRINE_TESTS_KILLED_STUDY";
    private readonly string _folder = Directory.CreateTempSubdirectory("study").FullName;

    private static readonly Study Study = StudyTests.Planned(
        new Arm { Name = "prompt", Kind = ArmKind.Prompt, Concept = "fast", Word = "quickly" },
        new Arm { Name = "up", Kind = ArmKind.Edit, Concept = "high", Plan = StudyTests.Clamped(1) }).WithControls(StudyTests.ControlsOf);

    private static readonly StudyRunner Runner = new(() => new TabletopWorld(new() { Adverbs = false }));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_two_and_four_workers_give_identical_records()
    {
        var threads = OfProcess();
        var one = (await Runner.RunAsync(Study, ActorFor, new() { Workers = 1 }, cancellation: Cancellation)).ToJson();
        (await Runner.RunAsync(Study, ActorFor, new() { Workers = 2 }, cancellation: Cancellation)).ToJson().ShouldBe(one);
        (await Runner.RunAsync(Study, ActorFor, new() { Workers = 4 }, cancellation: Cancellation)).ToJson().ShouldBe(one);
        OfProcess().ShouldBe(threads);
    }

    /// <summary>The process's number of threads, which a thread copies that has not computed yet; this test may go on on any thread.</summary>
    private static int OfProcess()
    {
        var number = 0;
        var thread = new Thread(() => number = torch.get_num_threads());
        thread.Start();
        thread.Join();
        return number;
    }

    [Fact]
    public async Task Every_worker_computes_with_a_single_thread()
    {
        var seen = new ConcurrentBag<int>();
        await Runner.RunAsync(Study, arm => { seen.Add(torch.get_num_threads()); return ActorFor(arm); }, new() { Workers = 2 }, cancellation: Cancellation);
        seen.ShouldAllBe(threads => threads == 1);
    }

    [Fact]
    public async Task Every_arm_meets_the_same_layouts_and_a_zero_dose_takes_exactly_the_baselines_actions()
    {
        var run = await Runner.RunAsync(Study, ActorFor, cancellation: Cancellation);
        run.Arms.Select(a => a.Arm).ShouldBe(Study.Arms.Select(a => a.Label()));
        run.Arms.ShouldAllBe(a => a.Episodes.Select(e => e.Layout).SequenceEqual(Study.Layouts()));
        var result = StudyResult.Of(run, resamples: 200);
        result.Arms.Single(a => a.Arm.Kind == ArmKind.ZeroDose).SameAsBaseline.ShouldBe(10);
        result.Arms.Single(a => a.Arm.Kind == ArmKind.Edit).SameAsBaseline.ShouldBe(0);
        result.Arms.Single(a => a.Arm.Kind == ArmKind.Prompt).SameAsBaseline.ShouldBe(0);
    }

    [Fact]
    public async Task A_run_that_was_cancelled_goes_on_and_gives_what_an_uninterrupted_one_gives()
    {
        var whole = (await Runner.RunAsync(Study, ActorFor, cancellation: Cancellation)).ToJson();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        await Should.ThrowAsync<OperationCanceledException>(
            ()
                => Runner.RunAsync(Study, ActorFor, new() { Workers = 2, Folder = _folder }, new Told(p => { if (p.Chunks == 5) { stop.Cancel(); } }),
                    stop.Token));
        Directory.EnumerateFiles(_folder, "chunk-*.json").Count().ShouldBeInRange(5, 6);

        var resumed = new ConcurrentBag<StudyProgress>();
        (await Runner.RunAsync(Study, ActorFor, new() { Folder = _folder }, new Told(resumed.Add), Cancellation)).ToJson().ShouldBe(whole);
        resumed.Max(p => p.Resumed).ShouldBeInRange(5, 6);
        resumed.Max(p => p.Chunks).ShouldBe(36);
        resumed.Count.ShouldBe(36 - resumed.Max(p => p.Resumed));
    }

    [Fact]
    public async Task A_run_that_was_killed_goes_on_and_gives_what_an_uninterrupted_one_gives()
    {
        var whole = (await Runner.RunAsync(Study, ActorFor, cancellation: Cancellation)).ToJson();
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardOutput = true,
            Environment = { [FolderOfTheKilled] = _folder },
        };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
        {
            start.ArgumentList.Add(typeof(StudyRunnerTests).Assembly.Location);
        }

        foreach (var argument in new[] { "-explicit", "only", "-method", $"{typeof(StudyRunnerTests).FullName}.{nameof(A_study_that_waits_to_be_killed)}" })
        {
            start.ArgumentList.Add(argument);
        }

        using var child = Process.Start(start)!;
        using var stuck = new FileSystemWatcher(_folder, "stuck");
        var isStuck = new TaskCompletionSource();
        stuck.Created += (_, _) => isStuck.TrySetResult();
        stuck.EnableRaisingEvents = true;
        if (File.Exists(Path.Combine(_folder, "stuck")))
        {
            isStuck.TrySetResult();
        }

        var output = child.StandardOutput.ReadToEndAsync(Cancellation);
        if (await Task.WhenAny(isStuck.Task, child.WaitForExitAsync(Cancellation)) != isStuck.Task)
        {
            Assert.Fail(await output);
        }

        child.Kill();
        await child.WaitForExitAsync(Cancellation);
        Directory.EnumerateFiles(_folder, "chunk-*.json").Count().ShouldBe(3);
        File.WriteAllText(Path.Combine(_folder, "chunk-00003.json.tmp"), """{"Arm":"prom""");

        var resumed = new ConcurrentBag<StudyProgress>();
        (await Runner.RunAsync(Study, ActorFor, new() { Folder = _folder }, new Told(resumed.Add), Cancellation)).ToJson().ShouldBe(whole);
        resumed.ShouldAllBe(p => p.Resumed == 3);
        Directory.EnumerateFiles(_folder, "*.tmp").ShouldBeEmpty();
    }

    /// <summary>The child of the test above: gets stuck in the middle of the fourth chunk.</summary>
    [Fact(Explicit = true)]
    public async Task A_study_that_waits_to_be_killed()
    {
        var folder = Environment.GetEnvironmentVariable(FolderOfTheKilled) ?? throw new InvalidOperationException($"Set {FolderOfTheKilled}.");
        var chunks = 0;
        await Runner.RunAsync(Study, IActor (arm) => ++chunks < 4 ? ActorFor(arm) : new Stuck(Path.Combine(folder, "stuck")), new() { Folder = folder },
            cancellation: Cancellation);
    }

    [Fact]
    public async Task A_chunk_that_does_not_read_is_run_again()
    {
        var whole = (await Runner.RunAsync(Study, ActorFor, new() { Folder = _folder }, cancellation: Cancellation)).ToJson();
        var (broken, foreign) = (Path.Combine(_folder, "chunk-00002.json"), Path.Combine(_folder, "chunk-00007.json"));
        File.WriteAllText(broken, File.ReadAllText(broken)[..100]);
        File.Copy(Path.Combine(_folder, "chunk-00008.json"), foreign, overwrite: true);
        var again = new ConcurrentBag<StudyProgress>();
        (await Runner.RunAsync(Study, ActorFor, new() { Folder = _folder }, new Told(again.Add), Cancellation)).ToJson().ShouldBe(whole);
        again.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_folder_of_another_study_is_refused_by_name()
    {
        await Runner.RunAsync(Study, ActorFor, new() { Folder = _folder }, cancellation: Cancellation);
        var other = Study with { Name = "other", Seed = 1 };
        (await Should.ThrowAsync<VitrineException>(() => Runner.RunAsync(other, ActorFor, new() { Folder = _folder }, cancellation: Cancellation)))
            .Message.ShouldContain(
                "holds study 'plan', which is not the one asked for: the name: 'plan' there, 'other' asked for; the seed: '9' there, '1' asked for.");
        var elsewhere = new StudyRunner(() => new TabletopWorld());
        (await Should.ThrowAsync<VitrineException>(() => elsewhere.RunAsync(Study, ActorFor, new() { Folder = _folder }, cancellation: Cancellation)))
            .Message.ShouldContain("without adverbs");
        var moved = Study with { World = new TabletopWorld().Description };
        (await Should.ThrowAsync<VitrineException>(() => elsewhere.RunAsync(moved, ActorFor, new() { Folder = _folder }, cancellation: Cancellation)))
            .Message.ShouldContain("the world: 'tabletop, strict physics, sensor noise 0.015, without adverbs' there");
    }

    [Theory]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("""{"Fingerprint":null,"Study":null}""")]
    public async Task A_folder_with_a_broken_header_is_refused_by_name(string header)
    {
        File.WriteAllText(Path.Combine(_folder, "study.json"), header);
        (await Should.ThrowAsync<VitrineException>(() => Runner.RunAsync(Study, ActorFor, new() { Folder = _folder },
            cancellation: Cancellation))).Message.ShouldContain("study.json");
    }

    [Theory]
    [InlineData("""{"Arm":"baseline","Episodes":null}""")]
    [InlineData("""{"Arm":"baseline","Episodes":[]}""")]
    [InlineData("[]")]
    public async Task A_chunk_that_lacks_its_episodes_is_run_again(string chunk)
    {
        var whole = (await Runner.RunAsync(Study, ActorFor, new() { Folder = _folder }, cancellation: Cancellation)).ToJson();
        File.WriteAllText(Path.Combine(_folder, "chunk-00000.json"), chunk);
        (await Runner.RunAsync(Study, ActorFor, new() { Folder = _folder }, cancellation: Cancellation)).ToJson().ShouldBe(whole);
    }

    [Fact]
    public async Task A_folder_in_which_another_run_is_at_work_is_refused()
    {
        using var busy = new FileStream(Path.Combine(_folder, "study.lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        (await Should.ThrowAsync<VitrineException>(() => Runner.RunAsync(Study, ActorFor, new() { Folder = _folder }, cancellation: Cancellation)))
            .Message.ShouldContain("another process");
    }

    [Fact]
    public async Task An_error_of_a_policy_ends_the_study_with_that_error()
        => (await Should.ThrowAsync<VitrineException>(() => Runner.RunAsync(
            Study, IActor (arm)
                => arm.Kind == ArmKind.Edit ? throw new VitrineException("no such neuron") : ActorFor(arm), new() { Workers = 2 }, cancellation: Cancellation)))
            .Message.ShouldBe("no such neuron");

    [Fact]
    public async Task A_task_that_the_world_lacks_is_refused_by_name()
        => (await Should.ThrowAsync<VitrineException>(() => Runner.RunAsync(Study with { Tasks = ["juggle"] }, ActorFor,
            cancellation: Cancellation))).Message.ShouldContain("no task 'juggle'");

    [Fact]
    public async Task A_study_without_controls_is_not_run()
        => await Should.ThrowAsync<VitrineException>(() => Runner.RunAsync(Study with { Arms = [.. Study.Arms.Where(a => !a.IsRandom)] }, ActorFor,
            cancellation: Cancellation));

    [Fact]
    public async Task A_run_and_its_result_come_back_from_json_as_they_were()
    {
        var run = await Runner.RunAsync(Study, IWorldActor (_) => new ExpertActor(), cancellation: Cancellation);
        StudyRun.FromJson(run.ToJson()).ToJson().ShouldBe(run.ToJson());
        var result = StudyResult.Of(run, resamples: 50);
        StudyResult.FromJson(result.ToJson()).ToJson().ShouldBe(result.ToJson());
        Should.Throw<VitrineException>(() => StudyRun.FromJson("[")).InnerException.ShouldBeOfType<JsonException>();
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static IActor ActorFor(Arm arm) => new LinearPolicy(arm.Kind switch
    {
        ArmKind.Edit => .01,
        ArmKind.MatchedRandom => .0001 * (arm.Name[^1] - '0'),
        _ => 0,
    });

    private sealed class Told(Action<StudyProgress> what) : IProgress<StudyProgress>
    {
        public void Report(StudyProgress value) => what(value);
    }

    private sealed class Stuck(string mark) : IActor
    {
        private readonly LinearPolicy _policy = new();
        private int _steps;

        public IReadOnlyList<double[]> Act(IReadOnlyList<Turn> turns, CancellationToken cancellation = default)
        {
            if (++_steps == 3)
            {
                File.WriteAllText(mark, "");
                cancellation.WaitHandle.WaitOne();
            }

            return _policy.Act(turns, cancellation);
        }
    }
}
