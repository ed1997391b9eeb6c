using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace Vitrine.Mechanisms.Statistics;

/// <summary>A stream of random numbers that is fully given by its key, on every machine and in every order of work.</summary>
/// <remarks>xoshiro256** (Blackman and Vigna 2018) whose state is the SHA-256 digest of the key, so that keys need not be far apart.</remarks>
public sealed class RandomStream
{
    private ulong s0, s1, s2, s3;
    private double? spareGaussian;

    /// <summary>Opens the stream of a key.</summary>
    public RandomStream(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var digest = SHA256.HashData(Encoding.UTF8.GetBytes(key)).AsSpan();
        s0 = BinaryPrimitives.ReadUInt64LittleEndian(digest);
        s1 = BinaryPrimitives.ReadUInt64LittleEndian(digest[8..]);
        s2 = BinaryPrimitives.ReadUInt64LittleEndian(digest[16..]);
        s3 = BinaryPrimitives.ReadUInt64LittleEndian(digest[24..]);
    }

    /// <summary>A stream from a bare state, to hold the generator against its published numbers.</summary>
    internal RandomStream(ulong s0, ulong s1, ulong s2, ulong s3) => (this.s0, this.s1, this.s2, this.s3) = (s0, s1, s2, s3);

    /// <summary>64 random bits.</summary>
    public ulong NextBits()
    {
        var result = BitOperations.RotateLeft(s1 * 5, 7) * 9;
        var t = s1 << 17;
        s2 ^= s0;
        s3 ^= s1;
        s1 ^= s2;
        s0 ^= s3;
        s2 ^= t;
        s3 = BitOperations.RotateLeft(s3, 45);
        return result;
    }

    /// <summary>Uniform in [0, 1), a multiple of 2^-53.</summary>
    public double NextDouble() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [low, high).</summary>
    public double Uniform(double low, double high) => low + ((high - low) * NextDouble());

    /// <summary>Uniform in 0 .. count - 1.</summary>
    public int Below(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        return (int)Math.BigMul(NextBits(), (ulong)count, out _);
    }

    /// <summary>The same things in another order, every order as likely (Fisher and Yates).</summary>
    public T[] Shuffled<T>(IReadOnlyList<T> things)
    {
        T[] order = [.. things];
        for (var i = order.Length - 1; i > 0; i--)
        {
            var other = Below(i + 1);
            (order[i], order[other]) = (order[other], order[i]);
        }

        return order;
    }

    /// <summary>True with the given probability.</summary>
    public bool Chance(double probability) => NextDouble() < probability;

    /// <summary>Standard normal, by the method of Box and Muller.</summary>
    public double Gaussian()
    {
        if (spareGaussian is { } spare)
        {
            spareGaussian = null;
            return spare;
        }

        var radius = Math.Sqrt(-2 * Math.Log(1 - NextDouble()));
        var (sine, cosine) = Math.SinCos(2 * Math.PI * NextDouble());
        spareGaussian = radius * sine;
        return radius * cosine;
    }
}
