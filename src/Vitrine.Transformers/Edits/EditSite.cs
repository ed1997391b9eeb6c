using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>One place that an edit is bound to.</summary>
/// <param name="Address">The place.</param>
/// <param name="Shape">The stack that holds it.</param>
/// <param name="Dtype">What the stack computes in.</param>
internal sealed record EditSite(Address Address, StackShape Shape, ScalarType Dtype)
{
    /// <summary>Rows of the batch; null where they are known only in the run.</summary>
    public int? Rows { get; init; }

    /// <summary>Kinds of tokens that the batch names.</summary>
    public TokenKinds Kinds { get; init; } = TokenKinds.None;

    public void Require(IEnumerable<int>? indices, int size, string what)
    {
        foreach (var index in indices ?? [])
        {
            if (index < 0 || index >= size)
            {
                throw new VitrineException($"edit at '{Address}': {what} {index} lies outside; there are {size}, counted from 0.");
            }
        }
    }

    /// <summary>Refuses an edit that has values for another number of rows.</summary>
    public void RequireRows(int values, int? rows)
    {
        if (rows is { } count && values != count)
        {
            throw new VitrineException($"edit at '{Address}': has values for {values} rows; the batch has {count}.");
        }
    }

    /// <summary>Refuses kinds of tokens that the place's stack does not have.</summary>
    public void Require(Positions? positions)
    {
        IReadOnlyCollection<string> known = Kinds.Stack == Address.Stack ? Kinds.Names : [];
        foreach (var kind in positions?.Kinds ?? [])
        {
            if (!known.Contains(kind))
            {
                var nearest = Nearest.Of(kind, known) is { } name ? $"the nearest that exists is '{name}'" : "the batch names none there";
                throw new VitrineException($"edit at '{Address}': there is no kind of tokens '{kind}'; {nearest}.");
            }
        }
    }

    /// <summary>The value, if it broadcasts to the tensor without growing it.</summary>
    public Tensor Fit(Tensor value, Tensor x)
    {
        var fits = value.dim() <= x.dim();
        for (var i = 1; fits && i <= value.dim(); i++)
        {
            fits = value.shape[^i] == 1 || value.shape[^i] == x.shape[^i];
        }

        return fits ? value : throw new VitrineException(
            $"edit at '{Address}': a value of shape [{string.Join(", ", value.shape)}] does not fit [{string.Join(", ", x.shape)}].");
    }

    /// <summary>One number a row, as a tensor that broadcasts to one of <paramref name="dims"/> axes.</summary>
    public Tensor PerRow(IReadOnlyList<double> factors, long dims, int rows)
    {
        RequireRows(factors.Count, rows);
        return tensor(factors.ToArray(), [factors.Count, .. Enumerable.Repeat(1L, (int)dims - 1)]).to(Dtype);
    }
}
