namespace Vitrine.Transformers;

/// <summary>Kinds of tokens that a batch names, e.g. <c>image</c> and <c>text</c>: where they stand in each row. Edits name positions by them.</summary>
public sealed class TokenKinds
{
    private readonly Dictionary<string, HashSet<long>[]> places;

    /// <summary>Creates the kinds of a batch.</summary>
    /// <param name="positions">Kind to [row][position], counted in the row's own tokens from 0.</param>
    /// <param name="stack">The stack whose tokens they are.</param>
    /// <exception cref="VitrineException">A position is negative, or two kinds have lists for different numbers of rows.</exception>
    public TokenKinds(IReadOnlyDictionary<string, IReadOnlyList<IReadOnlyList<long>>> positions, string stack = "language")
    {
        ArgumentNullException.ThrowIfNull(positions);
        Stack = stack;
        foreach (var (kind, rows) in positions)
        {
            if (rows.Count != positions.Values.First().Count || rows.Any(row => row.Any(p => p < 0)))
            {
                throw new VitrineException($"token kind '{kind}': expected a list of positions from 0 for each row, the same rows in every kind.");
            }
        }

        places = positions.ToDictionary(p => p.Key, p => p.Value.Select(row => row.ToHashSet()).ToArray(), StringComparer.Ordinal);
    }

    /// <summary>No kinds.</summary>
    public static TokenKinds None { get; } = new(new Dictionary<string, IReadOnlyList<IReadOnlyList<long>>>());

    /// <summary>What can be named.</summary>
    public IReadOnlyCollection<string> Names => places.Keys;

    /// <summary>The stack whose tokens they are.</summary>
    public string Stack { get; }

    /// <summary>Rows that they were made for; null where there are no kinds.</summary>
    internal int? Rows => places.Count == 0 ? null : places.Values.First().Length;

    internal bool Holds(string kind, int row, long position) => places[kind][row].Contains(position);
}
