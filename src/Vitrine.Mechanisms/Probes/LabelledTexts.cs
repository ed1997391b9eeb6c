using System.Text.Json;

namespace Vitrine.Mechanisms.Probes;

/// <summary>A text and what is said of it.</summary>
/// <param name="Label">Its class, or its number.</param>
/// <param name="Text">As a model reads it.</param>
public sealed record LabelledText(string Label, string Text);

/// <summary>Labelled texts out of a file.</summary>
public static class LabelledTexts
{
    /// <summary>
    /// Reads a table with tabs, whose first line names the columns <c>label</c> and <c>text</c>, or a <c>.jsonl</c> file of objects with those keys.
    /// </summary>
    /// <param name="path">Empty lines are left out; other columns and keys are not read.</param>
    /// <exception cref="VitrineException">It cannot be read, or a line lacks one of the two; the line is named, from 1.</exception>
    public static IReadOnlyList<LabelledText> Read(string path)
    {
        try
        {
            var lines = File.ReadAllLines(path).Index().Where(l => !string.IsNullOrWhiteSpace(l.Item)).ToArray();
            LabelledText[] texts = Path.GetExtension(path).Equals(".jsonl", StringComparison.OrdinalIgnoreCase)
                ? [.. lines.Select(l => OfObject($"{path}: line {l.Index + 1}", l.Item))]
                : OfTable(path, lines);
            return texts.Length > 0 ? texts : throw new VitrineException($"{path}: holds no text; expected lines with a label and a text.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
    }

    private static LabelledText[] OfTable(string path, (int Index, string Item)[] lines)
    {
        if (lines.Length == 0)
        {
            return [];
        }

        var columns = lines[0].Item.Split('\t');
        var (label, text) = (Array.IndexOf(columns, "label"), Array.IndexOf(columns, "text"));
        return label < 0 || text < 0
            ? throw new VitrineException($"{path}: its first line names {string.Join(", ", columns)}; expected columns label and text, with a tab between.")
            : [.. lines.Skip(1).Select(l => l.Item.Split('\t') is var cells && cells.Length == columns.Length && cells[text].Length > 0
                ? new LabelledText(cells[label], cells[text])
                : throw new VitrineException(
                    $"{path}: line {l.Index + 1} has {cells.Length} cells; expected {columns.Length} as in its first line, and a text."))];
    }

    private static LabelledText OfObject(string place, string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.ValueKind == JsonValueKind.Object
                && json.RootElement.TryGetProperty("label", out var label) && json.RootElement.TryGetProperty("text", out var text)
                && label.ValueKind is JsonValueKind.String or JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False
                && text.ValueKind == JsonValueKind.String && text.GetString() is { Length: > 0 } words
                ? new LabelledText(label.ToString(), words)
                : throw new VitrineException($"{place}: lacks a label or a text; expected an object with \"label\" and \"text\".");
        }
        catch (JsonException e)
        {
            throw new VitrineException($"{place}: is no JSON ({e.Message}).", e);
        }
    }
}
