using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;

namespace Vitrine.Serving.Wire;

/// <summary>An array of numbers as it stands in a message: its number format, its shape, its bytes in C order.</summary>
public sealed class WireArray
{
    /// <summary>Checks length against shape; nothing is copied.</summary>
    /// <param name="dtype">The number format.</param>
    /// <param name="shape">Sizes of the axes; none for a single number.</param>
    /// <param name="data">All numbers, the last axis fastest.</param>
    /// <param name="where">Whose, for errors.</param>
    /// <param name="limits">How much may be sent.</param>
    /// <exception cref="WireException">A size is negative, there are too many axes, or the bytes are not the shape's.</exception>
    public WireArray(WireDtype dtype, IReadOnlyList<long> shape, ReadOnlyMemory<byte> data, string where = "array", WireLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(shape);
        limits ??= WireLimits.Default;
        if (shape.Count > limits.Axes)
        {
            throw new WireException($"{where}: has {shape.Count} axes; at most {limits.Axes} are read.");
        }

        if (shape.FirstOrDefault(s => s < 0) is var negative and < 0)
        {
            throw new WireException($"{where}: has an axis of {negative} numbers.");
        }

        var bytes = Shapes.ByteCount(shape, dtype.Size);
        if (bytes != data.Length)
        {
            throw new WireException($"{where}: [{string.Join(", ", shape)}] of {dtype} takes "
                + $"{bytes?.ToString(CultureInfo.InvariantCulture) ?? "more than 2^63"} bytes; {data.Length} are there.");
        }

        (Dtype, Shape, Data) = (dtype, [.. shape], data);
    }

    /// <summary>The number format.</summary>
    public WireDtype Dtype { get; }

    /// <summary>Sizes of the axes.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>All numbers, the last axis fastest; may be a view of the message.</summary>
    public ReadOnlyMemory<byte> Data { get; }

    /// <summary>How many numbers.</summary>
    public int Count => Data.Length / Dtype.Size;

    /// <summary>Doubles, or singles where they are asked for.</summary>
    /// <param name="values">All, the last axis fastest.</param>
    /// <param name="dtype"><see cref="WireDtype.Double"/> or <see cref="WireDtype.Single"/>.</param>
    /// <param name="shape">Sizes of the axes.</param>
    public static WireArray Of(IReadOnlyCollection<double> values, WireDtype dtype, params IReadOnlyList<long> shape)
    {
        ArgumentNullException.ThrowIfNull(values);
        byte[] bytes = dtype == WireDtype.Double ? MemoryMarshal.AsBytes<double>([.. values]).ToArray()
            : dtype == WireDtype.Single ? MemoryMarshal.AsBytes<float>([.. values.Select(v => (float)v)]).ToArray()
            : throw new ArgumentException($"{dtype} is not written", nameof(dtype));
        return new WireArray(dtype, shape, bytes);
    }

    /// <summary>A picture's bytes, rows by columns by 3.</summary>
    public static WireArray Of(Picture picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        return new WireArray(WireDtype.Byte, [picture.Height, picture.Width, 3], picture.Rgb);
    }

    /// <summary>The numbers, whatever their format; unsigned and signed 64-bit ones are rounded to doubles.</summary>
    public double[] ToDoubles()
    {
        var (values, size) = (new double[Count], Dtype.Size);
        ReadOnlySpan<byte> bytes = Data.Span;
        if (Dtype.BigEndian)
        {
            var turned = bytes.ToArray();
            for (var at = 0; at < turned.Length; at += size)
            {
                turned.AsSpan(at, size).Reverse();
            }

            bytes = turned;
        }

        for (var i = 0; i < values.Length; i++)
        {
            var number = bytes.Slice(i * size, size);

            values[i] = (Dtype.Kind, size) switch
            {
                ('b', _) => number[0] == 0 ? 0 : 1,
                ('u', 1) => number[0],
                ('u', 2) => BinaryPrimitives.ReadUInt16LittleEndian(number),
                ('u', 4) => BinaryPrimitives.ReadUInt32LittleEndian(number),
                ('u', _) => BinaryPrimitives.ReadUInt64LittleEndian(number),
                ('i', 1) => (sbyte)number[0],
                ('i', 2) => BinaryPrimitives.ReadInt16LittleEndian(number),
                ('i', 4) => BinaryPrimitives.ReadInt32LittleEndian(number),
                ('i', _) => BinaryPrimitives.ReadInt64LittleEndian(number),
                (_, 2) => (double)BinaryPrimitives.ReadHalfLittleEndian(number),
                (_, 4) => BinaryPrimitives.ReadSingleLittleEndian(number),
                _ => BinaryPrimitives.ReadDoubleLittleEndian(number),
            };
        }

        return values;
    }

    /// <summary>Whether it can be a picture: bytes, rows by columns by 3, or 3 by rows by columns, axes of length 1 in front left out.</summary>
    public bool IsPicture => Dtype == WireDtype.Byte && Sizes() is [_, _, 3] or [3, _, _];

    /// <summary>The picture; channels may stand first (ALOHA's cameras), axes of length 1 in front are left out.</summary>
    /// <param name="where">Whose, for errors.</param>
    /// <param name="limits">How much may be sent.</param>
    /// <exception cref="WireException">It is no array of bytes with three channels, is empty, or has too many pixels.</exception>
    public Picture ToPicture(string where, WireLimits? limits = null)
    {
        var most = (limits ?? WireLimits.Default).Pixels;
        var sizes = Sizes();
        if (!IsPicture || sizes.Contains(0))
        {
            throw new WireException($"{where}: is {Dtype} [{string.Join(", ", Shape)}]; expected a picture, |u1 [rows, columns, 3] or [3, rows, columns].");
        }

        var last = sizes[2] == 3;
        var (height, width) = last ? (sizes[0], sizes[1]) : (sizes[1], sizes[2]);
        if (height * width > most)
        {
            throw new WireException($"{where}: has {height} x {width} pixels; at most {most} are read.");
        }

        var rgb = new byte[Data.Length];
        if (last)
        {
            Data.CopyTo(rgb);
        }
        else
        {
            var plane = rgb.Length / 3;
            var from = Data.Span;
            for (var i = 0; i < plane; i++)
            {
                (rgb[3 * i], rgb[(3 * i) + 1], rgb[(3 * i) + 2]) = (from[i], from[plane + i], from[(2 * plane) + i]);
            }
        }

        return new Picture((int)width, (int)height, rgb);
    }

    /// <summary>Sizes without the axes of length 1 in front of the last three.</summary>
    private long[] Sizes() => [.. Shape.Take(Math.Max(0, Shape.Count - 3)).Where(s => s != 1), .. Shape.TakeLast(3)];
}
