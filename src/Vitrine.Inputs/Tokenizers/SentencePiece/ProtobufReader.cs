using System.Buffers.Binary;

namespace Vitrine.Inputs.Tokenizers.SentencePiece;

/// <summary>Walks the fields of a protobuf message (proto2 wire format), within its bounds.</summary>
internal ref struct ProtobufReader(ReadOnlySpan<byte> message, string source)
{
    private readonly ReadOnlySpan<byte> message = message;
    private readonly string source = source;
    private int at;
    private int wire;

    /// <summary>Moves to the next field.</summary>
    /// <returns>False at the end.</returns>
    public bool Next(out int field)
    {
        field = 0;
        if (at >= message.Length)
        {
            return false;
        }

        var tag = Varint();
        (field, wire) = ((int)Math.Min(tag >> 3, int.MaxValue), (int)(tag & 7));
        return field > 0 ? true : throw Broken("a field has the number 0");
    }

    public long Integer()
    {
        Expect(0, "a whole number");
        return (long)Varint();
    }

    public bool Flag() => Integer() != 0;

    public float Single()
    {
        Expect(5, "a float");
        return BinaryPrimitives.ReadSingleLittleEndian(Take(4));
    }

    public ReadOnlySpan<byte> Bytes()
    {
        Expect(2, "bytes");
        return Take(Varint());
    }

    public string Text() => System.Text.Encoding.UTF8.GetString(Bytes());

    public void Skip()
    {
        switch (wire)
        {
            case 0:
                Varint();
                break;
            case 1:
                Take(8);
                break;
            case 2:
                Take(Varint());
                break;
            case 5:
                Take(4);
                break;
            default:
                throw Broken($"the wire type {wire} is none");
        }
    }

    private void Expect(int type, string what)
    {
        if (wire != type)
        {
            throw Broken($"a field has the wire type {wire} where {what} is expected");
        }
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)(message.Length - at))
        {
            throw Broken($"a field of {length} bytes goes beyond the {message.Length - at} that are left");
        }

        var bytes = message.Slice(at, (int)length);
        at += (int)length;
        return bytes;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (at >= message.Length)
            {
                throw Broken("it ends inside a number");
            }

            var part = message[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }

        throw Broken("a number has more than 64 bits");
    }

    private readonly VitrineException Broken(string why) => new($"{source}: is no SentencePiece model or is cut off: {why}.");
}
