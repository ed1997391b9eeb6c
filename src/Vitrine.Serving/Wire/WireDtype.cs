namespace Vitrine.Serving.Wire;

/// <summary>A number format that arrays may have on the wire: bool, integers of 1 to 8 bytes, floats of 2 to 8 bytes.</summary>
/// <param name="Kind">numpy's letter: <c>b</c>, <c>i</c>, <c>u</c> or <c>f</c>.</param>
/// <param name="Size">Bytes of a number.</param>
/// <param name="BigEndian">Whether they are reversed.</param>
/// <remarks>Everything else numpy knows (objects, text, dates, structures, complex numbers) is refused by name, before its bytes are looked at.</remarks>
public readonly record struct WireDtype(char Kind, int Size, bool BigEndian = false)
{
    /// <summary>Bytes of pictures.</summary>
    public static WireDtype Byte { get; } = new('u', 1);

    /// <summary>Singles.</summary>
    public static WireDtype Single { get; } = new('f', 4);

    /// <summary>Doubles.</summary>
    public static WireDtype Double { get; } = new('f', 8);

    /// <summary>Reads numpy's spelling, e.g. <c>&lt;f4</c> or <c>|u1</c>.</summary>
    /// <param name="text">What the message says.</param>
    /// <param name="where">Whose, for errors.</param>
    /// <exception cref="WireException">It is none of those that are read.</exception>
    public static WireDtype Parse(string text, string where)
    {
        ArgumentNullException.ThrowIfNull(text);
        var bare = text is ['<' or '>' or '|' or '=', ..] ? text[1..] : text;
        return bare is [var kind, var digit] && (kind, digit) switch
        {
            ('b', '1') or ('i' or 'u', '1' or '2' or '4' or '8') or ('f', '2' or '4' or '8') => true,
            _ => false,
        }
            ? new WireDtype(kind, digit - '0', text[0] == '>' && digit != '1')
            : throw new WireException($"{where}: the dtype '{text}' is not read; arrays are of bool, int, uint or float (b1, i1-i8, u1-u8, f2-f8).");
    }

    /// <summary>numpy's spelling.</summary>
    public override string ToString() => $"{(Size == 1 ? '|' : BigEndian ? '>' : '<')}{Kind}{Size}";
}
