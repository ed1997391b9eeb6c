using System.Diagnostics;
using System.Globalization;
using Orleans.Core.Internal;
using Vitrine.Cluster.TestSilo;
using Vitrine.Worlds.Studies;

namespace Vitrine.Cluster.Tests;

/// <summary>Studies on silos that are processes of their own and find each other in a real PostgreSQL.</summary>
public sealed class SiloTests(PostgresServer postgres) : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("cluster").FullName;
    private readonly string cluster = Guid.NewGuid().ToString("N");

    [Fact]
    public async Task One_two_and_four_silos_give_what_one_worker_gives_and_four_are_faster_than_one()
    {
        var expected = await OneWorkerAsync(layouts: 4, steps: 4);
        var seconds = new Dictionary<int, double>();
        await using var silos = new SiloSet();
        foreach (var count in new[] { 1, 2, 4 })
        {
            await JoinAsync(silos, count - silos.All.Count, sleep: 50);
            var at = Directory.CreateDirectory(Path.Combine(folder, $"{count}")).FullName;
            await using var coordinator = Child.Coordinator(postgres.Connection, cluster, sleep: 50, at, layouts: 4, steps: 4);
            await coordinator.Says("chunk 1 of");
            var watch = Stopwatch.StartNew();
            await coordinator.Says("chunk 44 of 44");
            seconds[count] = watch.Elapsed.TotalSeconds;
            await coordinator.Says("done");
            File.ReadAllText(Path.Combine(at, "run.json")).ShouldBe(expected);
            silos.All.ShouldAllBe(silo => coordinator.Output.Contains($"{silo.Port}: 1 worker"));
        }

        // A loose check, for a machine that does other things too; docs/cluster.md has the measured numbers.
        (seconds[1] / seconds[4]).ShouldBeGreaterThan(1.2);
    }

    [Fact]
    public async Task A_silo_that_is_killed_and_a_coordinator_that_is_killed_and_restarted_change_nothing_but_time()
    {
        await using var silos = new SiloSet();
        await JoinAsync(silos, 2, sleep: 30);
        var port = PostgresServer.FreePort();
        await using (var first = Child.Coordinator(postgres.Connection, cluster, sleep: 30, folder, layouts: 4, steps: 4, port))
        {
            await first.Says("chunk 8 of 44");
            await first.KillAsync();
        }

        var kept = Directory.GetFiles(folder, "chunk-*.json").Length;
        kept.ShouldBeInRange(8, 43);
        await using var second = Child.Coordinator(postgres.Connection, cluster, sleep: 30, folder, layouts: 4, steps: 4, port);
        await second.Says($"chunk {kept + 4} of 44");
        await silos.All[0].Process.KillAsync();
        await second.Says("done");
        second.Output.ShouldNotContain($"chunk {kept} of 44"); // what was kept was not run again
        second.Output.ShouldContain($"{silos.All[0].Port} does not answer");
        File.ReadAllText(Path.Combine(folder, "run.json")).ShouldBe(await OneWorkerAsync(layouts: 4, steps: 4));
    }

    [Fact]
    public async Task A_driver_that_is_lost_with_what_it_knew_is_made_anew_and_goes_on()
    {
        var options = new ClusterOptions { Postgres = postgres.Connection, Name = cluster };
        await using var silo = await ClusterSilo.StartAsync(Opened, 0, options, Cancellation);
        var lost = 0;
        var run = await new ClusterRunner(Opened, options).RunAsync(
            new(SleepingStudy.Of("sleeping", 2, 3)), new() { Workers = 1, Folder = folder }, new Told<StudyProgress>(p =>
            {
                if (p.Chunks is 4 or 9)
                {
                    lost += LoseDriversAsync(silo.Grains).GetAwaiter().GetResult();
                }
            }), cancellation: Cancellation);
        lost.ShouldBe(2);
        run.ToJson().ShouldBe(await OneWorkerAsync(layouts: 2, steps: 3));

        static OpenedStudy Opened(StudyOrder order) => new(SleepingStudy.Work(order.Study, TimeSpan.FromMilliseconds(5)));
    }

    [Fact]
    public async Task A_study_on_this_process_alone_gives_what_one_worker_gives()
    {
        var runner = new ClusterRunner(order => new(SleepingStudy.Work(order.Study, TimeSpan.Zero)), new ClusterOptions());
        var run = await runner.RunAsync(new(SleepingStudy.Of("sleeping", 2, 3)), new() { Workers = 2, Folder = folder }, cancellation: Cancellation);
        run.ToJson().ShouldBe(await OneWorkerAsync(layouts: 2, steps: 3));
    }

    [Fact]
    public async Task A_policy_that_fails_ends_the_study_with_its_own_words_and_keeps_what_was_done()
    {
        var runner = new ClusterRunner(
            order => new(StudyWork.Of(order.Study, Policies.IActor (arm) => arm.Name == "random 8" ? throw new VitrineException("no such neuron") : new Still(),
                SleepingStudy.NewWorld)),
            new ClusterOptions());
        (await Should.ThrowAsync<VitrineException>(() => runner.RunAsync(
            new(SleepingStudy.Of("sleeping", 2, 3)), new() { Folder = folder }, cancellation: Cancellation))).Message.ShouldBe("no such neuron");
        Directory.GetFiles(folder, "chunk-*.json").Length.ShouldBe(20);
    }

    [Fact]
    public async Task A_silo_that_cannot_open_the_study_is_set_aside_and_the_others_go_on()
    {
        var told = new List<string>();
        await using var silos = new SiloSet();
        await JoinAsync(silos, 1, sleep: 1);
        var runner = new ClusterRunner(
            _ => throw new VitrineException("no weights on this machine"), new ClusterOptions { Postgres = postgres.Connection, Name = cluster });
        var run = await runner.RunAsync(
            new(SleepingStudy.Of("sleeping", 2, 3)), new() { Workers = 1 }, news: new Told<string>(told.Add), cancellation: Cancellation);
        run.ToJson().ShouldBe(await OneWorkerAsync(layouts: 2, steps: 3));
        told.ShouldContain(line => line.Contains("is set aside: no weights on this machine"));
    }

    [Fact]
    public async Task Where_no_silo_can_open_the_study_the_run_ends_with_the_reason()
    {
        var runner = new ClusterRunner(_ => throw new VitrineException("no weights on this machine"), new ClusterOptions());
        (await Should.ThrowAsync<VitrineException>(() => runner.RunAsync(new(SleepingStudy.Of("sleeping", 2, 3)), cancellation: Cancellation)))
            .Message.ShouldBe("no weights on this machine");
    }

    [Fact]
    public async Task A_run_that_is_cancelled_stops_and_goes_on_later()
    {
        var runner = new ClusterRunner(order => new(SleepingStudy.Work(order.Study, TimeSpan.FromMilliseconds(5))), new ClusterOptions());
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        await Should.ThrowAsync<OperationCanceledException>(() => runner.RunAsync(
            new(SleepingStudy.Of("sleeping", 2, 3)), new() { Folder = folder }, new Told<StudyProgress>(p => { if (p.Chunks == 3) { stop.Cancel(); } }),
            cancellation: stop.Token));
        var run = await runner.RunAsync(new(SleepingStudy.Of("sleeping", 2, 3)), new() { Folder = folder }, cancellation: Cancellation);
        run.ToJson().ShouldBe(await OneWorkerAsync(layouts: 2, steps: 3));
    }

    [Fact]
    public async Task Bad_places_are_refused_in_a_line()
    {
        (await Refused(new() { Postgres = "Host=127.0.0.1;Port=1;Username=a;Password=secret;Timeout=5" })).ShouldSatisfyAllConditions(
            m => m.ShouldStartWith("PostgreSQL, database"), m => m.ShouldContain("127.0.0.1:1"), m => m.ShouldNotContain("secret"));
        (await Refused(new() { Postgres = "Hots=127.0.0.1" })).ShouldStartWith("the connection string of PostgreSQL is none");
        (await Refused(new() { Postgres = "Username=a" })).ShouldContain("names no host");
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        var port = ((System.Net.IPEndPoint)taken.LocalEndpoint).Port;
        (await Refused(new() { Port = port })).ShouldContain($"127.0.0.1:{port}: cannot listen there");
        (await Refused(new() { Address = System.Net.IPAddress.Parse("192.0.2.1") })).ShouldContain("192.0.2.1:0: cannot listen there");

        static async Task<string> Refused(ClusterOptions options)
            => (await Should.ThrowAsync<VitrineException>(
                () => ClusterSilo.StartAsync(_ => throw new InvalidOperationException(), 1, options, Cancellation))).Message;
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static async Task<string> OneWorkerAsync(int layouts, int steps)
    {
        using var work = SleepingStudy.Work(SleepingStudy.Of("sleeping", layouts, steps), TimeSpan.Zero);
        return (await StudyRunner.RunAsync(work, cancellation: Cancellation)).ToJson();
    }

    /// <summary>Ends every driver as Orleans does when the silo that knew its place is gone; the next call makes a new one.</summary>
    private static async Task<int> LoseDriversAsync(IGrainFactory grains)
    {
        var drivers = (await grains.GetGrain<IManagementGrain>(0).GetDetailedGrainStatistics())
            .Where(g => g.GrainType.Contains(nameof(StudyDriver), StringComparison.Ordinal)).ToArray();
        foreach (var driver in drivers)
        {
            await grains.GetGrain<IGrainManagementExtension>(driver.GrainId).DeactivateOnIdle();
        }

        return drivers.Length;
    }

    private async Task JoinAsync(SiloSet silos, int count, int sleep)
    {
        var joining = Enumerable.Range(0, count).Select(_ => PostgresServer.FreePort())
            .Select(port => (Process: Child.Silo(postgres.Connection, cluster, sleep, port), Port: port.ToString(CultureInfo.InvariantCulture))).ToArray();
        silos.All.AddRange(joining);
        await Task.WhenAll(joining.Select(silo => silo.Process.Says("ready")));
    }

    private sealed class SiloSet : IAsyncDisposable
    {
        public List<(Child Process, string Port)> All { get; } = [];

        public async ValueTask DisposeAsync() => await Task.WhenAll(All.Select(silo => silo.Process.DisposeAsync().AsTask()));
    }

    private sealed class Still : Policies.IActor
    {
        public IReadOnlyList<double[]> Act(IReadOnlyList<Policies.Turn> turns, CancellationToken cancellation = default)
            => [.. turns.Select(_ => new double[7])];
    }
}
