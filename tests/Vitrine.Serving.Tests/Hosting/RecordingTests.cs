using Vitrine.Policies;
using Vitrine.Serving.Clients;
using Vitrine.Serving.Hosting;
using Vitrine.Serving.Live;
using Vitrine.Serving.Wire;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Worlds.Monitors;
using Vitrine.Worlds.Records;
using Vitrine.Worlds.Studies;

namespace Vitrine.Serving.Tests.Hosting;

/// <summary>Sessions on disk, and what monitors say of them.</summary>
public sealed class RecordingTests : IAsyncDisposable
{
    private const string Name = "embedded:tabletop-flow", Place = "language.1.resid_post";
    private readonly TemporaryFolder folder = new();
    private readonly List<IAsyncDisposable> clients = [];

    [Fact]
    public async Task A_session_is_recorded_with_its_plans_and_replays_to_the_bit()
    {
        await using (var served = new Served(Name, reading: new ServedReading { Recorder = new SessionRecorder(folder.Path, [Place]) }))
        {
            var plan = RunPlan.Editing(new Scale(Place, .5));
            await using var client = await PolicyClient.ConnectAsync(await served.StartAsync("openpi"));
            var seen = Served.Observations(3);
            await client.AskAsync(seen[0], 5);
            served.Host.Plans.Set(plan);
            await client.AskAsync(seen[1], 6);
            await client.BeginAsync();
            served.Host.Plans.Off();
            await client.AskAsync(seen[2]);
        }

        var records = EpisodeRecord.Find(folder.Path).Order(StringComparer.Ordinal).Select(EpisodeRecord.Open).ToArray();
        records.Select(r => (r.IsFinished, r.Steps.Count)).ShouldBe([(true, 2), (true, 1)]);
        records[0].Steps.Select(s => (s.NoiseSeed, s.IsEdited)).ShouldBe([(5, false), (6, true)]);
        records[0].PlanOf(0).ShouldBeNull();
        records[0].PlanOf(1)!.Edits.Single().ShouldBeOfType<Scale>().Factor.ShouldBe(.5);
        records[0].Header.Client.ShouldBe("openpi openpi-1");
        using var policy = Policies.Policy.Open(Name);
        foreach (var record in records)
        {
            var replayed = Replay.Run(record, policy, newWorld: null);
            (replayed.Steps, replayed.IsIdentical).ShouldBe((record.Steps.Count, true));
        }
    }

    [Fact]
    public async Task What_was_answered_is_on_disk_whenever_the_process_ends()
    {
        await using var served = new Served(Name, reading: new ServedReading { Recorder = new SessionRecorder(folder.Path) });
        await using var client = await PolicyClient.ConnectAsync(await served.StartAsync("groot"));
        var seen = Served.Observations(3);
        for (var i = 0; i < seen.Length; i++)
        {
            var answered = await client.AskAsync(seen[i]);
            var record = EpisodeRecord.Open(EpisodeRecord.Find(folder.Path).Single()); // what a process would find that came after kill -9
            (record.IsFinished, record.Steps.Count).ShouldBe((false, i + 1));
            record.Steps[i].Chunk!.SelectMany(r => r).ShouldBe(answered.SelectMany(r => r));
            record.Seen(i).Cameras.Values.Single().Rgb.ShouldBe(seen[i].Picture.Rgb);
        }
    }

    [Theory]
    [InlineData("openvla")]
    [InlineData("openpi")]
    public async Task A_client_that_comes_back_by_its_name_goes_on_in_its_record(string protocol)
    {
        var seen = Served.Observations(4);
        await using (var first = new Served(Name, reading: new ServedReading { Recorder = new SessionRecorder(folder["runs"]) }))
        {
            var address = await first.StartAsync(protocol);
            var ask = await NamedAsync(address, "arm-1");
            await ask(seen[0], false);
            await ask(seen[1], false);
            var nameless = await NamedAsync(address, null);
            await nameless(seen[2], false);
            CopyAsLeftByAKill(folder["runs"], folder["left"]);
        }

        var recorder = new SessionRecorder(folder["left"]);
        recorder.EndCutOff().ShouldBe(1);
        recorder.EndCutOff().ShouldBe(0);
        await using (var second = new Served(Name, reading: new ServedReading { Recorder = recorder }))
        {
            var address = await second.StartAsync(protocol);
            await (await NamedAsync(address, "arm-2"))(seen[0], false);
            await (await NamedAsync(address, "arm-1"))(seen[3], false);
            var session = second.Host.Sessions.Single(s => s.Caller == "arm-1");
            session.Step.ShouldBe(3);
        }

        using var policy = Policies.Policy.Open(Name);
        var records = EpisodeRecord.Find(folder["left"]).Select(EpisodeRecord.Open).ToDictionary(r => r.Header.Caller ?? "");
        records.ToDictionary(r => r.Key, r => (r.Value.Steps.Count, r.Value.Header.End!.Reason)).ShouldBe(
            new Dictionary<string, (int, string)> { ["arm-1"] = (3, "closed"), ["arm-2"] = (1, "closed"), [""] = (1, "cut off") }, ignoreOrder: true);
        var whole = records["arm-1"];
        whole.Seen(2).Picture.Rgb.ShouldBe(seen[3].Picture.Rgb);
        Replay.Run(whole, policy, newWorld: null).IsIdentical.ShouldBeTrue();
    }

    [Fact]
    public async Task A_client_that_begins_anew_under_its_name_goes_on_with_nothing()
    {
        var seen = Served.Observations(2);
        await using (var first = new Served(Name, reading: new ServedReading { Recorder = new SessionRecorder(folder["runs"]) }))
        {
            await (await NamedAsync(await first.StartAsync("openpi"), "arm"))(seen[0], false);
            CopyAsLeftByAKill(folder["runs"], folder["left"]);
        }

        await using (var second = new Served(Name, reading: new ServedReading { Recorder = new SessionRecorder(folder["left"]) }))
        {
            await (await NamedAsync(await second.StartAsync("openpi"), "arm"))(seen[1], true);
        }

        EpisodeRecord.Find(folder["left"]).Select(EpisodeRecord.Open).Select(r => (r.IsFinished, r.Steps.Count)).ShouldBe([(false, 1), (true, 1)]);
    }

    [Fact]
    public async Task An_answer_that_cannot_be_kept_is_not_given()
    {
        await File.WriteAllTextAsync(folder["taken"], "");
        var log = new List<string>();
        await using var served = new Served(
            Name, new HostOptions { Log = log.Add }, new ServedReading { Recorder = new SessionRecorder(folder["taken"]) });
        using var session = served.Host.Open("test");
        var error = await Should.ThrowAsync<HostFailure>(session.AskAsync(new ServedRequest { Seen = Served.Observations(1)[0] }));
        error.InnerException!.Message.ShouldContain("taken");
        log.ShouldHaveSingleItem().ShouldContain("taken");
    }

    [Fact]
    public async Task An_alarm_reaches_the_answer_the_watchers_and_the_record()
    {
        using var policy = Policies.Policy.Open(Name);
        var width = policy.Language.Shape.Width;
        var always = Monitor("always", policy, width, threshold: -1);
        var never = Monitor("never", policy, width, threshold: 1e9);
        await using var served = new Served(Name, reading: new ServedReading
        {
            Monitors = [always, never],
            Recorder = new SessionRecorder(folder.Path),
            Watched = new NeuronSet([new Neuron(1, 3), new Neuron(1, 2)]),
        });
        await using var live = await LiveServer.StartAsync(served.Host);
        using var watching = new LiveClient(live.Address.ToString());
        using var ends = new CancellationTokenSource();
        await using var steps = watching.WatchAsync(ends.Token).GetAsyncEnumerator();
        var next = steps.MoveNextAsync();
        await using var client = await OpenPiClient.ConnectAsync((await served.StartAsync("openpi")).Address);
        var seen = Served.Observations(1)[0];
        while (!next.IsCompleted)
        {
            await client.AskAsync(seen); // the watcher is told from when its request has come in
        }

        client.Alarms.ShouldHaveSingleItem().ShouldStartWith("always: ");
        (await next).ShouldBeTrue();
        steps.Current.Alarms.ShouldHaveSingleItem().ShouldStartWith("always: ");
        steps.Current.Monitors.Keys.ShouldBe(["always", "never"], ignoreOrder: true);
        steps.Current.Neurons.Keys.ShouldBe(["language.1:2", "language.1:3"]);
        (await watching.StateAsync()).Alarms.ShouldBeGreaterThan(0);
        await ends.CancelAsync();
        var record = EpisodeRecord.Open(EpisodeRecord.Find(folder.Path).Single());
        record.Header.Monitors.ShouldBe(["always", "never"]);
        record.Steps[0].Readings.Select(r => r.IsAlarm).ShouldBe([true, false]);

        foreach (var protocol in (string[])["vla-eval", "openvla", "oft", "groot"])
        {
            await using var other = await PolicyClient.ConnectAsync(await served.StartAsync(protocol));
            await other.AskAsync(seen);
            other.Alarms.ShouldHaveSingleItem(protocol).ShouldStartWith("always: ");
        }
    }

    [Fact]
    public async Task The_watched_neurons_are_those_of_the_run()
    {
        await using var served = new Served(Name, reading: new ServedReading { Watched = new NeuronSet([new Neuron(1, 3)], "expert") });
        using var session = served.Host.Open("test");
        var seen = Served.Observations(1)[0];
        var answer = await session.AskAsync(new ServedRequest { Seen = seen });
        const string Neurons = "expert.1.mlp.neurons";
        using var run = served.Policy.Act([seen], RunPlan.Capturing(Neurons));
        using var at = run.Layout.At(run.Run, Neurons, 0);
        answer.Watched.ShouldHaveSingleItem().ShouldBe(new WatchedNeuron("expert.1:3", at[0, 0, 3].item<float>()));
    }

    [Fact]
    public async Task Unmodified_clients_are_told_nothing_more_than_they_know()
    {
        await using var served = new Served(Name);
        await using var client = await OpenPiClient.ConnectAsync((await served.StartAsync("openpi")).Address, extras: false);
        var seen = Served.Observations(1)[0];
        var answer = await client.AskAsync(new WireMap
        {
            ["observation/image"] = seen.Picture,
            ["observation/state"] = WireArray.Of([.. seen.State.Values.Single().Values], WireDtype.Double, 4),
            ["prompt"] = seen.Instruction,
        });
        answer.Keys.ShouldBe(["actions", "policy_timing", "server_timing"]);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in clients)
        {
            await client.DisposeAsync();
        }

        folder.Dispose();
    }

    /// <summary>A probe whose score is 0 whatever it reads.</summary>
    /// <summary>A client that calls its session by a name, or by none; what it asks may begin another episode.</summary>
    private async Task<Func<Observation, bool, Task>> NamedAsync(ServerAddress address, string? name)
    {
        if (address.Protocol != "openpi")
        {
            var rest = await PolicyClient.ConnectAsync(address, name);
            clients.Add(rest);
            return (seen, _) => rest.AskAsync(seen);
        }

        var client = await OpenPiClient.ConnectAsync(address.Address);
        clients.Add(client);
        return async (seen, begins) =>
        {
            if (begins)
            {
                await client.BeginAsync();
            }

            var map = new WireMap { ["observation/image"] = seen.Picture, ["prompt"] = seen.Instruction };
            foreach (var (state, vector) in seen.State)
            {
                map.Add($"observation/{state}", WireArray.Of([.. vector.Values], WireDtype.Double, vector.Values.Count));
            }

            if (name is not null)
            {
                map.Add("session_id", name);
            }

            await client.AskAsync(map);
        };
    }

    /// <summary>A folder of records as the end of their process leaves it.</summary>
    private static void CopyAsLeftByAKill(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories).Where(f => !f.EndsWith(".lock", StringComparison.Ordinal)))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    private static ActivationMonitor Monitor(string name, Policies.Policy policy, int width, double threshold) => new(
        new MonitorFacts
        {
            Name = name,
            Kind = MonitorKind.Probe,
            Policy = StudyPolicy.Of(policy),
            Points = [Place],
            Threshold = threshold,
            Label = MonitorLabel.Fails,
            FalseAlarms = .05,
            TrainedOn = [],
        },
        new MonitorNumbers(new double[width], [.. Enumerable.Repeat(1.0, width)], [new double[width]], [1], 0));
}
