using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Policies.Actions;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Worlds;

/// <summary>A policy under edits whose strength changes from control step to control step, each world at its own.</summary>
/// <param name="policy">Stays the caller's; several actors may share it, also on several threads.</param>
/// <param name="edits">What is changed, and when.</param>
/// <param name="word">A word to append to every instruction, or null.</param>
/// <param name="steps">Rows of each chunk that are carried out; as many as the policy's checkpoint says when null.</param>
/// <remarks>
/// It is an actor of worlds and not of observations because a closed loop measures the world that it steers.
/// What can be measured: <c>speed</c> (how far the gripper moved in the last step, 0 before the first), <c>height</c>, and every measure of the world.
/// </remarks>
public sealed class ScheduledActor(Policy policy, IReadOnlyList<ScheduledEdit> edits, string? word = null, int? steps = null) : IWorldActor
{
    private readonly Dictionary<int, ScheduleProgress> progress = [];
    private readonly ActionChunks chunks = new(steps ?? policy.ActionSteps);
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
        Turn[] seen = [.. turns.Select(t => ObservingActor.TurnOf(t, word))];
        return chunks.CarryOut(seen, asked =>
        {
            var (rows, askers) = (asked.Select(i => acting[i]).ToArray(), asked.Select(i => seen[i]).ToArray());
            var plan = RunPlan.ForRows([.. rows.Select(row => Steadily with { Edits = [.. row.Select(e => e.Edit)] })]);
            using var run = policy.Act([.. askers.Select(t => t.Seen)], plan, new ActOptions { Noise = policy.NoiseOf(askers) }, cancellation);
            Count(rows, run.UntouchedEdits);
            return [.. run.Actions.Select(a => a.Chunk)];
        });
    }

    /// <summary>The edits of one world in this step, each with its place among all.</summary>
    private (int Index, Edit Edit)[] ActingIn(WorldTurn turn)
    {
        if (turn.Step == 0)
        {
            progress[turn.Episode] = new ScheduleProgress(edits, turn.World.Gripper);
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
}
