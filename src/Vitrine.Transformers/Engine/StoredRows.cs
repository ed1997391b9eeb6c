using Vitrine.Checkpoints.Gguf;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>Rows of blocks as tensors of numbers.</summary>
internal static class StoredRows
{
    /// <summary>Neighbouring rows, from one on, into a tensor (n,columns) of any floating-point type.</summary>
    public static void Widen(Tensor bytes, BlockRows blocks, Tensor rows, long first)
    {
        if (rows.dtype == ScalarType.Float32 && rows.is_contiguous())
        {
            blocks.Widen(bytes, rows, row => first + row);
            return;
        }

        using var wide = empty([.. rows.shape], ScalarType.Float32);
        blocks.Widen(bytes, wide, row => first + row);
        _ = rows.copy_(wide);
    }

    /// <summary>Chosen rows (...,columns), owned by the current dispose scope.</summary>
    /// <param name="bytes">(rows, row bytes).</param>
    /// <param name="blocks">What they are.</param>
    /// <param name="places">int64, of any shape.</param>
    /// <param name="dtype">Of the result.</param>
    public static Tensor Chosen(Tensor bytes, BlockRows blocks, Tensor places, ScalarType dtype)
    {
        var wanted = places.flatten().contiguous().data<long>().ToArray();
        foreach (var place in wanted)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(place);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(place, bytes.shape[0]);
        }

        var wide = empty([wanted.Length, blocks.Columns], ScalarType.Float32);
        if (wanted.Length > 0)
        {
            blocks.Widen(bytes, wide, row => wanted[row]);
        }

        return wide.view([.. places.shape, blocks.Columns]).to(dtype);
    }
}
