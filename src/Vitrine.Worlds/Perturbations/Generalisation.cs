using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Worlds.Perturbations;

/// <summary>Success on instructions that name combinations of a training, beside those that were held out of it.</summary>
/// <param name="Task">The task; <c>all</c> for every task together.</param>
/// <param name="Seen">Success where no held-out combination is named.</param>
/// <param name="HeldOut">Success where one is named.</param>
/// <param name="Difference">Held out minus seen, with Newcombe's interval from the two Wilson intervals.</param>
/// <remarks>
/// It says something of a policy that was trained in a world with <c>combinations=seen</c>; the embedded policies have met every combination. The layouts of
/// the two sides differ, as an instruction belongs to one of them.
/// </remarks>
public sealed record Generalisation(string Task, Proportion Seen, Proportion HeldOut, Estimate Difference)
{
    /// <summary>Tries both sides. Tasks that name no object are left out.</summary>
    /// <param name="newActor">Makes an actor for each task and side; disposed where it can be.</param>
    /// <param name="options">The world, with the combinations that are held out.</param>
    /// <param name="tasks">Of the tabletop.</param>
    /// <param name="layoutsPerTask">Of each side.</param>
    /// <param name="stepLimit">Steps of an episode at most.</param>
    /// <param name="seed">Decides layouts and noise.</param>
    /// <param name="workers">Batches that run at the same time; the result does not depend on it.</param>
    /// <param name="progress">Hears the share that is done.</param>
    /// <param name="cancellation">Stops between control steps.</param>
    /// <exception cref="VitrineException">No combination is held out, or no task names an object.</exception>
    public static async Task<IReadOnlyList<Generalisation>> RunAsync(
        Func<IWorldActor> newActor, TabletopOptions options, IReadOnlyList<string> tasks, int layoutsPerTask, int stepLimit = 80, ulong seed = 1,
        int workers = 1, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(newActor);
        ArgumentNullException.ThrowIfNull(options);
        string[] naming = [.. tasks.Where(t => t != "move")];
        if (options.HeldOut.Count == 0 || naming.Length == 0 || layoutsPerTask < 1 || stepLimit < 1)
        {
            throw new VitrineException(
                "generalisation: expected at least one combination that is held out, one task that names an object, one layout and one step.");
        }

        var batches = naming.SelectMany(_ => new[] { CombinationUse.Seen, CombinationUse.HeldOut }, (task, use) => (Task: task, Use: use)).ToArray();
        var successes = new int[batches.Length];
        var done = 0;
        await ComputeThreads.EachAsync(batches.Length, workers, (batch, stop) =>
        {
            var actor = newActor();
            using var owned = actor as IDisposable;
            var world = options with { Combinations = batches[batch].Use };
            LayoutKey[] keys = [.. Enumerable.Range(0, layoutsPerTask).Select(i => new LayoutKey(seed, LayoutSplit.Test, batches[batch].Task, i))];
            successes[batch] = new Rollouts(() => new TabletopWorld(world), stepLimit).Run(actor, keys, stop).Count(e => e.Succeeded);
            progress?.Report((double)Interlocked.Increment(ref done) / batches.Length);
        }, cancellation).ConfigureAwait(false);
        return
        [
            .. naming.Select(task => Of(task, Sum(task, CombinationUse.Seen), Sum(task, CombinationUse.HeldOut))),
            Of("all", Sum(null, CombinationUse.Seen), Sum(null, CombinationUse.HeldOut)),
        ];

        Proportion Sum(string? task, CombinationUse use)
        {
            int[] own = [.. batches.Index().Where(b => b.Item.Use == use && (task is null || b.Item.Task == task)).Select(b => b.Index)];
            return new(own.Sum(b => successes[b]), own.Length * layoutsPerTask);
        }
    }

    /// <remarks>Newcombe 1998, method 10: d - sqrt((p1 - l1)^2 + (u2 - p2)^2), d + sqrt((u1 - p1)^2 + (p2 - l2)^2).</remarks>
    internal static Generalisation Of(string task, Proportion seen, Proportion heldOut)
    {
        var (p1, p2) = (heldOut.Rate ?? double.NaN, seen.Rate ?? double.NaN);
        var (l1, u1, l2, u2) = (heldOut.Low, heldOut.High, seen.Low, seen.High);
        var (below, above) = (double.Hypot(p1 - l1, u2 - p2), double.Hypot(u1 - p1, p2 - l2));
        return new(task, seen, heldOut, new Estimate(p1 - p2, p1 - p2 - below, p1 - p2 + above));
    }
}
