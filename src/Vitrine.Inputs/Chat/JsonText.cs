using System.Globalization;
using System.Numerics;
using System.Text;

namespace Vitrine.Inputs.Chat;

/// <summary>Values as JSON, spelled as Python's json.dumps(ensure_ascii=False), which is what transformers gives templates for tojson.</summary>
internal sealed class JsonText(Budget budget, int? indent, bool sorted, string itemSeparator, string keySeparator)
{
    private readonly StringBuilder text = new();

    public static string Of(object? value, Budget budget, int? indent, bool sorted, string? itemSeparator = null, string? keySeparator = null)
    {
        var json = new JsonText(budget, indent, sorted, itemSeparator ?? (indent is null ? ", " : ","), keySeparator ?? ": ");
        json.Write(value, 0);
        return json.text.ToString();
    }

    private void Write(object? value, int level)
    {
        budget.Enter();
        Budget.Length(text.Length);
        switch (value)
        {
            case null:
                text.Append("null");
                break;
            case bool flag:
                text.Append(flag ? "true" : "false");
                break;
            case long or BigInteger:
                text.Append(Value.Whole(Value.AsInteger(value)));
                break;
            case double number:
                text.Append(double.IsNaN(number) ? "NaN" : double.IsInfinity(number) ? number > 0 ? "Infinity" : "-Infinity" : Value.Number(number));
                break;
            case string content:
                Quote(content);
                break;
            case IReadOnlyDictionary<string, object?> map:
                Many<KeyValuePair<string, object?>>('{', '}', sorted ? [.. map.OrderBy(p => p.Key, StringComparer.Ordinal)] : [.. map], level, pair =>
                {
                    Quote(pair.Key);
                    text.Append(keySeparator);
                    Write(pair.Value, level + 1);
                });
                break;
            case IReadOnlyList<object?> list:
                Many('[', ']', list, level, item => Write(item, level + 1));
                break;
            default:
                throw new TemplateFault($"{Value.Kind(value)} cannot be written as JSON");
        }

        budget.Leave();
    }

    private void Many<T>(char open, char close, IReadOnlyList<T> items, int level, Action<T> write)
    {
        text.Append(open);
        for (var i = 0; i < items.Count; i++)
        {
            text.Append(i > 0 ? itemSeparator : "");
            NewLine(level + 1);
            write(items[i]);
        }

        if (items.Count > 0)
        {
            NewLine(level);
        }

        text.Append(close);
    }

    private void NewLine(int level)
    {
        if (indent is { } width)
        {
            text.Append('\n').Append(' ', Budget.Length((long)width * level));
        }
    }

    private void Quote(string content)
    {
        text.Append('"');
        foreach (var c in content)
        {
            _ = c switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                '\b' => text.Append("\\b"),
                '\f' => text.Append("\\f"),
                < ' ' => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => text.Append(c),
            };
        }

        text.Append('"');
    }
}
