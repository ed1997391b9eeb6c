using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Vitrine.Serving.Wire;

/// <summary>A map of a message, in the order of the message. Keys are text; each stands once.</summary>
/// <remarks>
/// Values are null, <see cref="bool"/>, <see cref="long"/>, <see cref="ulong"/> (beyond long), <see cref="double"/>, <see cref="string"/>,
/// <see cref="ReadOnlyMemory{T}"/> of bytes, <see cref="WireArray"/>, <see cref="Inputs.Pictures.Picture"/>, lists of values, or maps.
/// </remarks>
public sealed class WireMap : IEnumerable<KeyValuePair<string, object?>>
{
    private readonly List<KeyValuePair<string, object?>> entries = [];
    private readonly Dictionary<string, int> places = [];

    /// <summary>How many entries.</summary>
    public int Count => entries.Count;

    /// <summary>The keys in order.</summary>
    public IEnumerable<string> Keys => entries.Select(e => e.Key);

    /// <summary>The value of a key; null where it is absent. Setting adds, as <see cref="Add"/> does.</summary>
    public object? this[string key]
    {
        get => places.TryGetValue(key, out var at) ? entries[at].Value : null;
        set => Add(key, value);
    }

    /// <summary>Adds an entry.</summary>
    /// <exception cref="WireException">The key is there already.</exception>
    public void Add(string key, object? value)
    {
        if (!places.TryAdd(key, entries.Count))
        {
            throw new WireException($"message: the key '{key}' stands twice in one map.");
        }

        entries.Add(new(key, value));
    }

    /// <summary>Whether a key is there.</summary>
    public bool Has(string key) => places.ContainsKey(key);

    /// <summary>Whether a key is there with a value of a kind.</summary>
    public bool TryGet<T>(string key, [NotNullWhen(true)] out T? value)
    {
        (var found, value) = this[key] is T typed ? (true, typed) : (false, default(T));
        return found;
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() => entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
