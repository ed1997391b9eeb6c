using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Patching;

/// <summary>How cells of different lengths lie in the rows of a batch, one behind the other.</summary>
internal sealed class Packing
{
    private readonly (int Row, int Offset, int First, int Count)[] places;
    private readonly int[][] cellsOf;
    private readonly int[][] cellAt;

    private Packing((int Row, int Offset, int First, int Count)[] places, int width, IReadOnlyList<(int Layer, int Rows)> starts)
    {
        (this.places, Width, Starts) = (places, width, starts);
        Rows = places.Where(p => p.Count > 0).Select(p => p.Row + 1).DefaultIfEmpty(1).Max();
        Earlier = places.Where(p => p.Count > 0).Select(p => p.First).DefaultIfEmpty(0).Max();
        cellsOf = [.. Enumerable.Range(0, Rows).Select(row => places.Index().Where(p => p.Item.Row == row && p.Item.Count > 0).Select(p => p.Index).ToArray())];
        PerRow = cellsOf.Max(c => c.Length);
        cellAt = [.. Enumerable.Range(0, Rows).Select(_ => Enumerable.Repeat(-1, width).ToArray())];
        foreach (var (cell, place) in places.Index())
        {
            for (var i = 0; i < place.Count; i++)
            {
                cellAt[place.Row][place.Offset + i] = cell;
            }
        }
    }

    /// <summary>[cell].</summary>
    public IReadOnlyList<(int Row, int Offset, int First, int Count)> Places => places;

    public int Rows { get; }

    /// <summary>Blocks at which cells start, from the first on, each with the rows that have started by then: those of earlier blocks stand in front.</summary>
    public IReadOnlyList<(int Layer, int Rows)> Starts { get; }

    /// <summary>Columns of a row.</summary>
    public int Width { get; }

    /// <summary>Cached columns that some cell reads.</summary>
    public int Earlier { get; }

    /// <summary>Cells of the row that holds most.</summary>
    public int PerRow { get; }

    /// <summary>[row * width + i]: column of the text; 0 where nothing stands.</summary>
    public long[] ColumnsOr0 => [.. Columns().Select(c => Math.Max(0, c))];

    /// <summary>[cell]: where its last column stands in the rows laid one behind the other; 0 for an empty one.</summary>
    public long[] LastColumns => [.. places.Select(p => p.Count == 0 ? 0L : ((long)p.Row * Width) + p.Offset + p.Count - 1)];

    /// <summary>[cell]: the same of a pass over the last columns alone.</summary>
    public long[] LastPlaces => [.. places.Index().Select(p => p.Item.Count == 0 ? 0L : ((long)p.Item.Row * PerRow) + Array.IndexOf(cellsOf[p.Item.Row],
        p.Index))];

    /// <summary>
    /// Lays cells into rows, the longest first, each into the first row that has room; rows are as wide as the longest cell, or as the longest and the shortest
    /// together where that leaves less room empty.
    /// </summary>
    /// <param name="cells">First column and how many.</param>
    /// <param name="layers">The block that each starts at; a row holds cells of one block.</param>
    public static Packing Of(IReadOnlyList<(int First, int Count)> cells, IReadOnlyList<int> layers)
    {
        int[] counts = [.. cells.Select(c => c.Count).Where(c => c > 0)];
        var (longest, shortest) = (counts.DefaultIfEmpty(1).Max(), counts.DefaultIfEmpty(0).Min());
        var (narrow, wide) = (Laid(cells, layers, longest), Laid(cells, layers, longest + shortest));
        return counts.Length < 2 || longest == shortest || narrow.Rows * narrow.Width <= wide.Rows * wide.Width ? narrow : wide;
    }

    private static Packing Laid(IReadOnlyList<(int First, int Count)> cells, IReadOnlyList<int> layers, int width)
    {
        var (used, starts) = (new List<int>(), new List<(int, int)>());
        var places = new (int, int, int, int)[cells.Count];
        foreach (var started in cells.Index().GroupBy(c => layers[c.Index]).OrderBy(g => g.Key))
        {
            var begin = used.Count;
            foreach (var (cell, (first, count)) in started.OrderByDescending(c => c.Item.Count).ThenBy(c => c.Index))
            {
                if (count == 0)
                {
                    continue;
                }

                var row = used.FindIndex(begin, u => u + count <= width);
                if (row < 0)
                {
                    row = used.Count;
                    used.Add(0);
                }

                places[cell] = (row, used[row], first, count);
                used[row] += count;
                while (begin < used.Count && used[begin] == width)
                {
                    begin++;
                }
            }

            starts.Add((started.Key, used.Count));
        }

        return new Packing(places, width, starts);
    }

    /// <summary>From a column of the text to the index in a cell's row.</summary>
    public Func<int, int> At(int cell) => column => places[cell].Offset + column - places[cell].First;

    /// <summary>The pass over all columns of the first rows.</summary>
    public Pass Pass(RunScope run, int length, int rows)
    {
        var isPlain = Earlier == 0 && PerRow == 1;
        return new Pass(run, 0, Positions()[..rows], Before()[..rows], [.. Enumerable.Repeat((long)length, rows)])
        {
            Unseen = isPlain ? null : (row, i, j) => cellAt[row][i] is var cell && (cell < 0
                || (j < Earlier ? j >= places[cell].First : cellAt[row][j - Earlier] != cell || j - Earlier > i)),
        };
    }

    /// <summary>The pass over each cell's last column, behind one in which all columns left their keys and values.</summary>
    public Pass LastPass(RunScope run, int length)
    {
        var all = Positions();
        long[][] queries = [.. cellsOf.Select((cells, row) => Filled(cells.Select(c => all[row][places[c].Offset + places[c].Count - 1])))];
        return new Pass(run, 0, queries, [.. Before().Zip(all, (before, own) => (long[])[.. before, .. own])], [.. Enumerable.Repeat((long)length, Rows)])
        {
            Unseen = (row, i, j) =>
            {
                if (i >= cellsOf[row].Length)
                {
                    return true;
                }

                var (cell, place) = (cellsOf[row][i], places[cellsOf[row][i]]);
                return j < Earlier ? j >= place.First
                    : j < Earlier + Width ? cellAt[row][j - Earlier] != cell || j - Earlier == place.Offset + place.Count - 1
                    : j - Earlier - Width != i;
            },
        };
    }

    /// <summary>Each cell's last column (rows, cells of a row, d).</summary>
    public Tensor Lasts(Tensor x)
    {
        long[] columns = [.. cellsOf.SelectMany((cells, row) => Filled(cells.Select(c => ((long)row * Width) + places[c].Offset + places[c].Count - 1), 0L))];
        return x.flatten(0, 1).index_select(0, tensor(columns, device: x.device)).view(Rows, PerRow, -1);
    }

    private long[] Filled(IEnumerable<long> values, long with = -1)
    {
        long[] own = [.. values];
        return [.. own, .. Enumerable.Repeat(with, PerRow - own.Length)];
    }

    private long[][] Before() => [.. Enumerable.Range(0, Rows).Select(_ => Enumerable.Range(0, Earlier).Select(c => (long)c).ToArray())];

    private long[][] Positions() => [.. Columns().Chunk(Width)];

    private IEnumerable<long> Columns()
    {
        for (var row = 0; row < Rows; row++)
        {
            for (var i = 0; i < Width; i++)
            {
                yield return cellAt[row][i] is >= 0 and var cell ? places[cell].First + i - places[cell].Offset : -1;
            }
        }
    }
}
