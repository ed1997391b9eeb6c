using System.Text;

namespace Vitrine.Inputs.Chat;

/// <summary>What stands behind a point, in brackets, or is called.</summary>
internal static class Members
{
    /// <remarks>Jinja asks for the attribute first and then for the key.</remarks>
    public static object? Attribute(object? owner, string name)
    {
        switch (owner)
        {
            case Undefined u:
                throw new TemplateFault($"'{u.Name}' is undefined, so it has no '{name}'");
            case Namespace space:
                return space.Members.TryGetValue(name, out var member) ? member : new Undefined(name);
            case LoopState loop:
                return loop.Attribute(name);
            case string text:
                return TextMethods.Find(text, name) ?? (object)new Undefined(name);
            case IReadOnlyDictionary<string, object?> map:
                return MappingMethod(map, name) ?? (map.TryGetValue(name, out var value) ? value : new Undefined(name));
            case IReadOnlyList<object?> list:
                return ListMethod(list, name) ?? (object)new Undefined(name);
            default:
                return new Undefined(name);
        }
    }

    public static object? Item(object? owner, object? key)
    {
        switch (owner)
        {
            case Undefined u:
                throw new TemplateFault($"'{u.Name}' is undefined, so it has no items");
            case IReadOnlyDictionary<string, object?> map when key is string name:
                return map.TryGetValue(name, out var value) ? value : MappingMethod(map, name) ?? (object)new Undefined(name);
            case IReadOnlyList<object?> list when key is long index:
                index = index < 0 ? index + list.Count : index;
                return index >= 0 && index < list.Count ? list[(int)index] : new Undefined($"item {key}");
            case string text when key is long index:
                var runes = text.EnumerateRunes().ToArray();
                index = index < 0 ? index + runes.Length : index;
                return index >= 0 && index < runes.Length ? runes[index].ToString() : new Undefined($"item {key}");
            default:
                return key is string attribute ? Attribute(owner, attribute) : new Undefined("item");
        }
    }

    public static object? Slice(object? owner, object? start, object? stop, object? step, Budget budget)
    {
        var items = owner is string or IReadOnlyList<object?> ? Value.Items(owner, budget) : throw new TemplateFault($"{Value.Kind(owner)} cannot be sliced");
        var by = step is null ? 1 : Value.AsLong(step);
        if (by == 0)
        {
            throw new TemplateFault("a slice with the step 0");
        }

        var (lowest, highest) = by > 0 ? (0L, items.Count) : (-1L, items.Count - 1L);
        var from = Bound(start, by > 0 ? lowest : highest);
        var to = Bound(stop, by > 0 ? highest : lowest);
        var picked = new List<object?>();
        for (var i = from; by > 0 ? i < to : i > to; i += by)
        {
            picked.Add(items[(int)i]);
            if (by > items.Count || by < -items.Count)
            {
                break;
            }
        }

        return owner is string ? string.Concat(picked) : picked;

        long Bound(object? given, long otherwise)
        {
            if (given is null)
            {
                return otherwise;
            }

            var bound = Value.AsLong(given);
            return Math.Clamp(bound < 0 ? bound + items.Count : bound, lowest, highest);
        }
    }

    public static object? Call(object? callee, Arguments arguments)
    {
        arguments.Budget.Step();
        return callee is Callable callable
            ? callable(arguments)
            : throw new TemplateFault($"{Value.Kind(callee)} cannot be called; it is no function or method that this version computes");
    }

    private static Callable? MappingMethod(IReadOnlyDictionary<string, object?> map, string name) => name switch
    {
        "items" => _ => map.Select(p => (object?)new TupleValue([p.Key, p.Value])).ToList(),
        "keys" => _ => map.Keys.Cast<object?>().ToList(),
        "values" => _ => map.Values.ToList(),
        "get" => a => a.Need(0, "key") is string key && map.TryGetValue(key, out var value) ? value : a.Get(1, "default"),
        "copy" => _ => new Dictionary<string, object?>(map, StringComparer.Ordinal),
        "update" or "pop" or "popitem" or "clear" or "setdefault" => _ => throw new TemplateFault(
            $"the method '{name}' would change a mapping; templates may not (transformers' sandbox is immutable)"),
        _ => null,
    };

    private static Callable? ListMethod(IReadOnlyList<object?> list, string name) => name switch
    {
        "count" => a => (long)list.Count(i => Value.Same(i, a.Need(0, "value"), a.Budget)),
        "index"
            => a
                => Enumerable.Range(0, list.Count).Where(i => Value.Same(list[i], a.Need(0, "value"), a.Budget)).Select(i => (object?)(long)i).FirstOrDefault()
                    ?? throw new TemplateFault("the list has no such item"),
        "copy" => _ => list.ToList(),
        "append" or "extend" or "insert" or "pop" or "remove" or "reverse" or "sort" or "clear" => _ => throw new TemplateFault(
            $"the method '{name}' would change a list; templates may not (transformers' sandbox is immutable)"),
        _ => null,
    };
}

/// <summary>The methods of Python's str that templates use.</summary>
internal static class TextMethods
{
    public static Callable? Find(string text, string name) => name switch
    {
        "strip" => a => Trim(text, a.Get(0, "chars"), left: true, right: true),
        "lstrip" => a => Trim(text, a.Get(0, "chars"), left: true, right: false),
        "rstrip" => a => Trim(text, a.Get(0, "chars"), left: false, right: true),
        "split" => a => Split(text, a.Get(0, "sep"), Value.AsLong(a.Get(1, "maxsplit", -1L))),
        "rsplit" => a => RightSplit(text, a.Text(0, "sep"), Value.AsLong(a.Get(1, "maxsplit", -1L))),
        "splitlines"
            => _
                => text.Length == 0
                    ? []
                    : (text.ReplaceLineEndings("\n") is var lines && lines.EndsWith('\n') ? lines[..^1] : lines).Split('\n').Cast<object?>().ToList(),
        "startswith" => a => Any(a, part => text.StartsWith(part, StringComparison.Ordinal)),
        "endswith" => a => Any(a, part => text.EndsWith(part, StringComparison.Ordinal)),
        "removeprefix" => a => a.Text(0, "prefix") is var p && text.StartsWith(p, StringComparison.Ordinal) ? text[p.Length..] : text,
        "removesuffix" => a => a.Text(0, "suffix") is var s && s.Length > 0 && text.EndsWith(s, StringComparison.Ordinal) ? text[..^s.Length] : text,
        "replace" => a => Replace(text, a.Text(0, "old"), a.Text(1, "new"), Value.AsLong(a.Get(2, "count", -1L))),
        "upper" => _ => text.ToUpperInvariant(),
        "lower" => _ => text.ToLowerInvariant(),
        "title" => _ => Title(text),
        "capitalize" => _ => Capitalised(text),
        "join" => a => Operations.Joined(Value.Items(a.Need(0, "items"), a.Budget).Select(Value.AsText), text),
        "find" => a => Place(text, text.IndexOf(a.Text(0, "part"), StringComparison.Ordinal)),
        "rfind" => a => Place(text, text.LastIndexOf(a.Text(0, "part"), StringComparison.Ordinal)),
        "count" => a => a.Text(0, "part") is { Length: > 0 } part ? (long)text.Split(part).Length - 1 : Value.Length(text) + 1,
        "isdigit" => _ => text.Length > 0 && text.All(char.IsDigit),
        "isspace" => _ => text.Length > 0 && text.All(char.IsWhiteSpace),
        "isalpha" => _ => text.Length > 0 && text.EnumerateRunes().All(Rune.IsLetter),
        "isalnum" => _ => text.Length > 0 && text.EnumerateRunes().All(Rune.IsLetterOrDigit),
        "isupper" => _ => text.Any(char.IsUpper) && !text.Any(char.IsLower),
        "islower" => _ => text.Any(char.IsLower) && !text.Any(char.IsUpper),
        "format" or "encode" or "center" or "ljust" or "rjust" or "zfill" or "partition"
            or "rpartition" or "translate" or "casefold" or "swapcase" or "index" or "expandtabs"
            => _ => throw new TemplateFault($"the method '{name}' of texts is not computed by this version"),
        _ => null,
    };

    public static string Trim(string text, object? characters, bool left, bool right)
    {
        var set = characters is null ? null : Value.AsText(characters).ToCharArray();
        text = left ? text.TrimStart(set) : text;
        return right ? text.TrimEnd(set) : text;
    }

    public static string Replace(string text, string old, string @new, long count)
    {
        if (count < 0 && old.Length > 0)
        {
            Budget.Length((long)(text.Split(old).Length - 1) * @new.Length + text.Length);
            return text.Replace(old, @new, StringComparison.Ordinal);
        }

        var (result, at) = (new StringBuilder(), 0);
        for (var next = 0; count-- != 0 && next >= 0;)
        {
            next = old.Length == 0 ? -1 : text.IndexOf(old, at, StringComparison.Ordinal);
            if (next >= 0)
            {
                result.Append(text, at, next - at).Append(@new);
                Budget.Length(result.Length);
                at = next + old.Length;
            }
        }

        return old.Length == 0 ? throw new TemplateFault("replacing an empty text") : result.Append(text, at, text.Length - at).ToString();
    }

    public static string Capitalised(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..].ToLowerInvariant();

    public static string Title(string text)
    {
        var result = new StringBuilder(text.Length);
        var inWord = false;
        foreach (var c in text)
        {
            result.Append(inWord ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c));
            inWord = char.IsLetter(c);
        }

        return result.ToString();
    }

    private static bool Any(Arguments arguments, Func<string, bool> holds)
        => arguments.Need(0, "part") is IReadOnlyList<object?> parts ? parts.Any(p => holds(Value.AsText(p))) : holds(arguments.Text(0, "part"));

    private static List<object?> Split(string text, object? separator, long most)
    {
        var count = most < 0 || most >= int.MaxValue - 1 ? int.MaxValue : (int)most + 1;
        if (separator is not null)
        {
            return Value.AsText(separator) is { Length: > 0 } sign ? [.. text.Split(sign, count)] : throw new TemplateFault("splitting at an empty text");
        }

        var parts = new List<object?>();
        var rest = text.TrimStart();
        while (rest.Length > 0)
        {
            var end = 0;
            while (end < rest.Length && !char.IsWhiteSpace(rest[end]))
            {
                end++;
            }

            end = parts.Count + 1 >= count ? rest.Length : end;
            parts.Add(rest[..end]);
            rest = rest[end..].TrimStart();
        }

        return parts;
    }

    private static List<object?> RightSplit(string text, string separator, long most)
    {
        var parts = new List<object?>();
        while (separator.Length > 0 && most-- != 0 && text.LastIndexOf(separator, StringComparison.Ordinal) is >= 0 and var at)
        {
            parts.Insert(0, text[(at + separator.Length)..]);
            text = text[..at];
        }

        parts.Insert(0, text);
        return parts;
    }

    /// <summary>A place in code points, as Python counts.</summary>
    private static object Place(string text, int at) => at < 0 ? -1L : Value.Length(text[..at]);
}
