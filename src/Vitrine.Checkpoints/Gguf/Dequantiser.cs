using System.Buffers;
using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>Reads a quantised tensor as float32, piece by piece, large ones on all cores.</summary>
internal static unsafe class Dequantiser
{
    private const int PieceElements = 1 << 17; // 512 kB of float32: stays in a core's cache.

    /// <returns>A new tensor, the caller's.</returns>
    public static Tensor Read(string path, GgufTensor source)
    {
        var tensor = empty([.. source.Shape], ScalarType.Float32);
        try
        {
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.None);
            var start = (float*)TensorMemory.Start(tensor);
            var total = tensor.numel();
            var pieces = (total + PieceElements - 1) / PieceElements;
            if (pieces == 1)
            {
                Piece(file, source, start, 0, (int)total);
            }
            else
            {
                Parallel.For(0, pieces, i => Piece(file, source, start, i * PieceElements, (int)Math.Min(PieceElements, total - (i * PieceElements))));
            }

            return tensor;
        }
        catch (Exception e)
        {
            tensor.Dispose();
            var cause = e is AggregateException { InnerException: { } inner } ? inner : e;
            if (cause is IOException or UnauthorizedAccessException)
            {
                throw new VitrineException($"{path}: tensor '{source.Name}' cannot be read ({cause.Message}).", cause);
            }

            throw;
        }
    }

    /// <summary>Any whole number of blocks.</summary>
    public static void Decode(GgufType type, ReadOnlySpan<byte> blocks, Span<float> values)
    {
        fixed (byte* from = blocks)
        fixed (float* to = values)
        {
            BlockProducts.Widen(type, from, values.Length, to, BlockProducts.Best);
        }
    }

    private static void Piece(SafeFileHandle file, GgufTensor source, float* start, long first, int count)
    {
        var (elements, bytes) = source.Type.Block();
        var size = count / elements * bytes;
        var buffer = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            var at = 0;
            while (at < size)
            {
                var got = RandomAccess.Read(file, buffer.AsSpan(at, size - at), source.Begin + (first / elements * bytes) + at);
                at += got > 0 ? got : throw new EndOfStreamException("the file has become shorter");
            }

            Decode(source.Type, buffer.AsSpan(0, size), new Span<float>(start + first, count));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
