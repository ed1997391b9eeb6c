using System.Collections.Concurrent;

namespace Vitrine.Inputs.Tokenizers.Models;

/// <summary>Remembers the tokens of short words, up to a fixed number of words; safe to use from several threads.</summary>
internal sealed class WordCache
{
    private const int Capacity = 20_000;
    private const int LongestWord = 128;

    private readonly ConcurrentDictionary<string, ModelToken[]> words = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ModelToken[]>.AlternateLookup<ReadOnlySpan<char>> lookup;
    private int count;

    public WordCache() => lookup = words.GetAlternateLookup<ReadOnlySpan<char>>();

    public bool TryGet(ReadOnlySpan<char> word, out ModelToken[]? tokens)
    {
        tokens = null;
        return word.Length <= LongestWord && lookup.TryGetValue(word, out tokens);
    }

    public void Put(ReadOnlySpan<char> word, List<ModelToken> tokens, int from)
    {
        if (word.Length <= LongestWord && Volatile.Read(ref count) < Capacity && words.TryAdd(word.ToString(), [.. tokens.Skip(from)]))
        {
            Interlocked.Increment(ref count);
        }
    }
}
