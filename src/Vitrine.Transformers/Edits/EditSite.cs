using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>One place that an edit is bound to.</summary>
public sealed class EditSite
{
    private readonly List<Action<RunRows>> checks;
    private readonly List<Tensor> owned;

    internal EditSite(Address address, StackShape shape, ScalarType dtype, Device device, List<Action<RunRows>> checks, List<Tensor> owned)
        => (Address, Shape, Dtype, Device, this.checks, this.owned) = (address, shape, dtype, device, checks, owned);

    /// <summary>The place.</summary>
    public Address Address { get; }

    /// <summary>The stack that holds it.</summary>
    public StackShape Shape { get; }

    /// <summary>What the stack computes in.</summary>
    public ScalarType Dtype { get; }

    /// <summary>Where the stack computes: tensors of the edit must lie there.</summary>
    public Device Device { get; }

    /// <summary>Size of the point's last axis; 0 where it is the number of keys.</summary>
    public int Width => Address.Point.LastAxisIn(Shape);

    /// <summary>Gives a tensor to the bound plan, which disposes it.</summary>
    /// <returns>The same tensor, in the stack's precision where it is floating point.</returns>
    public Tensor Own(Tensor tensor) => Owned(tensor, Dtype);

    /// <summary>The part of the point's tensor that a scope names.</summary>
    /// <exception cref="VitrineException">The scope names what the point does not have.</exception>
    public Region RegionOf(EditScope scope) => new(scope, this);

    /// <summary>The value, if it broadcasts to the tensor without growing it.</summary>
    /// <exception cref="VitrineException">It does not; both shapes are named.</exception>
    public Tensor Fit(Tensor value, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(value);
        ArgumentNullException.ThrowIfNull(x);
        var fits = value.dim() <= x.dim();
        for (var i = 1; fits && i <= value.dim(); i++)
        {
            fits = value.shape[^i] == 1 || value.shape[^i] == x.shape[^i];
        }

        return fits ? value : throw new VitrineException(
            $"edit at '{Address}': a value of shape [{string.Join(", ", value.shape)}] does not fit [{string.Join(", ", x.shape)}].");
    }

    /// <summary>Refuses indices that lie outside.</summary>
    /// <param name="indices">None when null.</param>
    /// <param name="size">They count from 0, below this.</param>
    /// <param name="what">What they count.</param>
    /// <exception cref="VitrineException">One does; it is named.</exception>
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

    /// <summary>Refuses, in each run, rows that the batch does not have.</summary>
    internal void RequireRows(IReadOnlyList<int>? rows)
    {
        if (rows is not null)
        {
            Require(rows, int.MaxValue, "row");
            checks.Add(batch => Require(rows, batch.Count, "row"));
        }
    }

    /// <summary>Refuses, in each run, kinds of tokens that the place's stack does not have.</summary>
    internal void Require(Positions? positions)
    {
        foreach (var kind in positions?.Kinds ?? [])
        {
            checks.Add(rows =>
            {
                IReadOnlyCollection<string> known = rows.Kinds.Stack == Address.Stack ? rows.Kinds.Names : [];
                if (!known.Contains(kind))
                {
                    var nearest = Nearest.Of(kind, known) is { } name ? $"the nearest that exists is '{name}'" : "the batch names none there";
                    throw new VitrineException($"edit at '{Address}': there is no kind of tokens '{kind}'; {nearest}.");
                }
            });
        }
    }

    /// <summary>The same in the precision that sums are kept in: float32 where the stack computes in 16 bits.</summary>
    internal Tensor OwnForSums(Tensor tensor) => Owned(tensor, Dtype.OfSums());

    /// <summary>
    /// One number a row, as a tensor (rows, 1, ...) that broadcasts to the point's; 0 for rows without. In float32 at least, as a number for all rows is.
    /// </summary>
    internal Tensor PerRow(IEnumerable<(int Row, double Number)> numbers, int rows)
    {
        var all = new double[rows];
        foreach (var (row, number) in numbers)
        {
            all[row] = number;
        }

        long[] shape = [rows, .. Enumerable.Repeat(1L, (Address.Point.Axes == PointAxes.Stream ? 3 : 4) - 1)];
        return OwnForSums(tensor(all, shape));
    }

    private Tensor Owned(Tensor tensor, ScalarType type)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        var own = tensor.is_floating_point() ? tensor.to(type, Device) : tensor.to(Device);
        owned.Add(own);
        return own;
    }
}
