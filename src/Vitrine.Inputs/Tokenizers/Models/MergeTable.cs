namespace Vitrine.Inputs.Tokenizers.Models;

/// <summary>Which pairs of ids merge, in which order, and into what.</summary>
internal sealed class MergeTable
{
    private readonly Dictionary<ulong, (int Rank, int Merged)> merges;

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

            table.merges[Key(l, r)] = (rank, merged);
        }

        return table;
    }

    public bool TryGet(int left, int right, out int rank, out int merged)
    {
        var found = merges.TryGetValue(Key(left, right), out var merge);
        (rank, merged) = merge;
        return found;
    }

    /// <remarks>
    /// .NET hashes a ulong to the exclusive or of its halves, which is 0 for every pair of equals; an odd factor spreads them and keeps keys distinct.
    /// </remarks>
    private static ulong Key(int left, int right) => (((ulong)(uint)left << 32) | (uint)right) * 0x9E3779B97F4A7C15;
}
