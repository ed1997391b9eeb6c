using System.Numerics;
using System.Text;

namespace Vitrine.Inputs.Chat;

/// <summary>Python's operators, as far as a chat needs them.</summary>
internal static class Operations
{
    public static bool Holds(string sign, object? a, object? b, Budget budget) => sign switch
    {
        "==" => Value.Same(a, b, budget),
        "!=" => !Value.Same(a, b, budget),
        "<" => Value.Compare(a, b, budget) < 0,
        "<=" => Value.Compare(a, b, budget) <= 0,
        ">" => Value.Compare(a, b, budget) > 0,
        ">=" => Value.Compare(a, b, budget) >= 0,
        "in" => Value.Contains(b, a, budget),
        _ => !Value.Contains(b, a, budget),
    };

    public static object? Calculate(string sign, object? a, object? b)
    {
        try
        {
            return (sign, a, b) switch
            {
                ("+", string x, string y) => Joined([x, y]),
                ("+", IReadOnlyList<object?> x, IReadOnlyList<object?> y) => Appended(x, y),
                ("*", string x, long n) => Repeated(x, n),
                ("*", long n, string x) => Repeated(x, n),
                (_, BigInteger, bool or long or BigInteger or double) or (_, bool or long or double, BigInteger)
                    => throw new TemplateFault($"'{sign}' with a whole number beyond 64 bits is not computed by this version"),

                // Python rounds the exact quotient once; floats that do not hold both numbers round before they divide.
                ("/", bool or long, bool or long) when !IsExact(Value.AsLong(a)) || !IsExact(Value.AsLong(b))
                    => throw new TemplateFault("'/' with a whole number beyond 53 bits is not computed by this version"),
                (_, bool or long or double, bool or long or double)
                    => a is double || b is double || sign == "/"
                        ? Real(sign, Value.AsDouble(a), Value.AsDouble(b))
                        : Whole(sign, Value.AsLong(a), Value.AsLong(b)),
                _ => throw new TemplateFault($"'{sign}' between {Value.Kind(a)} and {Value.Kind(b)} is not computed"),
            };
        }
        catch (Exception e) when (e is OverflowException or DivideByZeroException)
        {
            throw new TemplateFault($"'{sign}' between {a} and {b}: {e.Message}");
        }
    }

    public static string Joined(IEnumerable<string> parts, string separator = "")
    {
        var text = new StringBuilder();
        var first = true;
        foreach (var part in parts)
        {
            text.Append(first ? "" : separator).Append(part);
            Budget.Length(text.Length);
            first = false;
        }

        return text.ToString();
    }

    private static List<object?> Appended(IReadOnlyList<object?> x, IReadOnlyList<object?> y)
    {
        Budget.Length(16L * (x.Count + y.Count));
        return [.. x, .. y];
    }

    private static string Repeated(string text, long count)
        => count <= 0 ? "" : new StringBuilder().Insert(0, text, Budget.Length(checked(text.Length * count)) == 0 ? 0 : (int)count).ToString();

    private static object Whole(string sign, long a, long b) => sign switch
    {
        "+" => checked(a + b),
        "-" => checked(a - b),
        "*" => checked(a * b),
        "//" => FloorDivided(a, b),
        "%" => checked(a - b * FloorDivided(a, b)),
        "**" when b >= 0
            => Enumerable.Repeat(a, (int)Math.Min(b, 64)).Aggregate(1L, (x, y) => checked(x * y)) is var power && (b <= 64 || a is 0 or 1)
                ? power
                : throw new OverflowException(),
        _ => Real(sign, a, b),
    };

    private static bool IsExact(long number) => number is >= -(1L << 53) and <= 1L << 53;

    private static long FloorDivided(long a, long b)
    {
        var quotient = checked(a / b);
        return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
    }

    private static object Real(string sign, double a, double b) => sign switch
    {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "**" => Math.Pow(a, b),
        _ when b == 0 => throw new DivideByZeroException(),
        "/" => a / b,
        "//" => Math.Floor(a / b),
        _ => a - b * Math.Floor(a / b),
    };
}
