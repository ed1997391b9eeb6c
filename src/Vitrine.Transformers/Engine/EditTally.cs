using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;

namespace Vitrine.Transformers.Engine;

/// <summary>Which edits of a plan a run has touched something with. An edit is looked at until it has.</summary>
internal sealed class EditTally(IReadOnlyList<Edit> edits)
{
    private readonly bool[] came = new bool[edits.Count], touched = new bool[edits.Count];
    private int lastStep;

    /// <summary>Whether an edit has touched something.</summary>
    public bool HasTouched(int edit) => touched[edit];

    /// <summary>A pass begins.</summary>
    public void Begin(int step) => lastStep = Math.Max(lastStep, step);

    /// <summary>An edit acts at a place in a pass that its steps name.</summary>
    public void Act(int edit, Address place, Pass pass)
    {
        if (!touched[edit])
        {
            (came[edit], touched[edit]) = (true, edits[edit].Touches(place, pass));
        }
    }

    /// <summary>The edits that touched nothing, and why.</summary>
    /// <param name="prompts">Of the run, by stack.</param>
    public IReadOnlyList<UntouchedEdit> Untouched(IReadOnlyDictionary<string, long[][]> prompts)
        => Array.TrueForAll(touched, t => t)
            ? []
            : [.. edits.Index().Where(e => !touched[e.Index]).Select(e => new UntouchedEdit(e.Index, e.Item, Why(e, prompts)))];

    private string Why((int Index, Edit Edit) of, IReadOnlyDictionary<string, long[][]> prompts)
        => of.Edit.NamesNothing ?? (
            came[of.Index] ? $"no token of the run stands where it acts{Lengths(prompts)}"
            : of.Edit.Scope.Steps is { } steps ? $"none of its steps ({string.Join(", ", steps)}) came; the last of the run was {lastStep}"
            : "the run does not compute where it acts");

    private static string Lengths(IReadOnlyDictionary<string, long[][]> prompts)
    {
        int[] lengths = [.. prompts.Values.SelectMany(rows => rows).Select(row => row.Count(p => p >= 0)).Distinct().Order()];
        return lengths.Length == 0 ? "" : $" (prompts of {(lengths.Length == 1 ? $"{lengths[0]}" : $"{lengths[0]} to {lengths[^1]}")} tokens)";
    }
}
