namespace Vitrine;

/// <summary>The valid name that a wrong one most likely meant.</summary>
public static class Nearest
{
    /// <summary>The candidate with the smallest edit distance (Levenshtein 1966); the first among equals.</summary>
    /// <returns>Null when there is no candidate.</returns>
    public static string? Of(string name, IEnumerable<string> candidates) => candidates.MinBy(c => Distance(name, c));

    /// <summary>The same where it can be a slip of the keyboard: at most a third of the letters differ.</summary>
    /// <returns>Null when no candidate is so near.</returns>
    public static string? Close(string name, IEnumerable<string> candidates)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Of(name, candidates) is { } nearest && Distance(name, nearest) <= Math.Max(1, Math.Max(name.Length, nearest.Length) / 3) ? nearest : null;
    }

    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)));
            }
        }

        return row[b.Length];
    }
}
