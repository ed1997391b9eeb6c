using Vitrine.Transformers;

namespace Vitrine.Policies.Actions;

/// <summary>Rows of chunks that are still to be carried out, episode by episode: a policy acts again when those of its last chunk are spent.</summary>
/// <param name="steps">Rows of each chunk that are carried out; all of them when null.</param>
public sealed class ActionChunks(int? steps)
{
    private readonly Dictionary<int, Queue<double[]>> left = [];

    /// <summary>One action for each turn.</summary>
    /// <param name="turns">One per robot; an episode begins at step 0.</param>
    /// <param name="act">From the places, among the turns, of those whose chunk is spent to their next chunks, [control step][dimension].</param>
    /// <exception cref="NonFiniteException">An action is no number; its row is that of the turn.</exception>
    /// <exception cref="VitrineException">A chunk has fewer rows than are to be carried out.</exception>
    public IReadOnlyList<double[]> CarryOut(IReadOnlyList<Turn> turns, Func<IReadOnlyList<int>, IReadOnlyList<IReadOnlyList<IReadOnlyList<double>>>> act)
    {
        ArgumentNullException.ThrowIfNull(turns);
        ArgumentNullException.ThrowIfNull(act);
        int[] asked = [.. Enumerable.Range(0, turns.Count).Where(i => turns[i].Step == 0 || !HasLeft(turns[i].Episode))];
        if (asked.Length > 0)
        {
            foreach (var (place, chunk) in asked.Zip(Asked(asked, act)))
            {
                left[turns[place].Episode] = chunk.Count >= (steps ?? 1)
                    ? new Queue<double[]>(chunk.Take(steps ?? chunk.Count).Select(row => row.ToArray()))
                    : throw new VitrineException($"act: {steps ?? 1} rows of a chunk are to be carried out; it has {chunk.Count}.");
            }
        }

        return [.. turns.Select(t => left[t.Episode].Dequeue())];
    }

    private bool HasLeft(int episode) => left.TryGetValue(episode, out var rows) && rows.Count > 0;

    /// <remarks>An error of one of those that were asked is told of its place among all turns.</remarks>
    private static IReadOnlyList<IReadOnlyList<IReadOnlyList<double>>> Asked(
        int[] asked, Func<IReadOnlyList<int>, IReadOnlyList<IReadOnlyList<IReadOnlyList<double>>>> act)
    {
        try
        {
            return act(asked);
        }
        catch (NonFiniteException e) when (e.Row is { } row && row < asked.Length)
        {
            throw e.OfRow(asked[row]);
        }
    }
}
