using System.Globalization;
using Microsoft.AspNetCore.WebUtilities;

namespace Vitrine.Studio.Hosting;

/// <summary>The address of a page: all that a page shows is decided by it, so that a link brings it back.</summary>
/// <remarks>Numbers are written and read as the invariant culture does, whatever the machine speaks.</remarks>
internal sealed class PageAddress
{
    /// <summary>What goes along from page to page: which model, and what it reads; and which served policy is watched.</summary>
    private static readonly string[] Carried =
        ["model", "text", "picture", "task", "layout", "say", "stack", "layer", "head", "neuron", "token", "depth", "connect"];

    private readonly SortedDictionary<string, string> values;

    private PageAddress(string path, SortedDictionary<string, string> values) => (Path, this.values) = (path, values);

    /// <summary>Without the slash in front: <c>tour/attention</c>.</summary>
    public string Path { get; }

    /// <summary>One value; null where the address lacks it.</summary>
    public string? this[string key] => values.GetValueOrDefault(key);

    /// <summary>Path and query, with the slash in front.</summary>
    public string Relative => QueryHelpers.AddQueryString("/" + Path, values.Select(v => KeyValuePair.Create<string, string?>(v.Key, v.Value)));

    /// <summary>Reads an absolute address, or one that begins with a slash.</summary>
    public static PageAddress Of(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        var uri = new Uri(new Uri("http://localhost"), address);
        var query = QueryHelpers.ParseQuery(uri.Query);
        return new PageAddress(Uri.UnescapeDataString(uri.AbsolutePath.Trim('/')),
            new SortedDictionary<string, string>(query.Where(q => q.Value.Count > 0).ToDictionary(q => q.Key, q => q.Value[^1] ?? ""), StringComparer.Ordinal));
    }

    /// <summary>A whole number, within bounds.</summary>
    public int Whole(string key, int fallback, int low, int high)
        => int.TryParse(this[key], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? Math.Clamp(number, low, Math.Max(low, high))
            : Math.Clamp(fallback, low, Math.Max(low, high));

    /// <summary>A number.</summary>
    public double Number(string key, double fallback)
        => double.TryParse(this[key], NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : fallback;

    /// <summary>A text; the fallback where it is missing or blank.</summary>
    public string Text(string key, string fallback) => string.IsNullOrWhiteSpace(this[key]) ? fallback : this[key]!;

    /// <summary>The same page with other values; null takes one away.</summary>
    public string With(params ReadOnlySpan<(string Key, object? Value)> changes) => Changed(Path, values, changes);

    /// <summary>Another page about the same model and what it reads.</summary>
    public string To(string path, params ReadOnlySpan<(string Key, object? Value)> changes)
        => Changed(path, values.Where(v => Carried.Contains(v.Key)), changes);

    private static string Changed(string path, IEnumerable<KeyValuePair<string, string>> values, ReadOnlySpan<(string Key, object? Value)> changes)
    {
        var changed = new SortedDictionary<string, string>(values.ToDictionary(), StringComparer.Ordinal);
        foreach (var (key, value) in changes)
        {
            if (value is null)
            {
                changed.Remove(key);
            }
            else
            {
                changed[key] = Convert.ToString(value, CultureInfo.InvariantCulture)!;
            }
        }

        return new PageAddress(path, changed).Relative;
    }
}
