namespace Vitrine.Inputs.Tokenizers.Models;

/// <summary>Which pairs of ids merge, in which order, and into what.</summary>
internal sealed class MergeTable
{
    private readonly Dictionary<ulong, Merge> merges;

    private MergeTable(int count) => merges = new(count);

    /// <summary>Resolves merges written in words; where a pair is given twice, its last place holds, as in the tokenizers library.</summary>
    /// <param name="vocabulary">Must know both parts and what they make.</param>
    /// <param name="pairs">The earliest is merged first.</param>
    /// <param name="continuingPrefix">Taken off the right part before the two are joined.</param>
    /// <param name="source">For messages.</param>
    public static MergeTable Of(Vocabulary vocabulary, IReadOnlyList<(string Left, string Right)> pairs, string continuingPrefix, string source)
    {
        var table = new MergeTable(pairs.Count);
        for (var rank = 0; rank < pairs.Count; rank++)
        {
            var (left, right) = pairs[rank];
            var tail = right.StartsWith(continuingPrefix, StringComparison.Ordinal) ? right[continuingPrefix.Length..] : right;
            if (vocabulary.Id(left) is not { } l || vocabulary.Id(right) is not { } r || vocabulary.Id(left + tail) is not { } merged)
            {
                throw new VitrineException($"{source}: merge {rank}, '{left}' + '{right}', names a token that is not in the vocabulary.");
            }

            table.merges[Key(l, r)] = new Merge(rank, merged);
        }

        return table;
    }

    /// <summary>The same of merges that are written with a space between the two parts, without a text of its own for each part.</summary>
    /// <exception cref="VitrineException">One is no pair, or names a token that is not in the vocabulary.</exception>
    public static MergeTable Of(Vocabulary vocabulary, IReadOnlyList<string> lines, string source)
    {
        var table = new MergeTable(lines.Count);
        Span<char> both = stackalloc char[256];
        for (var rank = 0; rank < lines.Count; rank++)
        {
            ReadOnlySpan<char> line = lines[rank];
            var at = line.Length > 0 ? line[1..].IndexOf(' ') + 1 : 0;
            if (at <= 0)
            {
                throw new VitrineException($"{source}: merge {rank}, '{lines[rank]}', is no pair.");
            }

            ReadOnlySpan<char> left = line[..at], right = line[(at + 1)..];
            var joined = line.Length <= both.Length ? both[..(line.Length - 1)] : new char[line.Length - 1];
            left.CopyTo(joined);
            right.CopyTo(joined[at..]);
            if (!vocabulary.TryId(left, out var l) || !vocabulary.TryId(right, out var r) || !vocabulary.TryId(joined, out var merged))
            {
                throw new VitrineException($"{source}: merge {rank}, '{left}' + '{right}', names a token that is not in the vocabulary.");
            }

            table.merges[Key(l, r)] = new Merge(rank, merged);
        }

        return table;
    }

    public bool TryGet(int left, int right, out int rank, out int merged)
    {
        var found = merges.TryGetValue(Key(left, right), out var merge);
        (rank, merged) = (merge.Rank, merge.Merged);
        return found;
    }

    /// <remarks>
    /// .NET hashes a ulong to the exclusive or of its halves, which is 0 for every pair of equals; an odd factor spreads them and keeps keys distinct.
    /// </remarks>
    private static ulong Key(int left, int right) => (((ulong)(uint)left << 32) | (uint)right) * 0x9E3779B97F4A7C15;

    /// <summary>What a pair becomes, and when; a type of its own, so that the table's code is compiled ahead with this library.</summary>
    private readonly record struct Merge(int Rank, int Merged);
}
