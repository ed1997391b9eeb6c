using System.Numerics;
using static TorchSharp.torch;

namespace Vitrine.Certification;

/// <summary>Largest differences between tensors.</summary>
public static class Comparison
{
    /// <summary>Compares where a mask allows it.</summary>
    /// <param name="case">Case of the fixture.</param>
    /// <param name="point">What is compared.</param>
    /// <param name="found">Ours; stays the caller's.</param>
    /// <param name="expected">The reference; stays the caller's.</param>
    /// <param name="valid">Broadcasts to both; null for everywhere.</param>
    /// <param name="relativeToLargest">Whether the bound is 5e-5 of the largest entry, however small (gradients).</param>
    public static CertificateRow Of(string @case, string point, Tensor found, Tensor expected, Tensor? valid = null, bool relativeToLargest = false)
    {
        ArgumentNullException.ThrowIfNull(found);
        ArgumentNullException.ThrowIfNull(expected);
        if (!found.shape.SequenceEqual(expected.shape))
        {
            return CertificateRow.Failed(@case, point, $"found [{string.Join(", ", found.shape)}], expected [{string.Join(", ", expected.shape)}]");
        }

        using var scope = NewDisposeScope();
        var (a, b) = (found.to(float64), expected.to(float64));
        var difference = (a - b).abs();
        if (valid is not null)
        {
            (difference, b) = (where(valid, difference, zeros_like(difference)), where(valid, b, zeros_like(b)));
        }

        var (error, scale) = (difference.max().item<double>(), b.abs().max().item<double>());
        return relativeToLargest ? CertificateRow.Within(@case, point, error, scale, 5e-5 * scale) : CertificateRow.Of(@case, point, error, scale);
    }

    /// <summary>Counts ids that differ.</summary>
    /// <typeparam name="T">Of ids, or of positions.</typeparam>
    public static CertificateRow Ids<T>(string @case, string point, IEnumerable<T> found, IEnumerable<long> expected)
        where T : IBinaryInteger<T>
    {
        long[] a = [.. found.Select(long.CreateChecked)], b = [.. expected];
        return a.Length != b.Length
            ? CertificateRow.Failed(@case, point, $"{a.Length} ids, expected {b.Length}")
            : CertificateRow.Equal(@case, point, a.Zip(b).LongCount(p => p.First != p.Second), b.Length);
    }
}
