using System.Globalization;
using System.Text;

namespace Vitrine.Inputs.Chat;

/// <summary>The functions that every template knows: Jinja's own, and the two that transformers adds.</summary>
internal static class Globals
{
    private const long LongestRange = 100_000; // As in Jinja's sandbox.

    public static Dictionary<string, object?> Of(DateTime now) => new(StringComparer.Ordinal)
    {
        ["range"] = (Callable)Range,
        ["dict"] = (Callable)(a => new Dictionary<string, object?>(a.Names, StringComparer.Ordinal)),
        ["namespace"] = (Callable)NewNamespace,
        ["raise_exception"] = (Callable)(a => throw new TemplateFault($"the template refuses these messages: {Value.Text(a.Need(0, "message"), a.Budget)}")),
        ["strftime_now"] = (Callable)(a => Written(now, a.Text(0, "format"))),
    };

    private static object? Range(Arguments arguments)
    {
        long[] numbers = [.. arguments.Places.Select(Value.AsLong)];
        var (start, stop, step) = numbers switch
        {
            [var to] => (0, to, 1),
            [var from, var to] => (from, to, 1),
            [var from, var to, var by] when by != 0 => (from, to, by),
            _ => throw new TemplateFault("range takes one to three numbers, the third not 0"),
        };
        var items = new List<object?>();
        for (var i = start; step > 0 ? i < stop : i > stop; i = checked(i + step))
        {
            arguments.Budget.Step();
            items.Add(items.Count < LongestRange ? i : throw new TemplateFault($"a range of more than {LongestRange} numbers"));
        }

        return items;
    }

    private static object? NewNamespace(Arguments arguments)
    {
        var space = new Namespace();
        foreach (var (name, value) in arguments.Names.Concat(arguments.Places.OfType<IReadOnlyDictionary<string, object?>>().SelectMany(m => m)))
        {
            space.Members[name] = value;
        }

        return space;
    }

    /// <remarks>The C locale's strftime.</remarks>
    private static string Written(DateTime now, string format)
    {
        var text = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                text.Append(format[i]);
                continue;
            }

            var code = format[++i];
            var unpadded = code == '-' && i + 1 < format.Length;
            code = unpadded ? format[++i] : code;
            var part = code switch
            {
                'd' => "dd",
                'm' => "MM",
                'y' => "yy",
                'Y' => "yyyy",
                'b' or 'h' => "MMM",
                'B' => "MMMM",
                'a' => "ddd",
                'A' => "dddd",
                'H' => "HH",
                'I' => "hh",
                'M' => "mm",
                'S' => "ss",
                'p' => "tt",
                'F' => "yyyy-MM-dd",
                'T' => "HH:mm:ss",
                'D' => "MM/dd/yy",
                _ => null,
            };
            var written = code switch
            {
                '%' => "%",
                'j' => now.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
                'n' => "\n",
                't' => "\t",
                _ when part is not null => now.ToString(part, CultureInfo.InvariantCulture),
                _ => throw new TemplateFault($"strftime_now with '%{code}' is not computed by this version"),
            };
            text.Append(unpadded && written.TrimStart('0') is { Length: > 0 } bare ? bare : written);
        }

        return text.ToString();
    }
}
