using System.Globalization;

namespace Vitrine.Worlds;

/// <summary>The options that a world was named with, to be read one by one; each is checked where it is read.</summary>
public sealed class WorldSettings
{
    private readonly string world;
    private readonly IReadOnlyDictionary<string, string> values;

    /// <param name="world">Its name, for errors.</param>
    /// <param name="values">Name to value.</param>
    /// <param name="known">Options that the world has.</param>
    /// <exception cref="VitrineException">An option is unknown; it and those that there are, are named.</exception>
    public WorldSettings(string world, IReadOnlyDictionary<string, string> values, IReadOnlyDictionary<string, string> known)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(known);
        (this.world, this.values) = (world, values);
        if (values.Keys.Order(StringComparer.Ordinal).FirstOrDefault(k => !known.ContainsKey(k)) is { } unknown)
        {
            var there = known.Count == 0 ? "it has none" : $"there are {string.Join(", ", known.Keys)}";
            throw new VitrineException($"world '{world}': no option '{unknown}'; {there}.");
        }
    }

    /// <summary>An option as it stands; null where it is not given.</summary>
    public string? Text(string name) => values.GetValueOrDefault(name);

    /// <summary>One of a few words.</summary>
    /// <exception cref="VitrineException">It is another one.</exception>
    public string Choice(string name, string otherwise, params string[] choices)
    {
        ArgumentNullException.ThrowIfNull(choices);
        var text = Text(name) ?? otherwise;
        return choices.Contains(text) ? text : throw Wrong(name, text, $"one of {string.Join(", ", choices)}");
    }

    /// <summary>A number.</summary>
    /// <exception cref="VitrineException">It is none, or out of range.</exception>
    public double Number(string name, double otherwise, double least, double most)
        => Text(name) is not { } text ? otherwise
            : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most ? number
            : throw Wrong(name, text, string.Create(CultureInfo.InvariantCulture, $"a number from {least} to {most}"));

    /// <summary>A whole number.</summary>
    /// <exception cref="VitrineException">It is none, or out of range.</exception>
    public int Whole(string name, int otherwise, int least, int most)
        => Text(name) is not { } text ? otherwise
            : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most ? number
            : throw Wrong(name, text, $"a whole number from {least} to {most}");

    /// <summary><c>true</c> or <c>false</c>.</summary>
    /// <exception cref="VitrineException">It is neither.</exception>
    public bool Flag(string name, bool otherwise)
        => Text(name) is not { } text ? otherwise : bool.TryParse(text, out var flag) ? flag : throw Wrong(name, text, "true or false");

    /// <summary>The error of an option that does not fit.</summary>
    public VitrineException Wrong(string name, string found, string expected)
        => new($"world '{world}': option '{name}' is '{found}'; expected {expected}.");
}
