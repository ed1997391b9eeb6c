using Vitrine.Inputs.Tokenizers.SentencePiece;

namespace Vitrine.Inputs.Tokenizers;

/// <summary>The keys under <c>tokenizer.ggml</c>, checked.</summary>
internal sealed class GgufVocabulary
{
    private const string Prefix = "tokenizer.ggml.";

    private readonly IReadOnlyDictionary<string, object> metadata;
    private readonly string source;

    public GgufVocabulary(IReadOnlyDictionary<string, object> metadata, string source)
    {
        (this.metadata, this.source) = (metadata, source);
        Model = Need<string>("model", "a text");
        Tokens = Need<string[]>("tokens", "a list of texts");
        if (Tokens.Count == 0)
        {
            throw new VitrineException($"{source}: {Prefix}tokens is empty.");
        }

        Types = Array.ConvertAll(List("token_type", (int)PieceType.Normal), PieceTypeOf);
        var scores = List("scores", 0f);
        Scores = Array.TrueForAll(scores, float.IsFinite) ? scores : throw new VitrineException($"{source}: {Prefix}scores has what is no number.");
    }

    public string Model { get; }

    public IReadOnlyList<string> Tokens { get; }

    public IReadOnlyList<float> Scores { get; }

    public IReadOnlyList<PieceType> Types { get; }

    public IReadOnlyList<string> Merges => Need<string[]>("merges", "a list of texts");

    /// <summary>The name of the split; files from before it was written have llama.cpp's first one.</summary>
    public string Split => metadata.ContainsKey(Prefix + "pre") ? Need<string>("pre", "a text") : "default";

    public bool Flag(string key, bool otherwise) => metadata.ContainsKey(Prefix + key) ? Need<bool>(key, "true or false") : otherwise;

    public int Id(string key)
    {
        var id = Need<long>(key, "a whole number");
        return id >= 0 && id < Tokens.Count
            ? (int)id
            : throw new VitrineException($"{source}: {Prefix}{key} is {id}; the vocabulary has {Tokens.Count} tokens.");
    }

    /// <summary>Tokens that are cut out of a text: control signs, and those that users defined.</summary>
    public IEnumerable<AddedToken> Added() => Enumerable.Range(0, Tokens.Count)
        .Where(id => Types[id] is PieceType.Control or PieceType.UserDefined && Tokens[id].Length > 0)
        .Select(id => new AddedToken(Tokens[id], id) { Special = Types[id] == PieceType.Control });

    private PieceType PieceTypeOf(int type)
        => type is >= (int)PieceType.Normal and <= (int)PieceType.Byte
            ? (PieceType)type
            : throw new VitrineException($"{source}: {Prefix}token_type has {type}; 1 to 6 are known.");

    private T[] List<T>(string key, T otherwise)
    {
        if (!metadata.ContainsKey(Prefix + key))
        {
            var same = new T[Tokens.Count];
            Array.Fill(same, otherwise);
            return same;
        }

        var list = Need<T[]>(key, "a list of numbers");
        return list.Length == Tokens.Count
            ? list
            : throw new VitrineException($"{source}: {Prefix}{key} has {list.Length} entries; the vocabulary has {Tokens.Count} tokens.");
    }

    private T Need<T>(string key, string expected)
        => !metadata.TryGetValue(Prefix + key, out var value) ? throw new VitrineException($"{source}: has no {Prefix}{key}.")
        : value is T found ? found : throw new VitrineException($"{source}: {Prefix}{key} is {value?.GetType().Name ?? "nothing"}; expected {expected}.");
}
