using CsCheck;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Tests.Cli;
using Vitrine.Tests.Worlds.Records;
using Vitrine.Worlds.Monitors;
using Vitrine.Worlds.Records;
using Vitrine.Worlds.Studies;
using static TorchSharp.torch;

namespace Vitrine.Tests.Worlds.Monitors;

[Collection(ThreadCount.Name)]
public sealed class ActivationMonitorTests : IDisposable
{
    private const string Place = "language.3.resid_post";
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void A_distance_is_mahalanobis_own_in_the_shrunk_covariance()
    {
        var random = new RandomStream("distance");
        var examples = Examples([.. Enumerable.Range(0, 20).Select(e => Episode($"{e}", random, 10, _ => false, width: 5))]);
        var numbers = new MonitorRecipe { Kind = MonitorKind.Mahalanobis }.Fit(examples);
        using var scope = NewDisposeScope();
        var x = tensor([.. examples.All.SelectMany(e => e.Acts).SelectMany(a => a.X)], [200, 5]).to(float64);
        var (mean, scale) = (x.mean([0]), x.std(0, unbiased: false));
        var u = (x - mean) / scale;
        var covariance = (u.t().matmul(u) / 200 * .9) + (eye(5, dtype: float64) * .1);
        for (var i = 0; i < 20; i++)
        {
            float[] point = [.. Enumerable.Range(0, 5).Select(_ => (float)(3 * random.Gaussian()))];
            var v = (tensor(point).to(float64) - mean) / scale;
            var expected = Math.Sqrt(v.matmul(linalg.inv(covariance)).dot(v).item<double>() / 5);
            numbers.Score(point, MonitorKind.Mahalanobis).ShouldBe(expected, 1e-9 * expected);
        }
    }

    [Theory]
    [InlineData(MonitorKind.Probe)]
    [InlineData(MonitorKind.Mahalanobis)]
    [InlineData(MonitorKind.Conformal)]
    public void What_is_apart_is_found_and_what_is_not_is_not_shown(MonitorKind kind)
    {
        var random = new RandomStream($"apart/{kind}");
        var recipe = new MonitorRecipe { Kind = kind, FalseAlarms = .2 };
        var apart = MonitorReport.Judged(recipe, Two("train", 2.5), Two("judge", 2.5), shuffles: 4, cancellation: Cancellation).Facts.Report!;
        apart.IsShown.ShouldBeTrue();
        apart.Auroc.Mean.ShouldBeGreaterThan(.9);
        apart.Detected.Rate!.Value.ShouldBeGreaterThan(.8);
        apart.StepsToDetection!.Mean.ShouldBeInRange(0, 3);

        // Of forty monitors of noise an interval of 95 % lies above .5 by chance now and then, and a shuffled draw is hardly ever beaten too.
        var shown = Enumerable.Range(0, 40)
            .Count(_ => MonitorReport.Judged(recipe, Two("train", 0), Two("judge", 0), 4, cancellation: Cancellation).Facts.Report!.IsShown);
        shown.ShouldBeLessThanOrEqualTo(4);

        MonitorExamples Two(string name, double by) => Examples([
            .. Enumerable.Range(0, 40).Select(e => Episode($"{name} {e}", random, 6, i => e % 2 == 0 && i >= 2, width: 6, by))]);
    }

    [Fact]
    public void A_conformal_monitor_alarms_in_at_most_the_promised_share_of_quiet_episodes()
    {
        var random = new RandomStream("promise");
        var alarmed = 0;
        const int Repeats = 60, Fresh = 20;
        for (var r = 0; r < Repeats; r++)
        {
            var monitor = new MonitorRecipe { Kind = MonitorKind.Conformal, FalseAlarms = .2, Calibrating = .5 }.Train(
                Examples([.. Enumerable.Range(0, 28).Select(e => Episode($"{r} {e}", random, 5, _ => false, width: 4))]));
            alarmed += Enumerable.Range(0, Fresh)
                .Count(e => Episode("fresh", random, 5, _ => false, width: 4).Acts.Any(a => monitor.Score(a.X) > monitor.Threshold));
        }

        // Episodes of one monitor share its threshold: 60 draws of mean .2 at most, deviation below .11 each.
        ((double)alarmed / (Repeats * Fresh)).ShouldBeInRange(.1, .2 + (3 * .11 / Math.Sqrt(Repeats)));
    }

    [Fact]
    public void Too_few_episodes_for_a_promise_are_refused()
        => Should.Throw<VitrineException>(() => new MonitorRecipe { Kind = MonitorKind.Conformal, FalseAlarms = .01 }.Train(
            Examples([.. Enumerable.Range(0, 20).Select(e => Episode($"{e}", new RandomStream($"{e}"), 5, _ => false, width: 4))])))
            .Message.ShouldContain("needs at least 99");

    [Fact]
    public void It_is_judged_on_nothing_that_it_was_trained_on()
    {
        var examples = Examples([.. Enumerable.Range(0, 12).Select(e => Episode($"{e}", new RandomStream($"{e}"), 5, _ => e % 2 == 0, width: 4))]);
        var monitor = new MonitorRecipe { Kind = MonitorKind.Probe }.Train(examples);
        Should.Throw<VitrineException>(() => MonitorReport.Of(monitor, examples)).Message.ShouldContain("served for no training");
        var (first, second) = examples.Split(.5, 3);
        first.All.Select(e => e.Name).Intersect(second.All.Select(e => e.Name)).ShouldBeEmpty();
    }

    [Fact]
    public void The_area_and_its_steps_to_detection_are_those_of_plain_counting()
        => Gen.Double[-1, 1].Array[4].Array[6].Sample(scores =>
        {
            var numbers = new MonitorNumbers([0], [1], [[1]], [1], 0);
            MonitoredEpisode[] episodes = [.. scores.Select((s, e) => new MonitoredEpisode(
                $"{e}", [.. s.Select((v, i) => new MonitoredAct(i, [(float)v], e < 3 && i > 0))]))];
            var report = MonitorReport.Of(new ActivationMonitor(Facts(MonitorKind.Probe, 0), numbers), Examples(episodes));
            var acts = episodes.SelectMany(e => e.Acts).ToArray();
            var quiet = acts.Where(a => !a.IsPositive).ToArray();
            var pairs = acts.Where(a => a.IsPositive).SelectMany(p => quiet, (p, n) => p.X[0] > n.X[0] ? 1 : p.X[0] == n.X[0] ? .5 : 0);
            var first = episodes.Take(3).Select(e => e.Acts.Where(a => a.Step >= 1 && a.X[0] > 0).Select(a => (double?)a.Step - 1).FirstOrDefault())
                .OfType<double>().ToArray();
            return Math.Abs(report.Auroc.Mean - pairs.Average()) < 1e-12 && report.Detected == new Proportion(first.Length, 3)
                && (first.Length == 0 ? report.StepsToDetection is null : Math.Abs(report.StepsToDetection!.Mean - first.Average()) < 1e-12)
                && report.FalseAlarms!.Mean == episodes.Skip(3).Average(e => (double)e.Acts.Count(a => a.X[0] > 0));
        }, iter: 30);

    [Fact]
    public async Task Trained_on_records_it_reads_runs_as_it_reads_records_and_stops_where_it_alarms()
    {
        var policy = Recorded.Spoken;
        var edited = Recorded.Plain with { Name = "edited", Kind = ArmKind.Edit, Plan = Recorded.Pushed(policy) };
        var records = new List<EpisodeRecord>();
        foreach (var arm in (Arm[])[Recorded.Plain, edited])
        {
            var done = await Recorded.Rollouts.RunAsync(
                policy, arm, [.. Enumerable.Range(0, 6).Select(i => Recorded.Layout(i))],
                new WatchOptions { Folder = _folder[arm.Name], Points = ["language.*.resid_post"], Workers = 2 }, cancellation: Cancellation);
            records.AddRange(done.Select(e => EpisodeRecord.Open(e.Folder!)));
        }

        var (training, judging) = MonitorExamples.Of(records, [Place], MonitorLabel.Edited).Split(.5, 1);
        var monitor = MonitorReport.Judged(new MonitorRecipe { Kind = MonitorKind.Probe }, training, judging, 3, cancellation: Cancellation);
        monitor.Facts.Report!.Auroc.Mean.ShouldBe(1); // a push that large is plain to see
        monitor.Save(_folder["m.json"]);
        var read = ActivationMonitor.Open(_folder["m.json"]);
        read.Facts.TrainedOn.ShouldBe(monitor.Facts.TrainedOn);
        read.Facts.Report!.Auroc.ShouldBe(monitor.Facts.Report.Auroc);

        var options = new WatchOptions { Monitors = [read] };
        var live = Recorded.Rollouts.Run(policy, edited, Recorded.Layout(0), options, Cancellation);
        var kept = EpisodeRecord.Open(Recorded.Rollouts.Run(
            policy, edited, Recorded.Layout(0), new WatchOptions { Folder = _folder["again"], Points = [Place] }, Cancellation).Folder!);
        live.Readings.Select((r, i) => r.ShouldHaveSingleItem().Score).ShouldBe(kept.Steps.Select(s => read.Read(kept, s.Step)!.Score));
        live.FirstAlarm.ShouldBe(0);

        var stopped = Recorded.Rollouts.Run(
            policy, edited, Recorded.Layout(0), options with { StopsOnAlarm = true, Folder = _folder["stopped"] }, Cancellation);
        (stopped.Reason, stopped.Episode.Steps).ShouldBe(("alarm", 0));
        var record = EpisodeRecord.Open(stopped.Folder!);
        record.Steps.ShouldHaveSingleItem().Readings.ShouldHaveSingleItem().IsAlarm.ShouldBeTrue();
        record.ToEpisode().Steps.ShouldBe(0);
        Replay.Run(record, policy, Recorded.NewWorld, Cancellation).IsIdentical.ShouldBeTrue();
        Should.Throw<VitrineException>(() => read.Require(Recorded.Flowing)).Message.ShouldContain($"'{Recorded.Flowing.Name}' has the weights");
        Should.Throw<VitrineException>(() => MonitorExamples.Of(records, ["language.9.mlp.neurons"], MonitorLabel.Fails)).Message.ShouldContain("keeps no");
    }

    /// <remarks>By processor time, of the kind with the most to compute: 64 directions of a wide point.</remarks>
    [Fact]
    public void Reading_an_act_costs_at_most_a_twentieth_of_it()
    {
        var policy = Recorded.Spoken;
        var width = policy.Language.Shape.Width;
        var numbers = new MonitorNumbers(
            new double[width], [.. Enumerable.Repeat(1.0, width)], [.. Enumerable.Range(0, 64).Select(k => Enumerable.Repeat(k / 64.0, width).ToArray())],
            [.. Enumerable.Repeat(1.0, 64)], 1);
        var monitor = new ActivationMonitor(Facts(MonitorKind.Mahalanobis, 1), numbers);
        var world = Recorded.NewWorld();
        world.Reset(Recorded.Layout());
        using var threads = ComputeThreads.One();
        using var run = policy.Act([world.Observe()], monitor.Capture, cancellation: Cancellation);
        monitor.Read(run);
        var acting = Spent(10, () => policy.Act([world.Observe()], monitor.Capture, cancellation: Cancellation).Dispose());
        var reading = Spent(200, () => monitor.Read(run));
        TestContext.Current.SendDiagnosticMessage($"an act takes {acting.TotalMicroseconds} us of processor time, reading it {reading.TotalMicroseconds} us");
        reading.ShouldBeLessThan(acting / 20);

        static TimeSpan Spent(int times, Action work)
        {
            var before = Environment.CpuUsage.TotalTime;
            for (var i = 0; i < times; i++)
            {
                work();
            }

            return (Environment.CpuUsage.TotalTime - before) / times;
        }
    }

    [Fact]
    public void A_file_that_is_no_monitor_is_refused_by_name()
    {
        var numbers = new MonitorNumbers([0, 0], [1, 1], [[1, 2]], [1], .5);
        new ActivationMonitor(Facts(MonitorKind.Probe, 1), numbers).Save(_folder["m.json"]);
        ActivationMonitor.Open(_folder["m.json"]).Score([1, 1]).ShouldBe(3.5);
        Should.Throw<VitrineException>(() => ActivationMonitor.Open(_folder["m.json"]).Score([1])).Message.ShouldContain("reads 2 numbers");
        using (NewDisposeScope())
        {
            SafetensorsFile.Save(_folder["m.safetensors"], new Dictionary<string, Tensor>
            {
                ["mean"] = zeros(2),
                ["scale"] = ones(2),
                ["rows"] = ones(1, 3),
                ["variances"] = ones(1),
                ["rest"] = ones(1),
            });
        }

        Should.Throw<VitrineException>(() => ActivationMonitor.Open(_folder["m.json"])).Message.ShouldContain("expected [d], [d], [k, d], [k]");
        File.WriteAllText(_folder["m.json"], "{}");
        Should.Throw<VitrineException>(() => ActivationMonitor.Open(_folder["m.json"])).Message.ShouldContain("m.json");
        Should.Throw<VitrineException>(() => ActivationMonitor.Open(_folder["none.json"])).Message.ShouldContain("cannot be read");
        Should.Throw<VitrineException>(() => new ActivationMonitor(Facts(MonitorKind.Probe, 1), numbers).Save(_folder["m.bin"])).Message.ShouldContain(".json");
    }

    public void Dispose() => _folder.Dispose();

    private static MonitorFacts Facts(MonitorKind kind, double threshold) => new()
    {
        Name = "m",
        Kind = kind,
        Policy = new StudyPolicy("p", "f"),
        Points = [Place],
        Threshold = threshold,
        Label = MonitorLabel.Fails,
        FalseAlarms = .05,
        TrainedOn = [],
    };

    private static MonitorExamples Examples(MonitoredEpisode[] episodes) => new(new StudyPolicy("p", "f"), [Place], MonitorLabel.Edited, episodes);

    /// <summary>Acts of independent normal numbers; those to alarm at are moved along the first axes.</summary>
    private static MonitoredEpisode Episode(string name, RandomStream random, int acts, Func<int, bool> isPositive, int width, double by = 0) => new(
        name, [.. Enumerable.Range(0, acts).Select(i => new MonitoredAct(
            i, [.. Enumerable.Range(0, width).Select(d => (float)(random.Gaussian() + (isPositive(i) && d < 2 ? by : 0)))], isPositive(i)))]);
}
