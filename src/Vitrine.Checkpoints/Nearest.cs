namespace Vitrine;

/// <summary>The valid name that a wrong one most likely meant.</summary>
public static class Nearest
{
    /// <summary>The candidate with the smallest edit distance (Levenshtein 1966, swaps of neighbours counted once); the first among equals.</summary>
    /// <returns>Null when there is no candidate.</returns>
    public static string? Of(string name, IEnumerable<string> candidates) => candidates.MinBy(c => Distance(name, c));

    /// <summary>The same where it can be a slip of the keyboard: at most a third of the letters differ.</summary>
    /// <returns>Null when no candidate is so near.</returns>
    public static string? Close(string name, IEnumerable<string> candidates)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Of(name, candidates) is { } nearest && Distance(name, nearest) <= Math.Max(1, Math.Max(name.Length, nearest.Length) / 3) ? nearest : null;
    }

    /// <remarks>Two neighbouring letters that changed places count once (optimal string alignment).</remarks>
    private static int Distance(string a, string b)
    {
        var rows = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                rows[i, j] = i == 0 || j == 0
                    ? i + j
                    : Math.Min(Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1, rows[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
                }
            }
        }

        return rows[a.Length, b.Length];
    }
}
