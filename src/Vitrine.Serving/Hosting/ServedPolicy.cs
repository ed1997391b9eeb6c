using System.Diagnostics;
using Vitrine.Policies;
using Vitrine.Transformers;

namespace Vitrine.Serving.Hosting;

/// <summary>A policy as a host serves it. Plans are bound once and kept for the requests that come again under them.</summary>
/// <param name="policy">Disposed with this where <paramref name="owns"/> says so.</param>
/// <param name="reading">What is read in every act; nothing when null.</param>
/// <param name="owns">Whether the policy is disposed with this.</param>
public sealed class ServedPolicy(Policy policy, ServedReading? reading = null, bool owns = true) : IServedModel
{
    private const int MostBound = 16;
    private readonly List<(RunPlan[][] Plans, string? Units, Policy Policy)> bound = [];

    /// <inheritdoc/>
    public string Name => policy.Name;

    /// <inheritdoc/>
    public string Fingerprint => policy.Fingerprint;

    /// <inheritdoc/>
    public PolicyNeeds Needs => policy.Needs;

    /// <inheritdoc/>
    public IReadOnlyList<string> ActionNames => policy.ActionNames;

    /// <inheritdoc/>
    public int ActionSteps => policy.ActionSteps;

    private RunPlan Reading { get; } = reading?.Capture ?? RunPlan.Empty;

    /// <inheritdoc/>
    public void Require(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        if (plan.Capture.Count > 0 || plan.Gradients.Count > 0 || plan.StopAfter is not null || plan.Rows is not null)
        {
            throw new VitrineException("plan: a served plan changes and nothing else; it captures nothing, stops nowhere and is made for no number of rows.");
        }

        if (plan.Edits.FirstOrDefault(e => e.Scope.Rows is not null) is { } rows)
        {
            throw new VitrineException($"plan: the edit {rows.GetType().Name} names rows; a served plan holds for one request at a time.");
        }

        if (policy.DeadEdits(plan) is [var dead, ..])
        {
            throw new VitrineException($"plan: {dead}.");
        }

        policy.Bind(plan.Then(Reading)).Dispose();
    }

    /// <inheritdoc/>
    public IReadOnlyList<ServedAct> Act(IReadOnlyList<ServedAsk> asked, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(asked);
        var (acting, began) = (Bound(asked), Stopwatch.GetTimestamp());
        using var run = acting.Act([.. asked.Select(a => a.Request.Seen)], options: new ActOptions { Noise = Noise(asked) }, cancellation: cancellation);
        var (values, seconds) = (Watched(run), Stopwatch.GetElapsedTime(began).TotalSeconds);
        var acts = run.Actions.Select((action, row) => new ServedAct(action.Chunk)
        {
            Seed = policy.NoiseShape is null || asked[row].Request.Noise is not null ? null : asked[row].Seed,
            Problem = action.Problem ?? (asked.Count == 1 && run.UntouchedEdits is [var idle, ..] ? idle.ToString() : null),
            Watched = values[row],
            Readings = [.. (reading?.Monitors ?? []).Select(m => m.Read(run, row))],
        }).ToArray();
        return reading?.Recorder is { } recorder ? [.. acts.Select((act, row) => Kept(recorder, asked[row], run, row, act, seconds))] : acts;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        bound.ForEach(b => b.Policy.Dispose());
        bound.Clear();
        reading?.Recorder?.Dispose();
        if (owns)
        {
            policy.Dispose();
        }
    }

    /// <summary>The act, on disk; or the refusal of an answer that could not be kept.</summary>
    private ServedAct Kept(SessionRecorder recorder, ServedAsk asked, PolicyRun run, int row, ServedAct act, double seconds)
    {
        try
        {
            recorder.Add(policy, asked, run, row, act.Readings, seconds);
            return act;
        }
        catch (VitrineException e)
        {
            return act with { Refusal = new HostFailure(e) };
        }
    }

    private ActNoise? Noise(IReadOnlyList<ServedAsk> asked)
        => asked is [{ Request.Noise: { } given }] ? given
            : policy.NoiseShape is null ? null
            : ActNoise.OfSeeds([.. asked.Select(a => a.Seed)]);

    /// <summary>The policy under the rows' plans: one of those kept, the last used first, or a new one.</summary>
    private Policy Bound(IReadOnlyList<ServedAsk> asked)
    {
        RunPlan[][] plans = [.. asked.Select(a => a.Plans.Where(p => p.Edits.Count > 0 || p.ExplicitAttention).ToArray())];
        var units = asked[0].Request.Units;
        if (plans.All(p => Same(p, plans[0])))
        {
            plans = [plans[0]];
        }

        var at = bound.FindIndex(b => b.Units == units && b.Plans.Length == plans.Length && b.Plans.Zip(plans).All(p => Same(p.First, p.Second)));
        var found = at >= 0 ? bound[at] : (plans, units, policy.With(Plan(plans).Then(Reading), units));
        if (at >= 0)
        {
            bound.RemoveAt(at);
        }
        else if (bound.Count == MostBound)
        {
            bound[^1].Policy.Dispose();
            bound.RemoveAt(bound.Count - 1);
        }

        bound.Insert(0, found);
        return found.Item3;
    }

    private static bool Same(RunPlan[] some, RunPlan[] others) => some.Length == others.Length && some.Zip(others).All(p => ReferenceEquals(p.First, p.Second));

    private static RunPlan Plan(RunPlan[][] rows)
    {
        RunPlan[] each = [.. rows.Select(row => row.Aggregate(RunPlan.Empty, (all, next) => all.Then(next)))];
        return each is [var only] ? only : RunPlan.ForRows([.. each.Select(p => p with { ExplicitAttention = each.Any(e => e.ExplicitAttention) })]);
    }

    private List<WatchedNeuron>[] Watched(PolicyRun run)
    {
        List<WatchedNeuron>[] rows = [.. run.Actions.Select(_ => new List<WatchedNeuron>())];
        if (reading?.Watched is not { } watched)
        {
            return rows;
        }

        using var scope = TorchSharp.torch.NewDisposeScope();
        var decides = watched.Stack == run.Layout.DecidingStack;
        foreach (var layer in watched.Layers)
        {
            var neurons = watched.In(layer);
            var all = decides ? run.Layout.At(run.Run, reading!.Place(layer), 0).narrow(1, 0, 1).squeeze(1) : run.Run[reading!.Place(layer)].mean([1L]);
            var chosen = all.index_select(-1, TorchSharp.torch.tensor(neurons, device: all.device)).to(TorchSharp.torch.float32).cpu().contiguous();
            var values = chosen.data<float>().ToArray();                                                   // (B, n)
            for (var i = 0; i < values.Length; i++)
            {
                rows[i / neurons.Length].Add(new WatchedNeuron($"{watched.Stack}.{layer}:{neurons[i % neurons.Length]}", values[i]));
            }
        }

        return rows;
    }
}
