using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Worlds;

/// <summary>A policy under edits whose strength changes from control step to control step, each world at its own.</summary>
/// <param name="policy">Stays the caller's; several actors may share it, also on several threads.</param>
/// <param name="edits">What is changed, and when.</param>
/// <param name="word">A word to append to every instruction, or null.</param>
/// <remarks>
/// It is an actor of worlds and not of observations because a closed loop measures the world that it steers.
/// What can be measured: <c>speed</c> (how far the gripper moved in the last step, 0 before the first), <c>height</c>, and every measure of the world.
/// </remarks>
public sealed class ScheduledActor(Policy policy, IReadOnlyList<ScheduledEdit> edits, string? word = null) : IWorldActor
{
    private readonly Dictionary<int, Progress> progress = [];
    private readonly HashSet<int> touched = [];
    private readonly Dictionary<int, string> whys = [];

    /// <summary>What holds in every step beside the edits; nothing when null.</summary>
    public RunPlan? Steady { get; init; }

    /// <summary>
    /// Edits that touched nothing so far, because their schedule never began or nothing they name was there; those of <see cref="Steady"/> first.
    /// </summary>
    public IReadOnlyList<UntouchedEdit> UntouchedEdits
        => [.. Steadily.Edits.Concat(edits.Select(e => e.Edit)).Index().Where(e => !touched.Contains(e.Index))
            .Select(e => new UntouchedEdit(e.Index, e.Item, whys.GetValueOrDefault(e.Index, "its schedule never began")))];

    private RunPlan Steadily => Steady ?? RunPlan.Empty;

    /// <inheritdoc/>
    public IReadOnlyList<double[]> Act(IReadOnlyList<WorldTurn> turns, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(turns);
        var acting = turns.Select(ActingIn).ToArray();
        var plan = RunPlan.ForRows([.. acting.Select(row => Steadily with { Edits = [.. row.Select(e => e.Edit)] })]);
        using var run = policy.Act([.. turns.Select(t => ObservingActor.Worded(t.World.Observe(), word))], plan, cancellation: cancellation);
        Count(acting, run.UntouchedEdits);
        return [.. run.Actions.Select(a => a.Values.ToArray())];
    }

    /// <summary>The edits of one world in this step, each with its place among all.</summary>
    private (int Index, Edit Edit)[] ActingIn(WorldTurn turn)
    {
        if (turn.Step == 0)
        {
            progress[turn.Episode] = new Progress(edits, turn.World.Gripper);
        }

        var strengths = progress[turn.Episode].Next(turn.World);
        var steady = Steadily.Edits;
        return
        [
            .. steady.Select((edit, i) => (i, edit)),
            .. edits.Zip(strengths).Index().Where(e => e.Item.Second is not null).Select(e => (steady.Count + e.Index, e.Item.First.At(e.Item.Second!.Value))),
        ];
    }

    /// <remarks>The plan of all rows may hold an edit once for several of them.</remarks>
    private void Count((int Index, Edit Edit)[][] acting, IReadOnlyList<UntouchedEdit> untouched)
    {
        foreach (var (row, edits) in acting.Index())
        {
            foreach (var (index, edit) in edits.Where(e => !touched.Contains(e.Index)))
            {
                if (untouched.FirstOrDefault(u => u.Edit.Scope.Rows?.Contains(row) != false && OfAnyRow(u.Edit).Equals(edit)) is { } idle)
                {
                    whys[index] = idle.Why;
                }
                else
                {
                    touched.Add(index);
                }
            }
        }

        static Edit OfAnyRow(Edit edit) => edit with { Scope = edit.Scope with { Rows = null } };
    }

    /// <summary>One episode under every edit's schedule.</summary>
    private sealed class Progress(IReadOnlyList<ScheduledEdit> edits, Position start)
    {
        private readonly ScheduleRun[] runs = [.. edits.Select(e => e.Schedule.Start())];
        private Position last = start;

        public double?[] Next(IWorld world)
        {
            var now = world.Gripper;
            double?[] strengths = [.. runs.Select((run, i) => run.Next(edits[i]
                .Schedule.Measured is { } name ? Measured(name, world, now.DistanceTo(last)) : 0))];
            last = now;
            return strengths;
        }

        private static double Measured(string name, IWorld world, double speed) => name switch
        {
            "speed" => speed,
            "height" => world.Gripper.Z,
            _ => world.Measures.TryGetValue(name, out var value)
                ? value
                : throw new VitrineException($"schedule: the world does not measure '{name}'; it measures speed, height, "
                    + $"{string.Join(", ", world.Measures.Keys.Order(StringComparer.Ordinal))}."),
        };
    }
}
