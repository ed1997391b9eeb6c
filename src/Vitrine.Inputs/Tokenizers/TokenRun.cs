namespace Vitrine.Inputs.Tokenizers;

/// <summary>Tokens on their way from the model to the caller.</summary>
internal sealed class TokenRun
{
    public List<int> Ids { get; } = [];

    public List<int> TypeIds { get; } = [];

    public List<bool> Added { get; } = [];

    /// <summary>Ranges of the user's text; stays empty where offsets are not asked for.</summary>
    public List<(int Start, int End)> Offsets { get; } = [];

    public int Count => Ids.Count;

    public void Add(int id, int typeId, (int, int) offset, bool added = false)
    {
        Ids.Add(id);
        TypeIds.Add(typeId);
        Offsets.Add(offset);
        Added.Add(added);
    }

    public void Append(TokenRun other, int? typeId = null)
    {
        Ids.AddRange(other.Ids);
        TypeIds.AddRange(typeId is { } t ? Enumerable.Repeat(t, other.Count) : other.TypeIds);
        Offsets.AddRange(other.Offsets);
        Added.AddRange(other.Added);
    }

    /// <summary>Keeps so many, from the front or from the back.</summary>
    public void Keep(int count, bool front)
    {
        if (count >= Count)
        {
            return;
        }

        var (from, drop) = (front ? count : 0, Count - count);
        Ids.RemoveRange(from, drop);
        TypeIds.RemoveRange(from, drop);
        Offsets.RemoveRange(from, drop);
        Added.RemoveRange(from, drop);
    }
}
