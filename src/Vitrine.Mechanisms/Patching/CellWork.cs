using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Patching;

/// <summary>Values by place; they belong to whoever gives them.</summary>
internal interface IPlaceValues
{
    /// <summary>(K,T,...), or with one position for all of them.</summary>
    Tensor At(Address place);
}

/// <summary>One change of one row of a batch.</summary>
/// <param name="Place">Without a step.</param>
/// <param name="Values">What is put in.</param>
internal sealed record PlaceChange(Address Place, IPlaceValues Values)
{
    /// <summary>Row of the values.</summary>
    public int Row { get; init; }

    /// <summary>Where the values stand, where that is another place.</summary>
    public Address? ValuePlace { get; init; }

    /// <summary>Columns of the pass over the prompt; null for all.</summary>
    public int[]? Columns { get; init; }

    /// <summary>Columns of the values, one for each of <see cref="Columns"/>; the same when null.</summary>
    public int[]? From { get; init; }

    public int? Head { get; init; }

    public int? Neuron { get; init; }

    /// <summary>Null for every pass.</summary>
    public int? Step { get; init; }

    /// <summary>Whether passes that read one decoded token are changed too, of a decoder that is told columns.</summary>
    public bool InDecoded { get; init; } = true;

    /// <summary>The first column that is changed.</summary>
    public int FirstColumn => Columns is { Length: > 0 } c ? c.Min() : 0;

    public bool ActsIn(int step, bool isDecoded) => (Step is null || Step == step) && (step == 0 || !isDecoded || InDecoded);

    /// <summary>Writes into a row of a batch.</summary>
    /// <param name="x">(T',...) or (H,Tq,Tk), to be written.</param>
    /// <param name="step">Of the pass.</param>
    /// <param name="at">From a column of the prompt to the row's own index; null where the pass reads a decoded token, which is changed whole.</param>
    public void Write(Tensor x, int step, Func<int, int>? at)
    {
        var isAttention = Place.Point.Axes == PointAxes.Attention;
        var values = Values.At((ValuePlace ?? Place) with { Step = step })[Row];
        if (Head is { } head)
        {
            (x, values) = (x.select(isAttention ? 0 : 1, head), values.select(isAttention ? 0 : 1, head));
        }

        if (Neuron is { } neuron)
        {
            (x, values) = (x.select(-1, neuron), values.select(-1, neuron));
        }

        var axis = isAttention && Head is null ? 1 : 0;
        if (Columns is null || at is null)
        {
            Put(x, values);
            return;
        }

        var from = From ?? Columns;
        var isRun = Columns.Index().All(c => c.Item == Columns[0] + c.Index && from[c.Index] == from[0] + c.Index);
        if (isRun)
        {
            Put(x.narrow(axis, at(Columns[0]), Columns.Length), values.shape[axis] == 1 ? values : values.narrow(axis, from[0], from.Length));
            return;
        }

        foreach (var (i, column) in Columns.Index())
        {
            Put(x.select(axis, at(column)), values.select(axis, values.shape[axis] == 1 ? 0 : from[i]));
        }
    }

    private void Put(Tensor place, Tensor values)
    {
        if (values.dim() != place.dim() || values.shape.Zip(place.shape).Any(s => s.First != 1 && s.First != s.Second))
        {
            throw new VitrineException(
                $"patch at '{Place}': values of [{string.Join(", ", values.shape)}] for [{string.Join(", ", place.shape)}]; the two runs differ in length "
                    + "there.");
        }

        place.copy_(values);
    }
}

/// <summary>A cell as it is computed: the changes of one row.</summary>
internal sealed record CellWork(IReadOnlyList<PlaceChange> Changes)
{
    /// <summary>The first block that must run.</summary>
    public int FirstLayer => Changes.Min(c => c.Place.Layer ?? 0);

    /// <summary>The first column that can differ.</summary>
    public int FirstColumn => Changes.Min(c => c.FirstColumn);

    /// <summary>Edits of a batch, one a place.</summary>
    /// <param name="rows">Row of the batch, and from a column of the prompt to the row's own index.</param>
    /// <param name="isDecoded">Whether every pass but the first reads one token.</param>
    public static IReadOnlyList<Edit> Edits(IReadOnlyList<(CellWork Cell, int Row, Func<int, int> At)> rows, bool isDecoded)
        => [.. rows.SelectMany(r => r.Cell.Changes.Select(change => (change, r.Row, r.At))).GroupBy(c => c.change.Place).Select(group =>
        {
            var changes = group.ToArray();
            return (Edit)new CallbackEdit(group.Key.ToString(), (x, address) =>
            {
                if (!Array.Exists(changes, c => c.change.ActsIn(address.Step, isDecoded)))
                {
                    return x;
                }

                var changed = x.clone();
                using var scope = NewDisposeScope();
                foreach (var (change, row, at) in changes.Where(c => c.change.ActsIn(address.Step, isDecoded)))
                {
                    change.Write(changed[row], address.Step, isDecoded && address.Step > 0 ? null : at);
                }

                return changed;
            });
        })];
}
