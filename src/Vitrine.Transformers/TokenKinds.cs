namespace Vitrine.Transformers;

/// <summary>Kinds of tokens that a batch names, e.g. <c>image</c> and <c>text</c>: where they stand in each row. Edits name positions by them.</summary>
/// <remarks>Each stack has kinds of its own: an action expert's tokens are others than those of the decoder that reads pictures and words.</remarks>
public sealed class TokenKinds
{
    private readonly Dictionary<string, Dictionary<string, HashSet<long>[]>> stacks;

    /// <summary>Creates the kinds of a batch.</summary>
    /// <param name="positions">Kind to [row][position], counted in the row's own tokens from 0.</param>
    /// <param name="stack">The stack whose tokens they are.</param>
    /// <exception cref="VitrineException">A position is negative, or two kinds have lists for different numbers of rows.</exception>
    public TokenKinds(IReadOnlyDictionary<string, IReadOnlyList<IReadOnlyList<long>>> positions, string stack = "language")
    {
        ArgumentNullException.ThrowIfNull(positions);
        foreach (var (kind, rows) in positions)
        {
            if (rows.Count != positions.Values.First().Count || rows.Any(row => row.Any(p => p < 0)))
            {
                throw new VitrineException($"token kind '{kind}': expected a list of positions from 0 for each row, the same rows in every kind.");
            }
        }

        var places = positions.ToDictionary(p => p.Key, p => p.Value.Select(row => row.ToHashSet()).ToArray(), StringComparer.Ordinal);
        stacks = places.Count == 0 ? [] : new Dictionary<string, Dictionary<string, HashSet<long>[]>> { [stack] = places };
    }

    private TokenKinds(IEnumerable<KeyValuePair<string, Dictionary<string, HashSet<long>[]>>> stacks) => this.stacks = new(stacks);

    /// <summary>No kinds.</summary>
    public static TokenKinds None { get; } = new(new Dictionary<string, IReadOnlyList<IReadOnlyList<long>>>());

    /// <summary>What can be named, in any stack.</summary>
    public IReadOnlyCollection<string> Names => [.. stacks.Values.SelectMany(s => s.Keys).Distinct()];

    /// <summary>Stacks whose tokens have kinds.</summary>
    public IReadOnlyCollection<string> Stacks => stacks.Keys;

    /// <summary>Rows that they were made for; null where there are no kinds, or where stacks have different numbers of rows.</summary>
    internal int? Rows => stacks.Values.Select(s => s.Values.First().Length).Distinct().ToArray() is [var only] ? only : null;

    /// <summary>What can be named in a stack.</summary>
    public IReadOnlyCollection<string> NamesIn(string stack) => stacks.TryGetValue(stack, out var kinds) ? kinds.Keys : [];

    /// <summary>These and the kinds of further stacks.</summary>
    /// <exception cref="VitrineException">Both have kinds of one stack.</exception>
    public TokenKinds And(TokenKinds others)
    {
        ArgumentNullException.ThrowIfNull(others);
        return stacks.Keys.FirstOrDefault(others.stacks.ContainsKey) is { } twice
            ? throw new VitrineException($"token kinds: those of stack '{twice}' are given twice.")
            : new TokenKinds(stacks.Concat(others.stacks));
    }

    /// <summary>The kinds of chosen rows, each as often as it is named.</summary>
    internal TokenKinds Take(IReadOnlyList<int> rows) => Rows is null
        ? this
        : new(stacks.Select(s => KeyValuePair.Create(s.Key, s.Value.ToDictionary(k => k.Key, k => rows.Select(r => k.Value[r]).ToArray()))));

    internal bool Holds(string stack, string kind, int row, long position)
        => stacks.TryGetValue(stack, out var kinds) && kinds.TryGetValue(kind, out var rows) && rows[row].Contains(position);
}
