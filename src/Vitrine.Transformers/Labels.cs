using System.Globalization;
using System.Text.Json;
using Vitrine.Checkpoints;

namespace Vitrine.Transformers;

/// <summary>What the numbers of a class head mean.</summary>
public enum ClassScores
{
    /// <summary>One class of many: softmax.</summary>
    OneOfMany,

    /// <summary>Each class for itself: sigmoid.</summary>
    Independent,

    /// <summary>A measured quantity: as it is.</summary>
    Quantity,
}

/// <summary>Names of a classifier's classes.</summary>
/// <param name="Names">In the order of the logits.</param>
/// <param name="Scores">What the logits mean.</param>
public sealed record Labels(IReadOnlyList<string> Names, ClassScores Scores)
{
    /// <summary>Reads <c>id2label</c>, <c>num_labels</c> and <c>problem_type</c>.</summary>
    /// <remarks>
    /// Ordered by the number, never by place in the file. Where there is no id2label there are num_labels classes, or 2, called LABEL_0 ...; files that
    /// contradict themselves are read differently by different releases of the reference (configuration_utils.py) and are refused. A single class stands for
    /// itself whatever problem_type says but regression, as the reference's pipelines have it (pipelines/text_classification.py).
    /// </remarks>
    internal static Labels Read(ConfigReader json)
    {
        var count = json.Has("num_labels") ? json.Size("num_labels") : (int?)null;
        string[] names = json.Has("id2label")
            ? Ordered(json, json.Object("id2label").Root)
            : [.. Enumerable.Range(0, count ?? 2).Select(i => $"LABEL_{i}")];
        if (names.Length == 0 || (count is { } expected && expected != names.Length))
        {
            throw new VitrineException(
                $"{json.Source}: id2label names {names.Length} classes; num_labels says {count?.ToString(CultureInfo.InvariantCulture) ?? "nothing"}.");
        }

        return new Labels(names, (json.Has("problem_type") ? json.Text("problem_type") : "") switch
        {
            "regression" => ClassScores.Quantity,
            "multi_label_classification" => ClassScores.Independent,
            "single_label_classification" or "" => names.Length == 1 ? ClassScores.Independent : ClassScores.OneOfMany,
            var unknown => throw new VitrineException(
                $"{json.Source}: problem_type is '{unknown}'; known are regression, single_label_classification, multi_label_classification."),
        });
    }

    private static string[] Ordered(ConfigReader json, JsonElement map)
    {
        var names = new SortedDictionary<int, string>();
        foreach (var entry in map.EnumerateObject())
        {
            if (!int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var id) || !PythonJson.IsText(entry.Value)
                || !names.TryAdd(id, entry.Value.GetString()!))
            {
                throw new VitrineException($"{json.Source}: id2label has the entry '{entry.Name}'; expected a number and a name, each number once.");
            }
        }

        return names.Keys.SequenceEqual(Enumerable.Range(0, names.Count))
            ? [.. names.Values]
            : throw new VitrineException($"{json.Source}: id2label numbers {string.Join(", ", names.Keys)}; expected 0 to {names.Count - 1}.");
    }
}
