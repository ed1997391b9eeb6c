namespace Vitrine.Inputs.Tokenizers;

/// <summary>Finds which of many words begin at a place of a text, in time of the longest of them.</summary>
internal sealed class CharacterTrie
{
    private readonly Dictionary<ulong, int> children = [];
    private readonly List<int> values = [-1];

    public bool IsEmpty => children.Count == 0;

    /// <param name="word">Not empty; the last value of a word given twice holds.</param>
    /// <param name="value">Not negative.</param>
    public void Add(string word, int value)
    {
        var node = 0;
        foreach (var character in word)
        {
            if (!children.TryGetValue(Key(node, character), out var next))
            {
                next = values.Count;
                values.Add(-1);
                children.Add(Key(node, character), next);
            }

            node = next;
        }

        values[node] = value;
    }

    /// <summary>The longest word that begins at a place.</summary>
    public bool TryLongest(ReadOnlySpan<char> text, int at, out int length, out int value)
    {
        (length, value) = (0, -1);
        var node = 0;
        for (var i = at; i < text.Length && children.TryGetValue(Key(node, text[i]), out node); i++)
        {
            if (values[node] >= 0)
            {
                (length, value) = (i + 1 - at, values[node]);
            }
        }

        return value >= 0;
    }

    /// <summary>One step down; false where no word goes on so. Node 0 is the root, and a value below 0 says that no word ends here.</summary>
    public bool TryStep(ref int node, char character, out int value)
    {
        value = -1;
        if (!children.TryGetValue(Key(node, character), out var next))
        {
            return false;
        }

        (node, value) = (next, values[next]);
        return true;
    }

    /// <remarks>The odd factor spreads keys over the buckets and keeps them distinct.</remarks>
    private static ulong Key(int node, char character) => (((ulong)node << 16) | character) * 0x9E3779B97F4A7C15;
}
