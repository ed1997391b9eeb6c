using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Vitrine.Checkpoints;

/// <summary>A tensor's own memory, for tensors larger than a span can be.</summary>
internal static unsafe class TensorMemory
{
    /// <summary>The first byte of a contiguous tensor in main memory; null where it has no elements.</summary>
    public static byte* Start(Tensor tensor)
    {
        if (tensor.numel() == 0)
        {
            return null;
        }

        using var scope = NewDisposeScope();
        var first = tensor.view(-1).narrow(0, 0, 1).bytes;
        return (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(first));
    }

    /// <summary>A contiguous tensor's bytes in order; the tensor outlives the loop because its caller holds it.</summary>
    /// <param name="tensor">Contiguous, in main memory.</param>
    /// <param name="size">Bytes of a piece; a multiple of the element's size.</param>
    public static IEnumerable<MemoryPiece> Pieces(Tensor tensor, int size)
    {
        var total = tensor.numel() * tensor.element_size();
        for (long at = 0; at < total; at += size)
        {
            yield return Piece(tensor, at, (int)Math.Min(size, total - at));
        }

        GC.KeepAlive(tensor);
    }

    private static MemoryPiece Piece(Tensor tensor, long at, int length) => new((nint)(Start(tensor) + at), length);
}

/// <summary>Some of a tensor's bytes.</summary>
internal readonly unsafe record struct MemoryPiece(nint Address, int Length)
{
    public Span<byte> Span => new((void*)Address, Length);
}
