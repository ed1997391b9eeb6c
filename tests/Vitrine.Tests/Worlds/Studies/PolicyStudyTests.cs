using System.Collections.Concurrent;
using System.Diagnostics;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Worlds;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds.Studies;

/// <summary>Studies of a real policy, whose arms carry their plans.</summary>
[Collection(ThreadCount.Name)]
public sealed class PolicyStudyTests : IDisposable
{
    private const string FolderOfTheKilled = "VITRINE_TESTS_KILLED_POLICY_STUDY";
    private static readonly StudyRunner Runner = new(() => new TabletopWorld(new() { Adverbs = false }));
    private readonly string folder = Directory.CreateTempSubdirectory("study").FullName;
    private readonly Policy policy = Policy.Open("embedded:tabletop");
    private readonly Study study;

    public PolicyStudyTests() => study = StudyOf(policy);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_study_read_back_from_json_gives_the_same_records_with_any_number_of_workers()
    {
        var run = await Runner.RunAsync(study, policy, cancellation: Cancellation);
        var again = await Runner.RunAsync(Study.FromJson(study.ToJson()), policy, new() { Workers = 3 }, cancellation: Cancellation);
        again.ToJson().ShouldBe(run.ToJson());
        StudyRun.FromJson(run.ToJson()).ToJson().ShouldBe(run.ToJson());
    }

    [Fact]
    public async Task Every_arm_acts_under_its_own_plan_schedule_and_word()
    {
        var run = await Runner.RunAsync(study, policy, cancellation: Cancellation);
        foreach (var arm in study.Arms)
        {
            using var planned = policy.With(arm.Plan);
            IWorldActor expected = arm.Schedule is null
                ? new ObservingActor(planned, arm.Word)
                : new ScheduledActor(policy, [new ScheduledEdit(arm.Plan!.Edits[0], arm.Schedule)]);
            var episodes = new Rollouts(NewWorld, study.StepLimit).Run(expected, [.. study.Layouts()], Cancellation);
            run.Arms.Single(a => a.Arm.Name == arm.Name).Episodes.Zip(episodes).ShouldAllBe(pair => pair.First.HasSameActionsAs(pair.Second), arm.Name);
        }

        var result = StudyResult.Of(run, resamples: 50);
        Same("zero dose").ShouldBe(2);
        Same("clamp").ShouldBeLessThan(2);
        Same("late").ShouldBeLessThan(2);
        Same("say 'quickly'").ShouldBeLessThan(2);

        int Same(string name) => result.Arms.Single(a => a.Arm.Name == name).SameAsBaseline;
    }

    [Fact]
    public async Task A_film_shows_the_measured_episode_also_after_a_resume()
    {
        await Runner.RunAsync(study, policy, new() { Folder = folder }, cancellation: Cancellation);
        var run = await Runner.RunAsync(study, policy, new() { Folder = folder }, cancellation: Cancellation);
        var layout = study.Layouts().First();
        var measured = run.EpisodeOf("clamp", layout);
        measured.Pictures.ShouldBeNull();
        var film = EpisodeFilm.Of(NewWorld, measured);
        film.HasSameActionsAs(measured).ShouldBeTrue();
        film.Path.ShouldBe(measured.Path);

        using var planned = policy.With(study.Arms.Single(a => a.Name == "clamp").Plan);
        var kept = new Rollouts(NewWorld, study.StepLimit) { KeepsPictures = true }.Run(new ObservingActor(planned), [.. study.Layouts()], Cancellation)[0];
        film.Pictures!.Count.ShouldBe(measured.Steps + 1);
        film.Pictures.Zip(kept.Pictures!).ShouldAllBe(pair => pair.First.Rgb.SequenceEqual(pair.Second.Rgb));
    }

    [Fact]
    public async Task A_film_in_another_world_is_refused()
    {
        var measured = (await Runner.RunAsync(study, policy, cancellation: Cancellation)).EpisodeOf("clamp", study.Layouts().First());
        Should.Throw<VitrineException>(() => EpisodeFilm.Of(NewWorld,
            measured with { Layout = measured.Layout with { Seed = 77 } })).Message.ShouldContain("after 0 steps");
        Should.Throw<VitrineException>(() => EpisodeFilm.Of(NewWorld,
            measured with { Actions = [.. measured.Actions.Reverse()] })).Message.ShouldContain("the gripper is at");
    }

    [Fact]
    public async Task A_policy_with_other_weights_is_refused_by_name()
    {
        using var other = Retrained();
        (await Refused(study, other)).ShouldContain($"is of the policy 'embedded:tabletop' with the weights {policy.Fingerprint[..12]}");
        (await Refused(study with { Policy = null }, policy)).ShouldContain("names no policy");
        using var planned = policy.With(StudyTests.Clamped(3));
        (await Refused(study, planned)).ShouldContain("under a plan of 1 edits of its own");
        (await Refused(study with { Arms = [.. study.Arms.Select(a => a.Name == "clamp" ? a with { Plan = null } : a)] }, policy))
            .ShouldContain("the arm 'clamp' (Edit) has no plan");
    }

    [Fact]
    public async Task A_folder_is_refused_to_other_weights_another_plan_and_another_world_by_name_and_keeps_its_chunks()
    {
        var whole = (await Runner.RunAsync(study, policy, new() { Folder = folder }, cancellation: Cancellation)).ToJson();
        var before = Files();
        using var other = Retrained();
        (await Refused(StudyOf(other), other))
            .ShouldContain($"the policy's weights: '{policy.Fingerprint[..12]}' there, '{other.Fingerprint[..12]}' asked for");
        (await Refused(study with { Arms = [.. study.Arms.Select(a => a.Name == "clamp" ? a with { Plan = StudyTests.Clamped(41) } : a)] }, policy))
            .ShouldContain("the arm 'clamp' has another plan");
        var elsewhere = new StudyRunner(() => new TabletopWorld());
        (await Should.ThrowAsync<VitrineException>(() => elsewhere.RunAsync(study with { World = new TabletopWorld().Description }, policy,
            new() { Folder = folder }, cancellation: Cancellation)))
            .Message.ShouldContain("the world: ");
        Files().ShouldBe(before);

        var told = new ConcurrentBag<StudyProgress>();
        (await Runner.RunAsync(study, policy, new() { Folder = folder }, new Told(told.Add), Cancellation)).ToJson().ShouldBe(whole);
        told.ShouldBeEmpty();

        string[] Files() => [.. Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal).Select(f => Path.GetFileName(f) + File.ReadAllText(f))];
    }

    [Fact]
    public async Task A_run_that_was_killed_goes_on_with_the_same_weights_alone()
    {
        var whole = (await Runner.RunAsync(study, policy, cancellation: Cancellation)).ToJson();
        await KillAfterThreeChunks();
        using var other = Retrained();
        (await Refused(StudyOf(other), other)).ShouldContain("the policy's weights");
        var told = new ConcurrentBag<StudyProgress>();
        (await Runner.RunAsync(study, policy, new() { Folder = folder }, new Told(told.Add), Cancellation)).ToJson().ShouldBe(whole);
        told.ShouldAllBe(p => p.Resumed >= 3);
    }

    /// <summary>The child of the test above: waits for its end once three chunks are there.</summary>
    [Fact(Explicit = true)]
    public async Task A_policy_study_that_waits_to_be_killed()
    {
        var path = Environment.GetEnvironmentVariable(FolderOfTheKilled) ?? throw new InvalidOperationException($"Set {FolderOfTheKilled}.");
        await Runner.RunAsync(study, policy, new() { Folder = path }, new Told(p =>
        {
            if (p.Chunks == 3)
            {
                File.WriteAllText(Path.Combine(path, "stuck"), "");
                Cancellation.WaitHandle.WaitOne();
            }
        }), Cancellation);
    }

    public void Dispose()
    {
        policy.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private static TabletopWorld NewWorld() => new(new() { Adverbs = false });

    private static Study StudyOf(Policy policy)
    {
        var neurons = new NeuronSet([new Neuron(2, 5), new Neuron(3, 7)]);
        return new Study
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
                new Arm { Name = "clamp", Kind = ArmKind.Edit, Concept = "fast", Plan = RunPlan.Editing(new Clamp(neurons, 40)) },
                new Arm { Name = "late", Kind = ArmKind.Edit, Concept = "fast", Plan = RunPlan.Editing(new Clamp(neurons, 40)), Schedule = new Window(2, 9) },
                new Arm { Name = "say 'quickly'", Kind = ArmKind.Prompt, Concept = "fast", Word = "quickly" },
                new Arm { Name = "zero dose", Kind = ArmKind.ZeroDose, Concept = "fast", Plan = RunPlan.Editing(new Scale("language.2.mlp.neurons", 1)) },
                .. Enumerable.Range(0, 8).Select(i => new Arm
                {
                    Name = $"random {i}", Kind = ArmKind.MatchedRandom, Concept = "fast", Group = "random", Plan = RunPlan.Editing(
                        new Clamp(new NeuronSet([new Neuron(1, 20 + i)]), 2)),
                }),
            ],
        }.WithControls(_ => []);
    }

    /// <summary>The embedded policy with another weight: one changed number of its last tensor's bytes.</summary>
    private Policy Retrained()
    {
        var copy = Path.Combine(folder, "retrained");
        if (!Directory.Exists(copy))
        {
            Directory.CreateDirectory(copy);
            foreach (var file in Directory.EnumerateFiles(policy.Folder))
            {
                File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
            }

            var weights = File.ReadAllBytes(Path.Combine(copy, "model.safetensors"));
            weights[^4] ^= 1;
            File.WriteAllBytes(Path.Combine(copy, "model.safetensors"), weights);
        }

        return Policy.Open(copy);
    }

    private async Task<string> Refused(Study asked, Policy by)
        => (await Should.ThrowAsync<VitrineException>(() => Runner.RunAsync(asked, by, new() { Folder = folder }, cancellation: Cancellation))).Message;

    private async Task KillAfterThreeChunks()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, Environment = { [FolderOfTheKilled] = folder } };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
        {
            start.ArgumentList.Add(typeof(PolicyStudyTests).Assembly.Location);
        }

        var method = $"{typeof(PolicyStudyTests).FullName}.{nameof(A_policy_study_that_waits_to_be_killed)}";
        foreach (var argument in new[] { "-explicit", "only", "-method", method })
        {
            start.ArgumentList.Add(argument);
        }

        using var stuck = new FileSystemWatcher(folder, "stuck");
        var isStuck = new TaskCompletionSource();
        stuck.Created += (_, _) => isStuck.TrySetResult();
        stuck.EnableRaisingEvents = true;
        using var child = Process.Start(start)!;
        var output = child.StandardOutput.ReadToEndAsync(Cancellation);
        if (await Task.WhenAny(isStuck.Task, child.WaitForExitAsync(Cancellation)) != isStuck.Task)
        {
            Assert.Fail(await output);
        }

        child.Kill();
        await child.WaitForExitAsync(Cancellation);
        Directory.EnumerateFiles(folder, "chunk-*.json").Count().ShouldBe(3);
    }

    private sealed class Told(Action<StudyProgress> what) : IProgress<StudyProgress>
    {
        public void Report(StudyProgress value) => what(value);
    }
}
