using System.Globalization;
using Vitrine.Transformers;
using YamlDotNet.Core;

namespace Vitrine.Mechanisms.Concepts;

/// <summary>Neuron sets as YAML: Vitrine's own form, and the published one of Haon et al. 2025.</summary>
/// <remarks>
/// Own form: <c>fingerprint</c>, <c>stack</c> and <c>sets: {name: [[layer, index], ...]}</c>. Published form: <c>name: {flat: [token, ...]}</c> or
/// <c>name: [flat, ...]</c>, where flat = layer x neurons + index.
/// </remarks>
public static class NeuronSetFile
{
    /// <summary>A file's text.</summary>
    /// <param name="sets">By name.</param>
    /// <param name="fingerprint">Of the model that they belong to.</param>
    public static string Write(IReadOnlyDictionary<string, NeuronSet> sets, string fingerprint)
    {
        ArgumentNullException.ThrowIfNull(sets);
        var stacks = sets.Values.Select(s => s.Stack).Distinct().ToArray();
        if (stacks.Length > 1)
        {
            throw new VitrineException($"neuron sets: {string.Join(", ", stacks)} cannot share a file.");
        }

        var lines = new List<string> { $"fingerprint: \"{fingerprint}\"", $"stack: {stacks.FirstOrDefault() ?? "language"}", "sets:" };
        foreach (var (name, set) in sets)
        {
            lines.Add($"  {name}: [{string.Join(", ", set.Neurons.Select(n => string.Create(CultureInfo.InvariantCulture, $"[{n.Layer}, {n.Index}]")))}]");
        }

        return string.Join('\n', lines) + "\n";
    }

    /// <summary>Reads a file of either form.</summary>
    /// <param name="path">YAML.</param>
    /// <param name="neuronsPerLayer">F of the model, which flat indices need.</param>
    /// <param name="stack">Whose neurons they are where the file does not say.</param>
    /// <exception cref="VitrineException">It cannot be read, or is neither, with what was found.</exception>
    public static IReadOnlyDictionary<string, NeuronSet> Open(string path, int neuronsPerLayer, string stack = "language")
    {
        try
        {
            return Read(File.ReadAllText(path), path, neuronsPerLayer, stack);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
    }

    /// <summary>Reads either form.</summary>
    /// <param name="text">YAML.</param>
    /// <param name="source">What to call it in errors.</param>
    /// <param name="neuronsPerLayer">F of the model, which flat indices need.</param>
    /// <param name="stack">Whose neurons they are where the text does not say.</param>
    /// <exception cref="VitrineException">It is neither, with what was found.</exception>
    public static IReadOnlyDictionary<string, NeuronSet> Read(string text, string source, int neuronsPerLayer, string stack = "language")
    {
        Dictionary<string, object> root;
        try
        {
            root = YamlText.Map(text);
        }
        catch (YamlException e)
        {
            throw new VitrineException($"{source}: is no YAML of neuron sets ({e.Message}).", e);
        }

        if (root.TryGetValue("sets", out var own) && own is Dictionary<object, object> sets)
        {
            if (root.Keys.FirstOrDefault(k => k is not ("sets" or "stack" or "fingerprint")) is { } other)
            {
                throw new VitrineException($"{source}: there is no key '{other}' beside 'sets'; known are fingerprint, stack.");
            }

            var named = !root.TryGetValue("stack", out var s) ? stack
                : s as string ?? throw new VitrineException($"{source}: 'stack' is no name of a stack.");
            return sets.ToDictionary(
                p => Text(p.Key), p => new NeuronSet(List(p.Value, source, Text(p.Key)).Select(n => Pair(n, $"{source}: '{Text(p.Key)}'")), named));
        }

        return root.ToDictionary(
            p => p.Key, p => new NeuronSet(Flat(p.Value, source, p.Key).Select(i => new Neuron(i / neuronsPerLayer, i % neuronsPerLayer)), stack));
    }

    private static IEnumerable<int> Flat(object value, string source, string name) => value switch
    {
        Dictionary<object, object> map => map.Keys.Select(k => Whole(k, $"{source}: '{name}'")),
        List<object> list => list.Select(v => Whole(v, $"{source}: '{name}'")),
        _ => throw new VitrineException($"{source}: '{name}' is neither a list of flat indices nor a map from them to tokens."),
    };

    private static Neuron Pair(object value, string source)
        => value is List<object> { Count: 2 } pair
            ? new Neuron(Whole(pair[0], source), Whole(pair[1], source))
            : throw new VitrineException($"{source}: a neuron is a pair [layer, index]; found '{value}'.");

    private static List<object> List(object value, string source, string name)
        => value as List<object> ?? throw new VitrineException($"{source}: '{name}' is no list of neurons.");

    private static int Whole(object value, string source)
        => int.TryParse(Text(value), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new VitrineException($"{source}: {(value is string ? $"'{value}'" : "a list or map")} is no neuron's index.");

    private static string Text(object value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
}
