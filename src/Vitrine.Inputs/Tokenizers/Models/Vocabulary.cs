using System.Globalization;

namespace Vitrine.Inputs.Tokenizers.Models;

/// <summary>Words and their ids, each way.</summary>
internal sealed class Vocabulary
{
    /// <summary>No vocabulary comes near; a larger id is an error of the file, not a table to allocate.</summary>
    public const int LargestAllowedId = 10_000_000;

    private readonly Dictionary<string, int> ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup;
    private readonly Dictionary<int, string> words;
    private readonly int[] byteIds = new int[256];

    /// <param name="entries">Words and ids.</param>
    /// <param name="source">Whose they are, for messages.</param>
    /// <param name="repeats">Whether a word may be given twice; its last id then stands for the text, and each id for the word.</param>
    /// <param name="count">How many entries there are, about.</param>
    /// <exception cref="VitrineException">There is none, or an id is out of range or given twice.</exception>
    public Vocabulary(IEnumerable<(string Word, int Id)> entries, string source, bool repeats = false, int count = 0)
    {
        (ids, words, LargestId) = (new(count, StringComparer.Ordinal), new(count), -1);
        foreach (var (word, id) in entries)
        {
            if (id is < 0 or > LargestAllowedId)
            {
                throw new VitrineException($"{source}: the id {id} of '{word}' is out of range; expected 0 to {LargestAllowedId}.");
            }

            if (!words.TryAdd(id, word))
            {
                throw new VitrineException($"{source}: the id {id} is given to '{words[id]}' and to '{word}'.");
            }

            if (!ids.TryAdd(word, id))
            {
                ids[word] = repeats ? id : throw new VitrineException($"{source}: the word '{word}' is given twice, with the ids {ids[word]} and {id}.");
            }

            LargestId = Math.Max(LargestId, id);
        }

        if (words.Count == 0)
        {
            throw new VitrineException($"{source}: the vocabulary is empty.");
        }

        lookup = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        for (var value = 0; value < 256; value++)
        {
            byteIds[value] = ids.GetValueOrDefault(string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"), -1);
        }
    }

    public int LargestId { get; }

    public int Count => words.Count;

    public string? Word(int id) => words.GetValueOrDefault(id);

    public int? Id(string word) => ids.TryGetValue(word, out var id) ? id : null;

    public bool TryId(ReadOnlySpan<char> word, out int id) => lookup.TryGetValue(word, out id);

    /// <summary>The ids of a text's UTF-8 bytes as byte tokens (<c>&lt;0x0A&gt;</c>); 0 where one of them has none.</summary>
    /// <param name="text">Of at most <c>ids.Length / 3</c> characters.</param>
    /// <param name="found">Room for them.</param>
    public int ByteIds(ReadOnlySpan<char> text, Span<int> found)
    {
        Span<byte> bytes = stackalloc byte[4];
        var count = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            var length = rune.EncodeToUtf8(bytes);
            for (var i = 0; i < length; i++)
            {
                var id = byteIds[bytes[i]];
                if (id < 0)
                {
                    return 0;
                }

                found[count++] = id;
            }
        }

        return count;
    }
}
