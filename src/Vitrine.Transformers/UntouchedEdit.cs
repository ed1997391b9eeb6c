using System.Reflection;
using Vitrine.Transformers.Edits;

namespace Vitrine.Transformers;

/// <summary>An edit that changed nothing, because nothing it names was there.</summary>
/// <param name="Index">Its place in the plan's list.</param>
/// <param name="Edit">Itself.</param>
/// <param name="Why">What did not come.</param>
public sealed record UntouchedEdit(int Index, Edit Edit, string Why)
{
    /// <summary>The edit in words: its place in the list, its kind, where it acts.</summary>
    public string What => $"edit {Index} ({Kind(Edit)}{(Edit.Places().ToArray() is { Length: > 0 } places ? $" at {string.Join(", ", places)}" : "")})";

    /// <summary>Edits of a plan that can touch nothing, whatever is run: they name no neuron, no head, no row or no step.</summary>
    public static IReadOnlyList<UntouchedEdit> In(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return [.. plan.Edits.Index().Where(e => e.Item.NamesNothing is not null).Select(e => new UntouchedEdit(e.Index, e.Item, e.Item.NamesNothing!))];
    }

    /// <summary>One line: the edit, that it touched nothing, and why.</summary>
    public override string ToString() => $"{What} touched nothing: {Why}";

    private static string Kind(Edit edit) => edit.GetType().GetCustomAttribute<EditNameAttribute>()?.Name ?? edit.GetType().Name;
}
