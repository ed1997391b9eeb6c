using System.Globalization;
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

/// <summary>Values of a template as Python has them: null (None), bool, long, double, string, lists, mappings, and what can be called.</summary>
internal static class Value
{
    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool b => b,
        long n => n != 0,
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
        long or double => "a number",
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
            long n => n.ToString(CultureInfo.InvariantCulture),
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
            (bool or long or double, bool or long or double) => a is double || b is double ? AsDouble(a) == AsDouble(b) : AsLong(a) == AsLong(b),
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
            (bool or long, bool or long) => AsLong(a).CompareTo(AsLong(b)),
            (bool or long or double, bool or long or double) => AsDouble(a).CompareTo(AsDouble(b)),
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
        _ => throw new TemplateFault($"{Kind(value)} where a whole number is expected"),
    };

    public static double AsDouble(object? value) => value is double d ? d : AsLong(value);

    public static string AsText(object? value) => value as string ?? throw new TemplateFault($"{Kind(value)} where a text is expected");

    /// <summary>As Python's repr() of a float.</summary>
    public static string Number(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }

        var shortest = Enumerable.Range(0, 17).Select(digits => value.ToString($"E{digits}", CultureInfo.InvariantCulture))
            .First(text => double.Parse(text, CultureInfo.InvariantCulture).Equals(value) || text.Length > 22);

        var at = shortest.IndexOf('E', StringComparison.Ordinal);
        var exponent = int.Parse(shortest[(at + 1)..], CultureInfo.InvariantCulture);
        if (exponent is < -4 or >= 16)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{shortest[..at]}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}");
        }

        var mantissa = shortest[..at].Replace(".", "", StringComparison.Ordinal).TrimStart('-');
        var plain = exponent < 0 ? "0." + new string('0', -exponent - 1) + mantissa
            : mantissa.Length <= exponent + 1 ? mantissa.PadRight(exponent + 1, '0') + ".0"
            : mantissa[..(exponent + 1)] + "." + mantissa[(exponent + 1)..];
        return double.IsNegative(value) ? "-" + plain : plain;
    }

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
