using System.Diagnostics;
using System.Net.WebSockets;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Serving.Hosting;
using Vitrine.Serving.Protocols;
using Vitrine.Serving.Wire;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Benchmarks;

/// <summary>
/// Load on a policy server over loopback: what the server itself adds to the model's time for a request of LIBERO's size, what memory does meanwhile, and what
/// a shared pass brings.
/// </summary>
/// <remarks>
/// The clients live in the same process and on the same cores; they send bytes that were packed before and only count what comes back. The overhead of a
/// request is its round trip without the times that the answer tells: of waiting, and of the pass.
/// </remarks>
internal static class ServeLoadBenchmark
{
    private const int Side = 224, Horizon = 10, Width = 7, Batched = 8;

    public static void Run(Arguments arguments)
    {
        if (arguments.Text("--only") is not "batch")
        {
            LoadAsync(arguments.Number("--sessions", 16), arguments.Number("--seconds", 60), arguments.Number("--pause", 100)).GetAwaiter().GetResult();
        }

        if (arguments.Text("--only") is not "load")
        {
            Batch(arguments.Text("--policy") ?? "embedded:tabletop", arguments.Number("--rounds", 5));
        }
    }

    private static async Task LoadAsync(int sessions, int seconds, int pause)
    {
        using var host = new PolicyHost(new IdleModel(), new HostOptions { Sessions = sessions + 1 });
        await using var openpi = await PolicyServer.StartAsync(host, "openpi", 0).ConfigureAwait(false);
        await using var vlaEval = await PolicyServer.StartAsync(host, "vla-eval", 0).ConfigureAwait(false);
        using var ends = new CancellationTokenSource();
        using var rest = new SemaphoreSlim(sessions, sessions);
        var all = new List<double>[sessions];
        var clients = Enumerable.Range(0, sessions).Select(i => Task.Run(() => AskAsync(
            i % 2 == 0 ? openpi.Address : vlaEval.Address, i, pause, all[i] = [], rest, ends.Token)))
            .ToArray();
        await Task.Delay(TimeSpan.FromSeconds(Math.Min(60, seconds / 2))).ConfigureAwait(false); // what is compiled and pooled first is no leak
        var before = await RestingAsync(rest, sessions).ConfigureAwait(false);
        var (began, answered) = (Measured.Now(), host.Totals.Answers);
        await Task.Delay(TimeSpan.FromSeconds(seconds)).ConfigureAwait(false);
        var (taken, counted) = (Measured.Now() - began, host.Totals.Answers - answered);
        var after = await RestingAsync(rest, sessions).ConfigureAwait(false);
        await ends.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(clients).ConfigureAwait(false);
        double[] sorted = [.. all.SelectMany(a => a).Order()];
        Console.WriteLine(
            $"{sessions} sessions, half openpi and half vla-eval, {Request(openpi: true).Length} bytes a request, a pause of 0 to {2 * pause} ms behind each, "
            + $"{seconds} s: {sorted.Length} answers");
        Console.WriteLine(
            $"overhead of a request: median {At(.5):0.00} ms, p90 {At(.9):0.00} ms, p99 {At(.99):0.00} ms, largest {At(1):0.00} ms");
        Console.WriteLine(
            $"processor: {1e3 * taken.Processor / counted:0.00} ms a request, client and server together, over {counted} requests");
        Console.WriteLine(
            $"memory: managed {before.Managed / 1e6:0.0} -> {after.Managed / 1e6:0.0} MB, "
            + $"resident {before.Resident / 1e6:0.0} -> {after.Resident / 1e6:0.0} MB");

        double At(double share) => sorted[Math.Min(sorted.Length - 1, (int)(share * sorted.Length))];
    }

    /// <remarks>Sessions pause apart from each other, 0 to twice the pause: robots do not ask in step.</remarks>
    private static async Task AskAsync(Uri address, int session, int pause, List<double> overheads, SemaphoreSlim rest, CancellationToken ends)
    {
        var (openpi, random) = (session % 2 == 0, new Random(session));
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(address, default).ConfigureAwait(false);
        var (request, buffer) = (Request(openpi), new byte[1 << 16]);
        if (openpi)
        {
            await socket.ReceiveAsync(buffer.AsMemory(), default).ConfigureAwait(false);
        }

        while (!ends.IsCancellationRequested)
        {
            await rest.WaitAsync(CancellationToken.None).ConfigureAwait(false);
            var began = Stopwatch.GetTimestamp();
            await socket.SendAsync(request, WebSocketMessageType.Binary, true, default).ConfigureAwait(false);
            var got = await socket.ReceiveAsync(buffer.AsMemory(), default).ConfigureAwait(false);
            var milliseconds = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            var answer = MessageReader.ReadMap(buffer.AsMemory(0, got.Count));
            var told = (WireMap)(openpi ? answer : (WireMap)answer["payload"]!)["vitrine"]!;
            rest.Release();
            overheads.Add(milliseconds - (double)told["queue_ms"]! - (double)told["model_ms"]!);
            await Task.Delay(random.Next(2 * pause), CancellationToken.None).ConfigureAwait(false);
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", default).ConfigureAwait(false);
    }

    private static byte[] Request(bool openpi)
    {
        var picture = new Picture(Side, Side, [.. Enumerable.Range(0, Side * Side * 3).Select(i => (byte)(i * 31))]);
        var state = WireArray.Of(new double[8], WireDtype.Double, 8);
        const string Words = "pick up the black bowl and place it on the plate";
        return openpi
            ? MessageWriter.Write(new WireMap
            {
                ["observation/image"] = picture,
                ["observation/wrist_image"] = picture,
                ["observation/state"] = state,
                ["prompt"] = Words,
                ["vitrine/report"] = true,
            })
            : MessageWriter.Write(new WireMap
            {
                ["type"] = "observation",
                ["seq"] = 1L,
                ["timestamp"] = 1.5,
                ["payload"] = new WireMap
                {
                    ["images"] = new WireMap { ["image"] = picture, ["wrist_image"] = picture },
                    ["states"] = state,
                    ["task_description"] = Words,
                    ["vitrine/report"] = true,
                },
            }, ArrayForm.TextKeys);
    }

    /// <summary>Memory while no request is under way.</summary>
    private static async Task<(long Managed, long Resident)> RestingAsync(SemaphoreSlim rest, int sessions)
    {
        for (var held = 0; held < sessions; held++)
        {
            await rest.WaitAsync().ConfigureAwait(false);
        }

        var found = Memory();
        rest.Release(sessions);
        return found;
    }

    private static (long Managed, long Resident) Memory()
    {
        var managed = GC.GetTotalMemory(forceFullCollection: true);
        using var process = Process.GetCurrentProcess();
        return (managed, process.WorkingSet64);
    }

    private static void Batch(string name, int rounds)
    {
        using var policy = Policy.Open(name);
        var seen = new Observation(Picture.Plain(64, 64, (40, 90, 160)), "touch the plum wedge")
        {
            State = policy.Needs.StateWidth == 0 ? new Dictionary<string, StateVector>()
                : new Dictionary<string, StateVector> { ["state"] = new(new double[policy.Needs.StateWidth]) },
        };
        var plan = RunPlan.Editing(new Scale($"language.{policy.Language.Shape.Layers - 1}.resid_post", 1.1));
        using var single = new PolicyHost(new ServedPolicy(policy, owns: false));
        using var shared = new PolicyHost(new ServedPolicy(policy, owns: false), new HostOptions { Batch = Batched });
        using var mixed = new PolicyHost(new ServedPolicy(policy, owns: false), new HostOptions { Batch = Batched });
        for (var i = 0; i < Batched / 2; i++)
        {
            mixed.Plans.Set(plan, $"s{2 * i}");
        }

        PolicyHost[] hosts = [single, shared, mixed];
        foreach (var host in hosts)
        {
            Ask(host, seen); // plans are bound, pages are there
        }

        var taken = Enumerable.Range(0, rounds).Select(_ => hosts.Select(h => Measured.Of(() => Ask(h, seen))).ToArray()).ToArray();
        double[] wall = [.. Enumerable.Range(0, hosts.Length).Select(h => Measured.Median(taken.Select(t => t[h].Wall)))];
        double[] own = [.. Enumerable.Range(0, hosts.Length).Select(h => Measured.Median(taken.Select(t => t[h].Processor)))];
        Console.WriteLine(
            $"{name}, {Batched} sessions, {rounds} rounds in turns, medians of wall (processor) seconds for a request of each:");
        Console.WriteLine($"one by one {wall[0]:0.000} ({own[0]:0.000}), in one pass {wall[1]:0.000} ({own[1]:0.000}): "
            + $"{wall[0] / wall[1]:0.00} x the throughput ({own[0] / own[1]:0.00} x by processor time)");
        Console.WriteLine($"half of them edited {wall[2]:0.000} ({own[2]:0.000}): {wall[2] / wall[1]:0.000} of the unedited pass "
            + $"({own[2] / own[1]:0.000} by processor time)");
    }

    /// <summary>Eight requests of each session, all at once.</summary>
    private static void Ask(PolicyHost host, Observation seen)
    {
        HostSession[] sessions = [.. Enumerable.Range(0, Batched).Select(i => host.Open("load", $"s{i}"))];
        var asked = Enumerable.Range(0, 8).SelectMany(_ => sessions.Select(s => s.AskAsync(new ServedRequest { Seen = seen }))).ToArray();
        Task.WhenAll(asked).GetAwaiter().GetResult();
    }

    /// <summary>Answers at once, with a chunk of LIBERO's size.</summary>
    private sealed class IdleModel : IServedModel
    {
        private static readonly double[][] Chunk = [.. Enumerable.Range(0, Horizon).Select(_ => new double[Width])];

        public string Name => "idle";

        public string Fingerprint => "";

        public PolicyNeeds Needs { get; } = new() { Cameras = ["image", "wrist_image"], NeedsEveryCamera = true, StateWidth = 8, Horizon = Horizon };

        public IReadOnlyList<string> ActionNames { get; } = ["dx", "dy", "dz", "droll", "dpitch", "dyaw", "gripper"];

        public int ActionSteps => 1;

        public void Require(RunPlan plan)
        {
        }

        public IReadOnlyList<ServedAct> Act(IReadOnlyList<ServedAsk> asked, CancellationToken cancellation) => [.. asked.Select(_ => new ServedAct(Chunk))];

        public void Dispose()
        {
        }
    }
}
