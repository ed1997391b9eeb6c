using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Tests.Cli;
using Vitrine.Worlds.Monitors;
using Vitrine.Worlds.Records;
using static TorchSharp.torch;

namespace Vitrine.Tests.Worlds.Records;

[Collection(ThreadCount.Name)]
public sealed class EpisodeRecorderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void A_finished_record_reads_as_the_steps_that_were_added()
    {
        using var scope = NewDisposeScope();
        var (folder, policy) = (_folder["session"], Recorded.Flowing);
        var header = RecordHeader.Of(policy, Recorded.Plain) with { Points = ["expert.*.resid_post@1"], Client = "a client" };
        Observation[] seen = [.. Enumerable.Range(0, 3).Select(Seen)];
        var steps = new List<RecordedStep>();
        var kept = new List<Dictionary<string, Tensor>>();
        using (var recorder = EpisodeRecorder.Create(folder, header))
        {
            foreach (var (i, observation) in seen.Index())
            {
                var noise = ActNoise.OfSeed(long.MaxValue - i);
                using var run = policy.Act([observation], recorder.Capture, new ActOptions { Noise = noise }, TestContext.Current.CancellationToken);
                var step = RecordedStep.Of(i, observation, run) with { Readings = [new MonitorReading("m", i / 3.0, .5)], Seconds = i == 1 ? .25 : null };
                kept.Add(run.Run.Activations.Keys.ToDictionary(a => a.ToString(), a => run.Layout.At(run.Run, (a with { Step = 0 }).ToString(), a.Step)));
                recorder.Add(step, observation, run, noise: noise);
                steps.Add(step with { NoiseSeed = long.MaxValue - i });
            }

            EpisodeRecord.Open(folder).IsFinished.ShouldBeFalse();
            EpisodeRecord.Open(folder).Steps.ShouldBe(steps, new Same());
            recorder.Finish(new RecordEnd(0, "closed"));
        }

        var read = EpisodeRecord.Open(folder);
        read.Steps.ShouldBe(steps, new Same());
        read.Header.ShouldBe(header with { End = new RecordEnd(3, "closed") }, new SameHeader());
        File.Exists(Path.Combine(folder, "steps.parquet")).ShouldBeTrue();
        Directory.GetFileSystemEntries(folder).Select(Path.GetFileName).Order().ShouldBe(
            ["activations.safetensors", "episode.png", "pictures", "record.json", "steps.parquet"]);
        foreach (var (i, observation) in seen.Index())
        {
            var again = read.Seen(i);
            again.Picture.Rgb.ShouldBe(observation.Picture.Rgb);
            again.Instruction.ShouldBe(observation.Instruction);
            again.State["state"].ShouldBe(observation.State["state"], new SameVector());
            var activations = read.Activations(i);
            activations.Keys.Order().ShouldBe(kept[i].Keys.Order());
            activations.Keys.ShouldNotBeEmpty();
            activations.ShouldAllBe(a => a.Value.equal(kept[i][a.Key]).all().item<bool>());
        }
    }

    [Fact]
    public void A_step_that_was_cut_off_is_as_if_it_had_never_been_and_the_rest_stays()
    {
        var policy = Recorded.Spoken;
        var whole = Recorded.Episode(_folder["whole"], policy, points: "language.2.resid_post");
        var lines = whole.Steps.Count;
        using (var stop = new CancellationTokenSource())
        {
            Should.Throw<OperationCanceledException>(() => Recorded.Rollouts.Run(
                policy, Recorded.Plain, Recorded.Layout(),
                new WatchOptions { Folder = _folder["cut"], Points = ["language.2.resid_post"], Monitors = [] }, Cancelled(stop)));
        }

        var folder = Directory.GetDirectories(_folder["cut"]).ShouldHaveSingleItem();
        var growing = Path.Combine(folder, "steps.jsonl");
        File.WriteAllBytes(growing, []);
        Resumed().Steps.ShouldBe(whole.Steps, new Same());

        // Every length at which the process may have died while it wrote.
        foreach (var share in new[] { .2, .5, .77, .98 })
        {
            Directory.Delete(_folder["cut"], recursive: true);
            using (var half = EpisodeRecorder.Resume(folder, whole.Header with { End = null }))
            {
                foreach (var step in whole.Steps)
                {
                    using var scope = NewDisposeScope();
                    half.Add(step, whole.Seen(step.Step));
                }
            }

            var bytes = File.ReadAllBytes(growing);
            File.WriteAllBytes(growing, bytes[..(int)(share * bytes.Length)]);
            var left = EpisodeRecord.Open(folder).Steps;
            left.Count.ShouldBeLessThan(lines);
            left.ShouldBe(whole.Steps.Take(left.Count), new Same());
            Resumed().Steps.ShouldBe(whole.Steps, new Same());
        }

        EpisodeRecord Resumed() => EpisodeRecord.Open(Recorded.Rollouts.Run(
            policy, Recorded.Plain, Recorded.Layout(), new WatchOptions { Folder = _folder["cut"], Points = ["language.2.resid_post"] }).Folder!);

        static CancellationToken Cancelled(CancellationTokenSource source)
        {
            source.Cancel();
            return source.Token;
        }
    }

    [Fact]
    public void A_record_that_was_closed_halfway_is_closed_again()
    {
        var whole = Recorded.Episode(_folder["a"], Recorded.Spoken);
        var folder = _folder["b"];
        using (var recorder = EpisodeRecorder.Create(folder, whole.Header with { End = null }))
        {
            whole.Steps.ToList().ForEach(s => recorder.Add(s, whole.Seen(s.Step)));
        }

        File.WriteAllBytes(Path.Combine(folder, "steps.parquet"), [1, 2, 3]); // it was being made
        EpisodeRecord.Open(folder).Steps.ShouldBe(whole.Steps, new Same());
        using var again = EpisodeRecorder.Resume(folder, whole.Header with { End = null });
        again.Finish(whole.Header.End!).Steps.ShouldBe(whole.Steps, new Same());
    }

    [Fact]
    public void Names_of_cameras_and_plans_never_leave_the_folder()
    {
        var folder = _folder["hostile"];
        var picture = new Picture(1, 1, [1, 2, 3]);
        string[] names = ["../../out", "/etc/x", "a/b", "..", ".", "con:*?", new string('x', 300), ""];
        var seen = new Observation(names.ToDictionary(n => n, _ => picture), "reach");
        using (var recorder = EpisodeRecorder.Create(folder, RecordHeader.Of(Recorded.Spoken, Recorded.Plain)))
        {
            recorder.Add(RecordedStep.Carried(0, seen, new double[7]), seen);
            recorder.Finish(new RecordEnd(1, "closed"));
        }

        Directory.GetFileSystemEntries(_folder.Path).ShouldHaveSingleItem();
        EpisodeRecord.Open(folder).Seen(0).Cameras.Keys.ShouldBe(names, ignoreOrder: true);
        var header = Path.Combine(folder, "record.json");
        var other = RecordedStep.Carried(0, seen, new double[7]) with { Plan = "../../secret" };
        using var written = EpisodeRecorder.Create(_folder["plan"], RecordHeader.Of(Recorded.Spoken, Recorded.Plain));
        written.Add(other, seen);
        Should.Throw<VitrineException>(() => EpisodeRecord.Open(_folder["plan"]).PlanOf(0)).Message.ShouldContain("64 hexadecimal digits");
        File.Exists(header).ShouldBeTrue();
    }

    [Fact]
    public void A_point_that_is_no_address_or_fits_nothing_leaves_no_record_behind()
    {
        var header = RecordHeader.Of(Recorded.Spoken, Recorded.Plain) with { Points = ["language..resid_post"] };
        Should.Throw<VitrineException>(() => EpisodeRecorder.Create(_folder["r"], header)).Message.ShouldContain("language..resid_post");
        foreach (var point in new[] { "language..resid_post", "langage.0.resid_post" })
        {
            Should.Throw<VitrineException>(() => Recorded.Episode(_folder["rollouts"], Recorded.Spoken, points: point)).Message.ShouldContain(point);
        }

        Directory.GetFileSystemEntries(_folder.Path).ShouldBeEmpty();
        Recorded.Episode(_folder["rollouts"], Recorded.Spoken, points: "language.0.resid_post").IsFinished.ShouldBeTrue();
    }

    [Fact]
    public void What_does_not_fit_is_refused_by_name()
    {
        var header = RecordHeader.Of(Recorded.Spoken, Recorded.Plain) with { Points = ["language.0.resid_post"] };
        var seen = Seen(0);
        using (var recorder = EpisodeRecorder.Create(_folder["r"], header))
        {
            Should.Throw<VitrineException>(() => recorder.Add(RecordedStep.Carried(1, seen, [0]), seen)).Message.ShouldContain("step 1 is added; expected 0");
            Should.Throw<VitrineException>(() => recorder.Add(RecordedStep.Carried(0, seen, [double.NaN]), seen)).Message.ShouldContain("not finite");
            using var run = Recorded.Spoken.Act([seen], cancellation: TestContext.Current.CancellationToken);
            Should.Throw<VitrineException>(() => recorder.Add(RecordedStep.Of(0, seen, run), seen, run))
                .Message.ShouldContain("'language.0.resid_post' is to be kept");
            Should.Throw<VitrineException>(() => EpisodeRecorder.Resume(_folder["r"], header)).Message.ShouldContain("another process");
        }

        Should.Throw<VitrineException>(() => EpisodeRecorder.Create(_folder["r"], header)).Message.ShouldContain("is not empty");
        Should.Throw<VitrineException>(() => EpisodeRecorder.Resume(_folder["r"], header with { Points = [] })).Message.ShouldContain("another record");
        Should.Throw<VitrineException>(() => EpisodeRecord.Open(_folder.Path)).Message.ShouldContain("is no record");
        Should.Throw<VitrineException>(() => EpisodeRecord.Find(_folder["r/pictures"])).Message.ShouldContain("there is no such folder");
        File.WriteAllText(Path.Combine(_folder["r"], "steps.jsonl"), "{\"Step\":0}\n");
        Should.Throw<VitrineException>(() => EpisodeRecord.Open(_folder["r"])).Message.ShouldContain("line 1");
    }

    public void Dispose() => _folder.Dispose();

    private static Observation Seen(int i)
    {
        var world = Recorded.NewWorld();
        world.Reset(Recorded.Layout(i));
        return world.Observe();
    }

    /// <summary>Every number to the bit.</summary>
    internal sealed class Same : IEqualityComparer<RecordedStep>
    {
        public bool Equals(RecordedStep? x, RecordedStep? y) => x is not null && y is not null && x.DifferenceTo(y) is null && Rest(x) == Rest(y);

        public int GetHashCode(RecordedStep step) => step.Step;

        private static string Rest(RecordedStep s) => System.FormattableString.Invariant(
            $"{s.Step} {s.NoiseSeed} {s.Batch} {s.Plan} {s.IsEdited} {s.Gripper} {string.Join(' ', s.Cameras)} {string.Join(' ', s.Readings)} ")
            + string.Join(' ', s.Measures.Select(m => $"{m.Key} {m.Value:R}"))
            + string.Join(' ', s.State.SelectMany(v => v.Value.Values.Select(n => $"{n:R}")));
    }

    private sealed class SameVector : IEqualityComparer<StateVector>
    {
        public bool Equals(StateVector? x, StateVector? y) => x!.Unit == y!.Unit && x.Values.SequenceEqual(y.Values);

        public int GetHashCode(StateVector vector) => 0;
    }

    private sealed class SameHeader : IEqualityComparer<RecordHeader>
    {
        public bool Equals(RecordHeader? x, RecordHeader? y) => x!.End == y!.End && x.Client == y.Client && x.Policy == y.Policy
            && x.Points.SequenceEqual(y.Points) && x.ActionNames.SequenceEqual(y.ActionNames) && x.Condition == y.Condition
            && x.Machine.DifferencesTo(y.Machine).Count == 0;

        public int GetHashCode(RecordHeader header) => 0;
    }
}
