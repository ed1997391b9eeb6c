using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>
/// Where a run begins instead of at the embeddings: at a block, with the residual in front of it, and at a column, with the keys and values of what stands
/// before.
/// </summary>
/// <remarks>
/// It looks into the run that it was taken from: keep that run until the last run that starts here is done. One cached row serves any number of rows.
/// </remarks>
public sealed class RunStart
{
    private readonly Tensor residual;
    private readonly Func<int, (Tensor Keys, Tensor Values)>? earlier;
    private readonly Func<int, Tensor>? added;

    private RunStart(int layer, int column, Tensor residual, Func<int, (Tensor Keys, Tensor Values)>? earlier, Func<int, Tensor>? added)
        => (Layer, Column, this.residual, this.earlier, this.added) = (layer, column, residual, earlier, added);

    /// <summary>The first block that runs.</summary>
    public int Layer { get; }

    /// <summary>The first column of the batch that is computed.</summary>
    public int Column { get; }

    /// <summary>What a run must capture so that others can start from it.</summary>
    /// <param name="shape">The decoder.</param>
    /// <param name="layer">First block that will run.</param>
    /// <param name="column">First column that will be computed.</param>
    /// <param name="decoding">Whether tokens will be decoded behind it: they read the keys and values of every block.</param>
    public static IReadOnlyList<string> Needs(StackShape shape, int layer, int column = 0, bool decoding = false)
    {
        ArgumentNullException.ThrowIfNull(shape);
        var blocks = Enumerable.Range(0, shape.Layers).Where(l => l < layer ? decoding : column > 0);
        return
        [
            At(shape, layer, Point.ResidPre), .. blocks.SelectMany(l => new[] { At(shape, l, Keys(shape)), At(shape, l, Point.AttnV) }),
            .. Enumerable.Range(layer, Math.Max(0, shape.Layers - layer)).Where(l => shape.Points.Contains(AddedBehind(shape, l))).Select(l => Added(shape, l)),
        ];
    }

    /// <summary>Starts from what a run captured (see <see cref="Needs"/>).</summary>
    /// <param name="run">A run over whole prompts; stays the caller's.</param>
    /// <param name="shape">The decoder.</param>
    /// <param name="layer">First block that runs.</param>
    /// <param name="column">First column that is computed; the keys and values of the columns before are taken from the run.</param>
    /// <exception cref="VitrineException">The run did not capture what is needed, or has no such column.</exception>
    public static RunStart From(Run run, StackShape shape, int layer, int column = 0)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(shape);
        foreach (var address in Needs(shape, layer, column))
        {
            _ = run[address];
        }

        var residual = run[At(shape, layer, Point.ResidPre)];
        return column < 0 || column >= residual.shape[1]
            ? throw new VitrineException($"run: starts at column {column}; the cached run has {residual.shape[1]}, counted from 0.")
            : new RunStart(layer, column, residual, l => (run[At(shape, l, Keys(shape))], run[At(shape, l, Point.AttnV)]), l => run[Added(shape, l)]);
    }

    /// <summary>Starts from a residual of one's own.</summary>
    /// <param name="layer">First block that runs.</param>
    /// <param name="residual">(B,T,d), or (1,T,d) for every row; stays the caller's.</param>
    public static RunStart At(int layer, Tensor residual)
    {
        ArgumentNullException.ThrowIfNull(residual);
        return residual.dim() == 3
            ? new RunStart(layer, 0, residual, earlier: null, added: null)
            : throw new VitrineException($"run: starts from a residual of {residual.dim()} axes; expected rows, positions, coordinates.");
    }

    /// <summary>Starts from the embeddings of whole prompts, behind columns whose keys and values are known.</summary>
    /// <param name="column">First column that is computed.</param>
    /// <param name="residual">(B,T,d), in front of block 0; stays the caller's.</param>
    /// <param name="earlier">Keys, as they enter the score, and values (B,T,heads,hd) of each block; of the columns before at least.</param>
    internal static RunStart Behind(int column, Tensor residual, Func<int, (Tensor Keys, Tensor Values)> earlier)
        => new(0, column, residual, earlier, added: null);

    /// <summary>The point at which keys stand as they enter the score.</summary>
    internal static Point KeysOf(StackShape shape) => Keys(shape);

    /// <summary>The residual of the columns that are computed (B,T,d).</summary>
    internal Tensor Residual(int rows, int columns, StackShape shape)
    {
        if (residual.shape[1] != columns || residual.shape[2] != shape.Width)
        {
            throw new VitrineException(
                $"run: starts from a residual [{string.Join(", ", residual.shape)}]; the batch asks for [{rows}, {columns}, {shape.Width}].");
        }

        return Rows(residual, rows).narrow(1, Column, columns - Column);
    }

    /// <summary>What is added to the residual behind a block (B,T,d), of the columns that are computed; null where nothing is.</summary>
    /// <exception cref="VitrineException">Something is, and only a residual was given.</exception>
    internal Tensor? AddedBehind(int layer, int rows, StackShape shape)
    {
        if (!shape.Points.Contains(AddedBehind(shape, layer)))
        {
            return null;
        }

        var all = added?.Invoke(layer)
            ?? throw new VitrineException($"run: starts at block {Layer} from a residual alone; this model adds {Added(shape, layer)} behind block {layer}. "
                + "Start from a run that captured it.");
        return Rows(all, rows).narrow(1, Column, all.shape[1] - Column);
    }

    /// <summary>
    /// Puts keys and values of what is not computed into a cache: the columns before in the blocks that run, and where tokens are decoded behind, all columns
    /// in the blocks in front.
    /// </summary>
    /// <exception cref="VitrineException">They were not captured.</exception>
    internal void Fill(KeyValueCache cache, int rows, int columns, StackShape shape, BlockRange range, bool isDecoding)
    {
        for (var layer = 0; layer <= range.Last; layer++)
        {
            var count = layer >= range.First ? Column : isDecoding ? columns : 0;
            if (count == 0)
            {
                continue;
            }

            if (earlier is null)
            {
                throw new VitrineException($"run: starts at block {Layer} from a residual alone; decoding needs the keys and values of the blocks before it. "
                    + "Start from a run that captured them.");
            }

            using var scope = NewDisposeScope();
            var (keys, values) = earlier(layer);                                                           // (B, T, Hkv, hd)
            _ = cache.Append(layer, Before(keys, rows, count), Before(values, rows, count));
        }
    }

    private static Tensor Before(Tensor x, int rows, int count) => Rows(x, rows).narrow(1, 0, count).transpose(1, 2);

    private static Tensor Rows(Tensor x, int rows) => x.shape[0] == rows ? x.alias()
        : x.shape[0] == 1 ? x.expand([rows, .. x.shape[1..]])
        : throw new VitrineException($"run: starts from {x.shape[0]} cached rows; the batch has {rows}.");

    private static string At(StackShape shape, int layer, Point point) => new Address(shape.Name, layer, point).ToString();

    private static Point AddedBehind(StackShape shape, int layer) => PictureSide.DeepStack(layer, shape.Width);

    private static string Added(StackShape shape, int layer) => new Address(shape.Name, null, AddedBehind(shape, layer)).ToString();

    /// <summary>Keys as they enter the score.</summary>
    private static Point Keys(StackShape shape)
        => shape.Points.Contains(Point.AttnKRot) ? Point.AttnKRot : shape.Points.Contains(Point.AttnKNorm) ? Point.AttnKNorm : Point.AttnK;
}
