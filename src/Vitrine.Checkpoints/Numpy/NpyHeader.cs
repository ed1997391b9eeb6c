using System.Buffers.Binary;
using System.Text;

namespace Vitrine.Checkpoints.Numpy;

/// <summary>The head of a .npy file: a magic number, a version, and a Python dictionary of number format, axis order and shape.</summary>
/// <remarks>Format: NumPy Enhancement Proposal 1 and numpy.lib.format; versions 1 to 3.</remarks>
/// <param name="Dtype">Number format.</param>
/// <param name="BigEndian">Whether the bytes of a number are reversed.</param>
/// <param name="FortranOrder">Whether the first axis runs fastest.</param>
/// <param name="Shape">Sizes of the axes as numpy names them.</param>
/// <param name="ByteCount">Of the head itself.</param>
internal sealed record NpyHeader(Dtype Dtype, bool BigEndian, bool FortranOrder, IReadOnlyList<long> Shape, int ByteCount)
{
    /// <summary>Of the longest head that is read.</summary>
    public const int MostBytes = 12 + Largest;

    private const int Largest = 1 << 16, Alignment = 64;
    private static readonly byte[] Magic = [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    private static readonly Dictionary<string, Dtype> Codes = new()
    {
        ["b1"] = Dtype.Bool,
        ["i1"] = Dtype.I8,
        ["i2"] = Dtype.I16,
        ["i4"] = Dtype.I32,
        ["i8"] = Dtype.I64,
        ["u1"] = Dtype.U8,
        ["u2"] = Dtype.U16,
        ["u4"] = Dtype.U32,
        ["u8"] = Dtype.U64,
        ["f2"] = Dtype.F16,
        ["f4"] = Dtype.F32,
        ["f8"] = Dtype.F64,
        ["c8"] = Dtype.C64,
    };

    /// <summary>Bytes of the numbers.</summary>
    public long DataBytes { get; private init; }

    /// <param name="stream">At the head.</param>
    /// <param name="length">From there to the end.</param>
    /// <param name="what">The file, for errors.</param>
    public static NpyHeader Read(Stream stream, long length, string what)
    {
        Span<byte> start = stackalloc byte[12];
        if (length < 10)
        {
            throw new VitrineException($"{what}: {length} bytes; a .npy file has at least 10.");
        }

        stream.ReadExactly(start[..8]);
        if (!start[..6].SequenceEqual(Magic) || start[6] is < 1 or > 3)
        {
            throw new VitrineException($"{what}: does not begin as a .npy file of version 1 to 3 does.");
        }

        var width = start[6] == 1 ? 2 : 4;
        if (length < 8 + width)
        {
            throw new VitrineException($"{what}: ends within its head. Is it truncated?");
        }

        stream.ReadExactly(start.Slice(8, width));
        var size = width == 2 ? BinaryPrimitives.ReadUInt16LittleEndian(start[8..]) : BinaryPrimitives.ReadUInt32LittleEndian(start[8..]);
        if (size > Largest || size > length - 8 - width)
        {
            throw new VitrineException($"{what}: its head claims {size} bytes; {length - 8 - width} follow, and at most {Largest} are read. Is it truncated?");
        }

        var text = new byte[size];
        stream.ReadExactly(text);
        var header = Parse((start[6] == 3 ? Encoding.UTF8 : Encoding.Latin1).GetString(text), what, 8 + width + (int)size);
        var expected = header.DataBytes;
        return expected == length - header.ByteCount
            ? header
            : throw new VitrineException($"{what}: [{string.Join(", ", header.Shape)}] of {header.Dtype.Spelling()} takes {expected} bytes; "
                + $"{length - header.ByteCount} follow its head{(expected > length - header.ByteCount ? ". Is it truncated?" : ".")}");
    }

    /// <summary>Number format and byte order of a numpy code such as <c>&lt;f4</c>.</summary>
    public static (Dtype Dtype, bool BigEndian) Format(string code, string what)
    {
        if (code.TrimStart('<', '>', '|', '=').StartsWith('O'))
        {
            throw new VitrineException($"{what}: holds Python objects (dtype '{code}'), which only unpickling would read; they are refused.");
        }

        var bare = code is ['<' or '>' or '|' or '=', ..] ? code[1..] : code;
        return Codes.TryGetValue(bare, out var dtype)
            ? (dtype, code[0] == '>')
            : throw new VitrineException($"{what}: has the dtype '{code}'; read are {string.Join(", ", Codes.Keys)}.");
    }

    /// <summary>numpy's code of a number format and byte order.</summary>
    public static string Code(Dtype dtype, bool bigEndian, string what)
    {
        var code = Codes.FirstOrDefault(c => c.Value == dtype).Key ?? throw new VitrineException($"{what}: numpy has no dtype for {dtype.Spelling()}.");
        return $"{(dtype.Size() == 1 ? '|' : bigEndian ? '>' : '<')}{code}";
    }

    /// <summary>The bytes of a head, padded so that the numbers begin at a multiple of 64.</summary>
    public static byte[] Write(Dtype dtype, bool bigEndian, bool fortranOrder, IReadOnlyList<long> shape, string what)
    {
        var axes = shape.Count == 1 ? $"({shape[0]},)" : $"({string.Join(", ", shape)})";
        var text = $"{{'descr': '{Code(dtype, bigEndian, what)}', 'fortran_order': {(fortranOrder ? "True" : "False")}, 'shape': {axes}, }}";
        var total = (10 + text.Length + 1 + Alignment - 1) / Alignment * Alignment;
        var bytes = new byte[total];
        Magic.CopyTo(bytes, 0);
        bytes[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(8), checked((ushort)(total - 10)));
        Encoding.Latin1.GetBytes(text.PadRight(total - 11) + "\n").CopyTo(bytes, 10);
        return bytes;
    }

    private static NpyHeader Parse(string text, string what, int byteCount)
    {
        var literal = new PythonLiteral(text, what);
        string? format = null;
        bool? fortran = null;
        List<long>? shape = null;
        literal.Expect('{');
        while (!literal.Try('}'))
        {
            var key = literal.Text();
            literal.Expect(':');
            switch (key)
            {
                case "descr" when format is null:
                    format = literal.Peek() == '['
                        ? throw new VitrineException($"{what}: has a structured dtype; read are arrays of one number format.")
                        : literal.Text();
                    break;
                case "fortran_order" when fortran is null:
                    fortran = literal.Flag();
                    break;
                case "shape" when shape is null:
                    shape = literal.Sizes();
                    break;
                default:
                    throw new VitrineException($"{what}: its head has the key '{key}' twice, or it is unknown; expected descr, fortran_order, shape.");
            }

            if (!literal.Try(','))
            {
                literal.Expect('}');
                break;
            }
        }

        literal.ExpectEnd();
        if (format is null || fortran is null || shape is null)
        {
            throw new VitrineException($"{what}: its head lacks descr, fortran_order or shape.");
        }

        var (dtype, bigEndian) = Format(format, what);
        return new NpyHeader(dtype, bigEndian, fortran.Value, shape, byteCount)
        {
            DataBytes = Shapes.ByteCount(shape, dtype.Size()) ?? throw new VitrineException(
                $"{what}: is [{string.Join(", ", shape)}], more than any file holds."),
        };
    }
}
