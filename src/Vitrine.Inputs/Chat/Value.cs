using System.Globalization;
using System.Numerics;
using System.Text;

namespace Vitrine.Inputs.Chat;

/// <summary>What a name stands for that nobody has set.</summary>
internal sealed record Undefined(string Name);

/// <summary>The one object of Jinja whose attributes may be set.</summary>
internal sealed class Namespace
{
    public Dictionary<string, object?> Members { get; } = new(StringComparer.Ordinal);
}

/// <summary>Python's tuple: a list that is printed in parentheses.</summary>
internal sealed class TupleValue(IEnumerable<object?> items) : List<object?>(items);

/// <summary>Something that can be called.</summary>
internal delegate object? Callable(Arguments arguments);

/// <summary>
/// Values of a template as Python has them: null (None), bool, whole numbers of any size (long, and BigInteger beyond 64 bits), double, string, lists,
/// mappings, and what can be called.
/// </summary>
internal static class Value
{
    /// <summary>Python reads no whole number of more digits, unless it is told to.</summary>
    public const int MostDigits = 4300;

    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool b => b,
        long n => n != 0,
        BigInteger n => !n.IsZero,
        double d => d != 0,
        string s => s.Length > 0,
        IReadOnlyList<object?> list => list.Count > 0,
        IReadOnlyDictionary<string, object?> map => map.Count > 0,
        _ => true,
    };

    public static string Kind(object? value) => value switch
    {
        null => "None",
        Undefined u => $"undefined ('{u.Name}')",
        bool => "a boolean",
        long or BigInteger or double => "a number",
        string => "a text",
        IReadOnlyList<object?> => "a list",
        IReadOnlyDictionary<string, object?> => "a mapping",
        _ => "an object",
    };

    /// <summary>As Python's str().</summary>
    public static string Text(object? value, Budget budget) => value switch
    {
        string s => s,
        Undefined => "",
        _ => Repr(value, budget),
    };

    /// <summary>As Python's repr().</summary>
    public static string Repr(object? value, Budget budget)
    {
        budget.Enter();
        var text = value switch
        {
            null => "None",
            bool b => b ? "True" : "False",
            long or BigInteger => Whole(AsInteger(value)),
            double d => Number(d),
            string s => Quoted(s),
            TupleValue tuple => Joined(tuple.Select(v => Repr(v, budget)), '(', ')') is var many && tuple.Count == 1 ? many[..^1] + ",)" : many,
            IReadOnlyList<object?> list => Joined(list.Select(v => Repr(v, budget)), '[', ']'),
            IReadOnlyDictionary<string, object?> map => Joined(map.Select(p => $"{Quoted(p.Key)}: {Repr(p.Value, budget)}"), '{', '}'),
            Undefined => "Undefined",
            _ => throw new TemplateFault($"{Kind(value)} has no text"),
        };
        budget.Leave();
        return text;
    }

    /// <summary>As Python's ==.</summary>
    public static bool Same(object? a, object? b, Budget budget)
    {
        budget.Enter();
        var same = (a, b) switch
        {
            (null, null) => true,
            (Undefined, Undefined) => true,
            (string x, string y) => x == y,
            (bool or long or BigInteger or double, bool or long or BigInteger or double) => Order(a, b) == 0,
            (IReadOnlyList<object?> x, IReadOnlyList<object?> y) => x.Count == y.Count && x.Zip(y).All(p => Same(p.First, p.Second, budget)),
            (IReadOnlyDictionary<string, object?> x, IReadOnlyDictionary<string, object?> y)
                => x.Count == y.Count && x.All(p => y.TryGetValue(p.Key, out var other) && Same(p.Value, other, budget)),
            _ => ReferenceEquals(a, b),
        };
        budget.Leave();
        return same;
    }

    /// <summary>As Python orders numbers, texts and lists.</summary>
    public static int Compare(object? a, object? b, Budget budget)
    {
        budget.Step();
        return (a, b) switch
        {
            (bool or long or BigInteger or double, bool or long or BigInteger or double) => Order(a, b) ?? 1,
            (string x, string y) => string.CompareOrdinal(x, y),
            (IReadOnlyList<object?> x, IReadOnlyList<object?> y)
                => x.Zip(y).Select(p => Same(p.First, p.Second, budget) ? 0 : Compare(p.First, p.Second, budget)).FirstOrDefault(c => c != 0) is var first
                    && first != 0
                    ? first
                    : x.Count.CompareTo(y.Count),
            _ => throw new TemplateFault($"{Kind(a)} and {Kind(b)} have no order"),
        };
    }

    public static bool Contains(object? container, object? item, Budget budget) => container switch
    {
        string s => item is string part ? s.Contains(part, StringComparison.Ordinal) : throw new TemplateFault($"'in' asks a text for {Kind(item)}"),
        _ => Items(container, budget).Any(i => Same(i, item, budget)),
    };

    /// <summary>What a loop over a value sees; a mapping's keys, a text's characters.</summary>
    public static IReadOnlyList<object?> Items(object? value, Budget budget)
    {
        IReadOnlyList<object?> items = value switch
        {
            Undefined => [],
            IReadOnlyList<object?> list => list,
            IReadOnlyDictionary<string, object?> map => [.. map.Keys],
            string s => [.. s.EnumerateRunes().Select(r => (object?)r.ToString())],
            _ => throw new TemplateFault($"{Kind(value)} cannot be looped over"),
        };
        budget.Step(items.Count);
        return items;
    }

    public static long Length(object? value) => value switch
    {
        Undefined => 0,
        string s => s.EnumerateRunes().Count(),
        IReadOnlyList<object?> list => list.Count,
        IReadOnlyDictionary<string, object?> map => map.Count,
        _ => throw new TemplateFault($"{Kind(value)} has no length"),
    };

    public static long AsLong(object? value) => value switch
    {
        bool b => b ? 1 : 0,
        long n => n,
        BigInteger => throw new TemplateFault("a whole number beyond 64 bits where a smaller one is expected"),
        _ => throw new TemplateFault($"{Kind(value)} where a whole number is expected"),
    };

    public static BigInteger AsInteger(object? value) => value is BigInteger n ? n : AsLong(value);

    /// <summary>A whole number in the smaller of its two forms.</summary>
    public static object Integer(BigInteger number) => number >= long.MinValue && number <= long.MaxValue ? (object)(long)number : number;

    public static double AsDouble(object? value) => value switch
    {
        double d => d,
        BigInteger n => double.Parse(n.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) is var real && double.IsFinite(real)
            ? real
            : throw new TemplateFault("a whole number too large for a float"),
        _ => AsLong(value),
    };

    public static string AsText(object? value) => value as string ?? throw new TemplateFault($"{Kind(value)} where a text is expected");

    /// <summary>As Python's repr() of a float.</summary>
    public static string Number(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }

        // The shortest text that reads back as the number. .NET's own does not always (2 to the -25); 17 digits do.
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        text = double.Parse(text, CultureInfo.InvariantCulture).Equals(value) ? text : value.ToString("E16", CultureInfo.InvariantCulture);
        var (digits, exponent) = Scientific(text.TrimStart('-'));
        var plain = exponent is < -4 or >= 16
            ? string.Create(CultureInfo.InvariantCulture,
                $"{digits[0]}{(digits.Length > 1 ? "." : "")}{digits[1..]}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}")
            : exponent < 0 ? "0." + new string('0', -exponent - 1) + digits
            : digits.Length <= exponent + 1 ? digits.PadRight(exponent + 1, '0') + ".0"
            : digits[..(exponent + 1)] + "." + digits[(exponent + 1)..];
        return double.IsNegative(value) ? "-" + plain : plain;
    }

    /// <summary>As Python's repr() of an int.</summary>
    public static string Whole(BigInteger number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Digits without zeros at their ends, and the power of ten of the first.</summary>
    private static (string Digits, int Exponent) Scientific(string text)
    {
        var at = text.IndexOf('E', StringComparison.Ordinal);
        var (mantissa, power) = at < 0 ? (text, 0) : (text[..at], int.Parse(text[(at + 1)..], CultureInfo.InvariantCulture));
        var point = mantissa.IndexOf('.', StringComparison.Ordinal) is >= 0 and var dot ? dot : mantissa.Length;
        var digits = mantissa.Replace(".", "", StringComparison.Ordinal);
        var bare = digits.TrimStart('0');
        return bare.Length == 0 ? ("0", 0) : (bare.TrimEnd('0'), power + point - 1 - (digits.Length - bare.Length));
    }

    /// <summary>How two numbers compare, exactly, as Python does; null where one of them is none.</summary>
    private static int? Order(object? a, object? b) => (a, b) switch
    {
        (double x, double y) => double.IsNaN(x) || double.IsNaN(y) ? null : x.CompareTo(y),
        (double x, _) => -Order(b, a),
        (_, double y) => double.IsNaN(y) ? null
            : double.IsInfinity(y) ? -Math.Sign(y)
            : AsInteger(a).CompareTo(new BigInteger(Math.Floor(y))) is var whole && whole == 0 && y != Math.Floor(y) ? -1 : whole,
        _ => AsInteger(a).CompareTo(AsInteger(b)),
    };

    private static string Joined(IEnumerable<string> parts, char open, char close)
    {
        var text = new StringBuilder().Append(open);
        var first = true;
        foreach (var part in parts)
        {
            text.Append(first ? "" : ", ").Append(part);
            Budget.Length(text.Length);
            first = false;
        }

        return text.Append(close).ToString();
    }

    private static string Quoted(string text)
    {
        var quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        var result = new StringBuilder().Append(quote);
        foreach (var c in text)
        {
            _ = c switch
            {
                '\n' => result.Append("\\n"),
                '\r' => result.Append("\\r"),
                '\t' => result.Append("\\t"),
                '\\' => result.Append("\\\\"),
                _ when c == quote => result.Append('\\').Append(c),
                < ' ' or '\x7F' => result.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}"),
                _ => result.Append(c),
            };
        }

        return result.Append(quote).ToString();
    }
}
