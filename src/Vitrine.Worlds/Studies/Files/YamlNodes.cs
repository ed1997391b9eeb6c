using System.Globalization;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Vitrine.Worlds.Studies.Files;

/// <summary>A value of a YAML file, with the place where it stands.</summary>
/// <param name="Source">The file, for errors.</param>
/// <param name="Line">From 1.</param>
internal abstract record YamlNode(string Source, int Line)
{
    /// <summary>Largest text that is read, in bytes.</summary>
    public const int LargestFile = 1 << 20;

    /// <summary>Deepest nesting that is read.</summary>
    public const int Deepest = 16;

    /// <summary>Reads one document. Nothing of it names a type, an anchor or another place of the text.</summary>
    /// <exception cref="VitrineException">The text is no YAML map, too large or too deep, or has aliases, tags or a key twice.</exception>
    public static YamlMap Read(string text, string source)
    {
        if (Encoding.UTF8.GetByteCount(text) is > LargestFile and var bytes)
        {
            throw new VitrineException($"{source}: has {bytes} bytes; a study file has at most {LargestFile}.");
        }

        try
        {
            var parser = new Parser(new StringReader(text));
            parser.Consume<StreamStart>();
            if (!parser.TryConsume<DocumentStart>(out _))
            {
                throw new VitrineException($"{source}: is empty; expected a study. 'vitrine study new' writes one.");
            }

            var root = Node(parser, source, depth: 1);
            parser.Consume<DocumentEnd>();
            return parser.Current is DocumentStart
                ? throw new VitrineException($"{source}: holds more than one document; expected one study.")
                : root as YamlMap ?? throw new VitrineException($"{source}: is no map of keys; expected a study.");
        }
        catch (YamlException e)
        {
            throw new VitrineException($"{source}, line {e.Start.Line}: is no YAML ({e.Message}).", e);
        }
    }

    /// <summary>An error at this place.</summary>
    /// <param name="what">What is wrong, after the place.</param>
    public VitrineException Wrong(string what) => new($"{Source}, line {Line}: {what}.");

    /// <summary>The value as JSON: texts that YAML reads as numbers, truths or nothing become those.</summary>
    public abstract string ToJson();

    private static YamlNode Node(Parser parser, string source, int depth)
    {
        var at = (int)(parser.Current?.Start.Line ?? 0);
        if (depth > Deepest)
        {
            throw new VitrineException($"{source}, line {at}: is nested deeper than {Deepest}.");
        }

        switch (parser.Current)
        {
            case AnchorAlias alias:
                throw new VitrineException($"{source}, line {at}: has the alias '*{alias.Value}'; a study file says everything where it stands.");
            case NodeEvent { Anchor.IsEmpty: false } anchored:
                throw new VitrineException($"{source}, line {at}: has the anchor '&{anchored.Anchor}'; a study file says everything where it stands.");
            case NodeEvent { Tag.IsEmpty: false } tagged:
                throw new VitrineException($"{source}, line {at}: has the tag '{tagged.Tag}'; a study file has plain values.");
        }

        if (parser.TryConsume<Scalar>(out var scalar))
        {
            return new YamlText(source, at, scalar.Value, IsPlain: scalar.Style == ScalarStyle.Plain);
        }

        if (parser.TryConsume<SequenceStart>(out _))
        {
            var items = new List<YamlNode>();
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                items.Add(Node(parser, source, depth + 1));
            }

            return new YamlList(source, at, items);
        }

        parser.Consume<MappingStart>();
        var entries = new List<(string Key, YamlNode Value)>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var key = Node(parser, source, depth + 1) as YamlText ?? throw new VitrineException($"{source}, line {at}: a key is no text.");
            if (entries.Exists(e => e.Key == key.Value))
            {
                throw key.Wrong($"the key '{key.Value}' is there twice");
            }

            entries.Add((key.Value, Node(parser, source, depth + 1)));
        }

        return new YamlMap(source, at, entries);
    }
}

/// <summary>A scalar.</summary>
/// <param name="Value">As it is written.</param>
/// <param name="IsPlain">Whether it stands without quotes.</param>
internal sealed record YamlText(string Source, int Line, string Value, bool IsPlain) : YamlNode(Source, Line)
{
    public override string ToJson()
    {
        var isJson = IsPlain && (Value is "true" or "false" or "null"
            || (double.TryParse(Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)));
        return !isJson ? Quoted(Value)
            : Value is "true" or "false" or "null" ? Value
            : long.TryParse(Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? whole.ToString(CultureInfo.InvariantCulture)
            : double.Parse(Value, CultureInfo.InvariantCulture).ToString("R", CultureInfo.InvariantCulture);
    }

    internal static string Quoted(string text) => $"\"{System.Text.Json.JsonEncodedText.Encode(text)}\"";
}

/// <summary>A list.</summary>
/// <param name="Items">In order.</param>
internal sealed record YamlList(string Source, int Line, IReadOnlyList<YamlNode> Items) : YamlNode(Source, Line)
{
    public override string ToJson() => $"[{string.Join(",", Items.Select(i => i.ToJson()))}]";
}

/// <summary>A map.</summary>
/// <param name="Entries">In the order of the text; no key is there twice.</param>
internal sealed record YamlMap(string Source, int Line, IReadOnlyList<(string Key, YamlNode Value)> Entries) : YamlNode(Source, Line)
{
    /// <summary>Refuses keys that nobody reads.</summary>
    /// <param name="what">What the map is.</param>
    /// <param name="keys">Those that are known.</param>
    public YamlMap Knowing(string what, params string[] keys)
    {
        foreach (var (key, value) in Entries.Where(e => !keys.Contains(e.Key)).Take(1))
        {
            throw value.Wrong($"{what} has no key '{key}'; the nearest is '{Nearest.Of(key, keys)}', known are {string.Join(", ", keys)}");
        }

        return this;
    }

    /// <summary>The value of a key; null where it is not there.</summary>
    public YamlNode? Get(string key) => Entries.FirstOrDefault(e => e.Key == key).Value;

    /// <exception cref="VitrineException">The key is not there.</exception>
    public YamlNode Require(string key, string what) => Get(key) ?? throw Wrong($"{what} lacks the key '{key}'");

    public override string ToJson() => $"{{{string.Join(",", Entries.Select(e => $"{YamlText.Quoted(e.Key)}:{e.Value.ToJson()}"))}}}";
}

/// <summary>Values of nodes, or what was expected of them.</summary>
internal static class YamlValues
{
    public static string Text(this YamlNode node, string what)
        => node is YamlText { Value.Length: > 0 } text ? text.Value : throw node.Wrong($"'{what}' is no text");

    public static YamlMap Map(this YamlNode node, string what) => node as YamlMap ?? throw node.Wrong($"'{what}' is no map of keys");

    public static IReadOnlyList<YamlNode> List(this YamlNode node, string what)
        => node is YamlList list ? list.Items : throw node.Wrong($"'{what}' is no list");

    public static IReadOnlyList<string> Texts(this YamlNode node, string what) => [.. node.List(what).Select(n => n.Text(what))];

    public static bool Truth(this YamlNode node, string what)
        => node is YamlText { Value: "true" or "false" } text ? text.Value == "true" : throw node.Wrong($"'{what}' is {Shown(node)}; expected true or false");

    public static double Number(this YamlNode node, string what)
        => node is YamlText text && double.TryParse(text.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? number
            : throw node.Wrong($"'{what}' is {Shown(node)}; expected a number");

    public static int Whole(this YamlNode node, string what, int least)
        => node is YamlText text && int.TryParse(text.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= least
            ? number
            : throw node.Wrong($"'{what}' is {Shown(node)}; expected a whole number of at least {least}");

    public static ulong Seed(this YamlNode node, string what)
        => node is YamlText text && ulong.TryParse(text.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw node.Wrong($"'{what}' is {Shown(node)}; expected a whole number that is not negative");

    public static T Choice<T>(this YamlNode node, string what, params (string Name, T Value)[] choices)
    {
        var text = node.Text(what);
        var names = choices.Select(c => c.Name).ToArray();
        return Array.IndexOf(names, text) is >= 0 and var at
            ? choices[at].Value
            : throw node.Wrong($"'{what}' is '{text}'; the nearest is '{Nearest.Of(text, names)}', known are {string.Join(", ", names)}");
    }

    public static string Shown(this YamlNode node) => node switch
    {
        YamlText text => $"'{text.Value}'",
        YamlList => "a list",
        _ => "a map",
    };
}
