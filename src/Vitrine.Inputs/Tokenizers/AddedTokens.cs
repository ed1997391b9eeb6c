namespace Vitrine.Inputs.Tokenizers;

/// <summary>Tokens that are cut out of a text before anything else happens to it.</summary>
internal sealed class AddedTokens
{
    private readonly Dictionary<string, int> ids = [];
    private readonly Dictionary<int, string> tokens = [];
    private readonly HashSet<int> special = [];

    /// <param name="entries">Content, id and whether it is special.</param>
    public AddedTokens(IEnumerable<(string Content, int Id, bool Special)> entries)
    {
        foreach (var (content, id, isSpecial) in entries)
        {
            ids[content] = id;
            tokens[id] = content;
            if (isSpecial)
            {
                special.Add(id);
            }
        }

        LargestId = tokens.Count == 0 ? -1 : tokens.Keys.Max();
    }

    public int LargestId { get; }

    public string? Token(int id) => tokens.GetValueOrDefault(id);

    public int? Id(string token) => ids.TryGetValue(token, out var id) ? id : null;

    public bool IsSpecial(int id) => special.Contains(id);

    /// <summary>The text's parts in order; the longest token wins where several begin.</summary>
    public IEnumerable<(string Piece, int? Id)> Cut(string text)
    {
        var start = 0;
        for (var at = 0; at < text.Length; at++)
        {
            string? longest = null;
            foreach (var content in ids.Keys)
            {
                if (content.Length > (longest?.Length ?? 0) && string.CompareOrdinal(text, at, content, 0, content.Length) == 0)
                {
                    longest = content;
                }
            }

            if (longest is null)
            {
                continue;
            }

            if (at > start)
            {
                yield return (text[start..at], null);
            }

            yield return (longest, ids[longest]);
            start = at + longest.Length;
            at = start - 1;
        }

        if (start < text.Length)
        {
            yield return (text[start..], null);
        }
    }
}
