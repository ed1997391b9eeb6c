using System.Collections.Concurrent;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Serving.Hosting;
using Vitrine.Transformers;

namespace Vitrine.Serving.Tests;

/// <summary>A model whose answers a test chooses; it can be held until the test lets it go.</summary>
internal sealed class StubModel(Func<ServedAsk, double[][]>? answer = null) : IServedModel
{
    private readonly SemaphoreSlim entered = new(0);

    /// <summary>Waited for before every pass; open unless a test closes it.</summary>
    public ManualResetEventSlim Gate { get; } = new(initialState: true);

    /// <summary>Sessions of every pass, in order.</summary>
    public ConcurrentQueue<string[]> Passes { get; } = new();

    /// <summary>What was asked, in order.</summary>
    public ConcurrentQueue<ServedAsk> Asked { get; } = new();

    public string Name => "ExampleServer";

    public string Fingerprint => "0123";

    public PolicyNeeds Needs { get; init; } = new() { Horizon = 10 };

    public IReadOnlyList<string> ActionNames { get; init; } = ["x", "gripper"];

    public int ActionSteps { get; init; } = 1;

    public void Require(RunPlan plan)
    {
    }

    public IReadOnlyList<ServedAct> Act(IReadOnlyList<ServedAsk> asked, CancellationToken cancellation)
    {
        entered.Release();
        Gate.Wait(cancellation);
        Passes.Enqueue([.. asked.Select(a => a.Session.Name)]);
        foreach (var ask in asked)
        {
            Asked.Enqueue(ask);
        }

        return [.. asked.Select(a => new ServedAct(answer?.Invoke(a) ?? [[a.Session.Step, 0]]) { Seed = a.Seed })];
    }

    /// <summary>Waits until a pass has begun that was not waited for yet.</summary>
    public Task EnteredAsync() => entered.WaitAsync(TimeSpan.FromSeconds(30));

    public void Dispose() => Gate.Set();

    /// <summary>An observation of one grey picture.</summary>
    public static Observation Seen(string instruction = "go", int side = 4) => new(Picture.Plain(side, side, (9, 9, 9)), instruction);

    public static ServedRequest Request(string instruction = "go", int side = 4) => new() { Seen = Seen(instruction, side) };
}
