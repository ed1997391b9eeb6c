using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>A change of activations while a model runs: data, not code. Edits of a plan are applied in the order of its list.</summary>
/// <remarks>
/// An edit of one's own is one public record that derives from this one and carries <see cref="EditNameAttribute"/>: it is bound, applied and saved like those
/// that come along.
/// </remarks>
public abstract record Edit
{
    /// <summary>Where within the point it acts; everywhere by default.</summary>
    public EditScope Scope { get; init => field = value ?? EditScope.Everywhere; } = EditScope.Everywhere; // JSON without the key sets null

    /// <summary>The addresses that it names, wildcards allowed; their steps are those of <see cref="Scope"/>.</summary>
    public abstract IEnumerable<string> Places();

    /// <summary>Prepares the edit for one place.</summary>
    /// <param name="site">The place. Tensors that the change needs are made on its device and given to it (<see cref="EditSite.Own"/>).</param>
    /// <returns>
    /// What to do with the tensor there in each pass: the argument stays as it is, the result has its shape. <see cref="Region.Write"/> keeps to the scope.
    /// </returns>
    /// <exception cref="VitrineException">The edit does not fit the place.</exception>
    protected internal abstract Func<Tensor, Pass, Tensor> Bind(EditSite site);

    /// <summary>Why the edit can touch nothing, whatever is run; null where it can.</summary>
    internal virtual string? NamesNothing => Scope.NamesNothing;

    /// <summary>Whether it finds something to change at a place in a pass.</summary>
    internal virtual bool Touches(Address place, Tensor x, Pass pass) => NamesNothing is null && pass.Names(Scope, place.Stack);

    /// <summary>
    /// Edits from <paramref name="first"/> on that one operation does for all rows: of one kind, each for rows of its own, alike but for what
    /// <see cref="BindRowByRow"/> lets differ.
    /// </summary>
    internal static int RowByRow(IReadOnlyList<Edit> edits, int first)
    {
        var (begin, rows, count) = (edits[first], new HashSet<int>(), 0);
        while (first + count < edits.Count && edits[first + count] is var next && next.Scope.Rows is { } own && begin.IsRowByRowWith(next) && own.All(rows.Add))
        {
            count++;
        }

        return Math.Max(1, count);
    }

    /// <summary>Whether another edit, for other rows, can be done in one operation with this one.</summary>
    private protected virtual bool IsRowByRowWith(Edit other) => false;

    /// <summary>Prepares edits that were found to go together.</summary>
    /// <param name="edits">This one first.</param>
    /// <param name="rows">Of the batch.</param>
    /// <param name="site">The place.</param>
    internal virtual Func<Tensor, Pass, Tensor> BindRowByRow(IReadOnlyList<Edit> edits, int rows, EditSite site) => throw new NotSupportedException();

    /// <summary>The scope of all rows of some edits.</summary>
    private protected static EditScope RowsOf(IReadOnlyList<Edit> edits) => edits[0].Scope with { Rows = [.. edits.SelectMany(e => e.Scope.Rows!).Order()] };

    /// <summary>Whether two scopes differ in their rows at most.</summary>
    private protected static bool AlikeButRows(EditScope a, EditScope b) => (a with { Rows = null }).Equals(b with { Rows = null });
}

/// <summary>How an edit is called in JSON.</summary>
/// <param name="name">In small letters, e.g. <c>clamp</c>.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class EditNameAttribute(string name) : Attribute
{
    /// <summary>The value of the key <c>edit</c>.</summary>
    public string Name { get; } = name;
}
