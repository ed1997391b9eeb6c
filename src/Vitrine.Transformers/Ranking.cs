using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>Orders numbers by value, largest first, equal ones by index: wherever the largest of many are shown, or the largest decides.</summary>
/// <remarks>libtorch's <c>topk</c> orders equal values in a way that changes with the length of the row. What is not a number comes last.</remarks>
public static class Ranking
{
    /// <summary>Indices of the largest numbers, largest first, equal ones by index.</summary>
    /// <param name="values">The numbers.</param>
    /// <param name="count">How many; all where there are fewer.</param>
    public static int[] Order(IReadOnlyList<double> values, int count)
    {
        ArgumentNullException.ThrowIfNull(values);
        return [.. Enumerable.Range(0, values.Count).OrderByDescending(i => values[i]).Take(count)];       // a stable sort
    }

    /// <summary>The largest numbers of a row, largest first, equal ones by index.</summary>
    /// <param name="row">(n), on any device, of any floating-point type; stays the caller's.</param>
    /// <param name="count">How many; all where there are fewer.</param>
    public static IReadOnlyList<(int Id, double Value)> Largest(Tensor row, int count)
    {
        ArgumentNullException.ThrowIfNull(row);
        using var scope = NewDisposeScope();
        var values = row.detach().to(float64).cpu().contiguous().data<double>().ToArray();
        return [.. Order(values, count).Select(i => (i, values[i]))];
    }

    /// <summary>Index of the largest number, the first of equal ones.</summary>
    /// <param name="values">At least one.</param>
    internal static int First<T>(ReadOnlySpan<T> values)
        where T : IFloatingPointIeee754<T>
    {
        var best = 0;
        for (var i = 1; i < values.Length; i++)
        {
            if (values[i] > values[best] || (T.IsNaN(values[best]) && !T.IsNaN(values[i])))
            {
                best = i;
            }
        }

        return best;
    }

    /// <summary>The same, several at a time.</summary>
    /// <param name="values">At least one.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // else a vocabulary goes through plain calls first
    internal static int First(ReadOnlySpan<float> values)
    {
        if (values.Length < Vector256<float>.Count)
        {
            return First<float>(values);
        }

        ref var start = ref MemoryMarshal.GetReference(values);
        var most = Vector256.LoadUnsafe(ref start);
        var whole = values.Length - (values.Length % Vector256<float>.Count);
        for (var i = Vector256<float>.Count; i < whole; i += Vector256<float>.Count)
        {
            most = Vector256.MaxNumber(most, Vector256.LoadUnsafe(ref start, (nuint)i));
        }

        var largest = float.NaN;
        for (var i = 0; i < Vector256<float>.Count; i++)
        {
            largest = float.MaxNumber(largest, most[i]);
        }

        for (var i = whole; i < values.Length; i++)
        {
            largest = float.MaxNumber(largest, values[i]);
        }

        if (float.IsNaN(largest))
        {
            return 0;
        }

        var wanted = Vector256.Create(largest);
        for (var i = 0; i < whole; i += Vector256<float>.Count)
        {
            var equal = Vector256.Equals(Vector256.LoadUnsafe(ref start, (nuint)i), wanted).ExtractMostSignificantBits();
            if (equal != 0)
            {
                return i + BitOperations.TrailingZeroCount(equal);
            }
        }

        var at = whole;
        while (values[at] != largest)
        {
            at++;
        }

        return at;
    }

    /// <summary>Index of the largest number of each row, the first of equal ones.</summary>
    /// <param name="rows">(B,n), on any device, of any floating-point type; stays the caller's.</param>
    internal static int[] FirstOfRows(Tensor rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.device_type == TorchSharp.DeviceType.CPU && rows.dtype == float32 && rows.is_contiguous())
        {
            var (count, width) = ((int)rows.size(0), (int)rows.size(1));
            var first = new int[count];
            var numbers = MemoryMarshal.Cast<byte, float>(rows.bytes);
            for (var row = 0; row < count; row++)
            {
                first[row] = First(numbers.Slice(row * width, width));
            }

            GC.KeepAlive(rows);
            return first;
        }

        using var scope = NewDisposeScope();
        var here = rows.detach().cpu();
        return here.dtype == float64 ? OfEach(here.contiguous().data<double>().ToArray()) : OfEach(here.to(float32).contiguous().data<float>().ToArray());

        int[] OfEach<T>(T[] values)
            where T : IFloatingPointIeee754<T>
        {
            var width = (int)rows.shape[1];
            return [.. Enumerable.Range(0, (int)rows.shape[0]).Select(row => First<T>(values.AsSpan(row * width, width)))];
        }
    }
}
