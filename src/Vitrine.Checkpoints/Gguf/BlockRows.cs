using static TorchSharp.torch;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>What the rows of a matrix are that stays as its file has it: blocks, one row behind the other.</summary>
/// <param name="Type">Their format: quantised, or 16-bit floats.</param>
/// <param name="Columns">Weights of a row, a whole number of blocks and of 32.</param>
internal sealed record BlockRows(GgufType Type, long Columns)
{
    /// <summary>Width of the heads whose rows llama.cpp has in pairs (see <see cref="GgufTensorNames.UndoPermutation"/>); 0 where rows lie as the model
    /// has them.</summary>
    public int PairedHeadWidth { get; init; }

    /// <summary>Bytes of a row.</summary>
    public long RowBytes { get; } = BytesOf(Type, Columns);

    /// <summary>Whether rows of such a format and width can be multiplied and widened as they lie.</summary>
    public static bool Suits(GgufType type, long columns)
        => BitConverter.IsLittleEndian && columns > 0 && columns % BlockProducts.Step == 0 && columns % type.Block().Elements == 0
            && (type.IsQuantised() || type is GgufType.F16 or GgufType.BF16);

    /// <summary>The model's place of a row of the file.</summary>
    /// <remarks>Within a head, row 2i of the file is the model's row i, and row 2i + 1 its row i + half.</remarks>
    public int PlaceOf(int row)
    {
        if (PairedHeadWidth == 0)
        {
            return row;
        }

        var (head, within) = Math.DivRem(row, PairedHeadWidth);
        return (head * PairedHeadWidth) + (within / 2) + (within % 2 * (PairedHeadWidth / 2));
    }

    /// <summary>The file's place of a row of the model.</summary>
    public long RowOf(long place)
    {
        if (PairedHeadWidth == 0)
        {
            return place;
        }

        var (head, within) = Math.DivRem(place, PairedHeadWidth);
        var half = PairedHeadWidth / 2;
        return (head * PairedHeadWidth) + (2 * (within % half)) + (within / half);
    }

    /// <summary>Rows of the model in float32, large ones on all cores.</summary>
    /// <param name="bytes">(rows, row bytes).</param>
    /// <param name="target">(n, columns) float32, contiguous; written.</param>
    /// <param name="places">The model's rows, one for each row of <paramref name="target"/>.</param>
    public unsafe void Widen(Tensor bytes, Tensor target, Func<long, long> places)
    {
        var (rows, blocks, values) = (target.shape[0], (nint)TensorMemory.Start(bytes), (nint)TensorMemory.Start(target));
        const long Piece = 1 << 17;
        var share = Math.Max(1, Piece / Columns);
        if (rows <= share || get_num_threads() == 1)
        {
            Some(0, rows);
        }
        else
        {
            Parallel.For(0, (rows + share - 1) / share, new ParallelOptions { MaxDegreeOfParallelism = get_num_threads() },
                i => Some(i * share, Math.Min(rows, (i + 1) * share)));
        }

        GC.KeepAlive(bytes);
        GC.KeepAlive(target);

        void Some(long from, long to)
        {
            for (var row = from; row < to; row++)
            {
                BlockProducts.Widen(Type, (byte*)blocks + (RowOf(places(row)) * RowBytes), Columns, (float*)values + (row * Columns), BlockProducts.Best);
            }
        }
    }

    private static long BytesOf(GgufType type, long columns)
    {
        var (elements, bytes) = type.Block();
        return columns / elements * bytes;
    }
}
