using System.Globalization;
using System.Numerics;

namespace Vitrine.Inputs.Chat;

/// <summary>A filter: a value, changed.</summary>
internal delegate object? Filter(object? value, Arguments arguments);

/// <summary>The filters of Jinja that chat templates use.</summary>
internal static class Filters
{
    /// <summary>A filter by its name; null where it is not computed.</summary>
    public static Filter? Find(string name) => name switch
    {
        "trim" => (v, a) => TextMethods.Trim(Value.Text(v, a.Budget), a.Only("chars").Get(0, "chars"), left: true, right: true),
        "tojson" => Json,
        "length" or "count" => (v, a) => Value.Length(v),
        "default" or "d" => (v, a) => v is Undefined || Value.IsTrue(a.Get(1, "boolean", false)) && !Value.IsTrue(v) ? a.Get(0, "default_value", "") : v,
        "upper" => (v, a) => Value.Text(v, a.Budget).ToUpperInvariant(),
        "lower" => (v, a) => Value.Text(v, a.Budget).ToLowerInvariant(),
        "capitalize" => (v, a) => TextMethods.Capitalised(Value.Text(v, a.Budget)),
        "title" => (v, a) => TextMethods.Title(Value.Text(v, a.Budget)),
        "string" => (v, a) => Value.Text(v, a.Budget),
        "safe" => (v, a) => v,
        "escape" or "e" => (v, a) => Escaped(Value.Text(v, a.Budget)),
        "replace"
            => (v, a)
                => TextMethods.Replace(Value.Text(v, a.Budget), a.Text(0, "old"), a.Text(1, "new"), a.Get(2, "count") is { } count ? Value.AsLong(count) : -1),
        "indent" => Indented,
        "join"
            => (v, a)
                => Operations.Joined(Value.Items(v, a.Budget).Select(Part(a, 1)).Select(i => Value.Text(i, a.Budget)), Value.Text(a.Get(0, "d", ""), a.Budget)),
        "first" => (v, a) => Value.Items(v, a.Budget) is [var first, ..] ? first : new Undefined("the first of nothing"),
        "last" => (v, a) => Value.Items(v, a.Budget) is [.., var last] ? last : new Undefined("the last of nothing"),
        "list" => (v, a) => Value.Items(v, a.Budget).ToList(),
        "reverse" => (v, a) => v is string s ? string.Concat(Value.Items(s, a.Budget).Reverse()) : Value.Items(v, a.Budget).Reverse().ToList(),
        "sort" => (v, a) => Sorted(v, a, "reverse", 0, 2),
        "unique" => Unique,
        "max" => (v, a) => Value.Items(v, a.Budget).Aggregate((x, y) => Value.Compare(y, x, a.Budget) > 0 ? y : x),
        "min" => (v, a) => Value.Items(v, a.Budget).Aggregate((x, y) => Value.Compare(y, x, a.Budget) < 0 ? y : x),
        "sum" => (v, a) => Value.Items(v, a.Budget).Select(Part(a, 0)).Aggregate(a.Get(1, "start", 0L), (x, y) => Operations.Calculate("+", x, y)),
        "items" => (v, a) => v is Undefined ? new List<object?>() : Members.Call(Members.Attribute(v, "items"), a),
        "dictsort"
            => (v, a)
                => ((IEnumerable<object?>)Members.Call(Members.Attribute(v, "items"), a)!)
                    .OrderBy(p => Value.AsText(((IReadOnlyList<object?>)p!)[0]).ToLowerInvariant(), StringComparer.Ordinal).ToList(),
        "map" => Mapped,
        "select" => (v, a) => Chosen(v, a, attribute: false, keep: true),
        "reject" => (v, a) => Chosen(v, a, attribute: false, keep: false),
        "selectattr" => (v, a) => Chosen(v, a, attribute: true, keep: true),
        "rejectattr" => (v, a) => Chosen(v, a, attribute: true, keep: false),
        "int" => (v, a) => Whole(v) ?? a.Get(0, "default", 0L),
        "float"
            => (v, a)
                => v is string s
                    ? double.TryParse(s, NumberStyles.Float, CultureInfo.InvariantCulture, out var d) ? d
                    : a.Get(0, "default", 0.0)
                    : Value.AsDouble(v),
        "abs" => (v, a) => v is double d ? Math.Abs(d) : Value.Integer(BigInteger.Abs(Value.AsInteger(v))),
        "round"
            => (v, a)
                => Math.Round(Value.AsDouble(v), (int)Math.Clamp(Value.AsLong(a.Only("precision").Get(0, "precision", 0L)), 0, 15), MidpointRounding.ToEven),
        _ => null,
    };

    /// <summary>An attribute of each item where one is asked for.</summary>
    private static Func<object?, object?> Part(Arguments arguments, int place) => arguments.Get(place, "attribute") switch
    {
        null => item => item,
        string path
            => item
                => path.Split('.')
                    .Aggregate(item, (owner, name) => long.TryParse(name, out var index) ? Members.Item(owner, index) : Members.Item(owner, name)),
        var key => item => Members.Item(item, key),
    };

    private static object? Json(object? value, Arguments arguments)
    {
        arguments.Only("indent", "ensure_ascii", "separators", "sort_keys");
        if (Value.IsTrue(arguments.Get(1, "ensure_ascii", false)))
        {
            throw new TemplateFault("tojson with ensure_ascii is not computed by this version");
        }

        var separators = arguments.Get(2, "separators") as IReadOnlyList<object?>;
        return JsonText.Of(
            value, arguments.Budget, arguments.Get(0, "indent") is { } indent
                ? (int)Math.Clamp(Value.AsLong(indent), 0, 64)
                : null, Value.IsTrue(arguments.Get(3, "sort_keys", false)),
            separators is [var item, ..] ? Value.AsText(item) : null, separators is [_, var key] ? Value.AsText(key) : null);
    }

    private static object? Indented(object? value, Arguments arguments)
    {
        arguments.Only("width", "first", "blank");
        var width = arguments.Get(0, "width", 4L) is string text
            ? text
            : new string(' ', (int)Math.Clamp(Value.AsLong(arguments.Get(0, "width", 4L)), 0, 1000));
        var (first, blank) = (Value.IsTrue(arguments.Get(1, "first", false)), Value.IsTrue(arguments.Get(2, "blank", false)));
        return Operations.Joined(Value.Text(value, arguments.Budget).Split('\n')
            .Select((line, i) => i == 0 ? first ? width + line : line : line.Length > 0 || blank ? width + line : line), "\n");
    }

    private static object? Mapped(object? value, Arguments arguments)
    {
        var items = Value.Items(value, arguments.Budget);
        if (arguments.Places.Count == 0)
        {
            var otherwise = arguments.Get(1, "default");
            var part = Part(arguments.Only("attribute", "default"), 0);
            return items.Select(i => part(i) is Undefined u ? otherwise ?? u : part(i)).ToList();
        }

        var name = arguments.Text(0, "filter");
        var filter = Find(name) ?? throw new TemplateFault($"the filter '{name}' is not computed by this version");
        var rest = arguments with { Places = [.. arguments.Places.Skip(1)] };
        return items.Select(i => filter(i, rest)).ToList();
    }

    private static object? Chosen(object? value, Arguments arguments, bool attribute, bool keep)
    {
        var part = attribute
            ? Part(arguments with { Names = new Dictionary<string, object?> { ["attribute"] = arguments.Need(0, "attribute") }, Places = [] }, 0)
            : item
            => item;
        var place = attribute ? 1 : 0;
        var name = arguments.Get(place, "test") is { } given ? Value.AsText(given) : null;
        var test = name is null ? (v, _) => Value.IsTrue(v) : Tests.Find(name) ?? throw new TemplateFault($"the test '{name}' is not computed by this version");
        var rest = arguments with { Places = [.. arguments.Places.Skip(place + 1)] };
        return Value.Items(value, arguments.Budget).Where(i => test(part(i), rest) == keep).ToList();
    }

    private static List<object?> Sorted(object? value, Arguments arguments, string reverse, int place, int attribute)
    {
        var part = Part(arguments, attribute);
        var exact = Value.IsTrue(arguments.Get(1, "case_sensitive", false));
        var order = Comparer<object?>.Create((a, b) => Value.Compare(Folded(a), Folded(b), arguments.Budget));
        var items = Value.Items(value, arguments.Budget);
        return [.. Value.IsTrue(arguments.Get(place, reverse, false)) ? items.OrderByDescending(part, order) : items.OrderBy(part, order)];

        object? Folded(object? item) => item is string text && !exact ? text.ToLowerInvariant() : item;
    }

    private static object? Unique(object? value, Arguments arguments)
    {
        var found = new List<object?>();
        foreach (var item in Value.Items(value, arguments.Budget))
        {
            if (!found.Any(f => Value.Same(f is string a ? a.ToLowerInvariant() : f, item is string b ? b.ToLowerInvariant() : item, arguments.Budget)))
            {
                found.Add(item);
            }
        }

        return found;
    }

    private static object? Whole(object? value) => value switch
    {
        double d => double.IsNaN(d) ? null
            : double.IsFinite(d) ? Value.Integer(new BigInteger(d))
            : throw new TemplateFault("an infinite number has no whole one"),
        string { Length: > Value.MostDigits } => throw new TemplateFault($"a text of more digits than Python reads ({Value.MostDigits})"),
        string s => BigInteger.TryParse(s, NumberStyles.Integer, CultureInfo.InvariantCulture, out var n) ? Value.Integer(n)
            : double.TryParse(s, NumberStyles.Float, CultureInfo.InvariantCulture, out var d) && double.IsFinite(d) ? Value.Integer(new BigInteger(d))
            : null,
        bool or long or BigInteger => Value.Integer(Value.AsInteger(value)),
        _ => null,
    };

    private static string Escaped(string text)
        => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal)
        .Replace("'", "&#39;", StringComparison.Ordinal).Replace("\"", "&#34;", StringComparison.Ordinal);
}
