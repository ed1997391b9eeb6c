namespace Vitrine.Checkpoints;

/// <summary>Sizes that come from files.</summary>
internal static class Shapes
{
    /// <summary>Bytes of an array; null where they cannot be counted.</summary>
    /// <remarks>Axes of no length are left out of the product first: behind one, an absurd axis would hide that libtorch computes its strides with.</remarks>
    public static long? ByteCount(IReadOnlyList<long> shape, int elementSize)
    {
        long bytes = elementSize;
        foreach (var size in shape)
        {
            if (size > 0 && bytes > long.MaxValue / size)
            {
                return null;
            }

            bytes *= Math.Max(size, 1);
        }

        return shape.Contains(0) ? 0 : bytes;
    }
}
