namespace Vitrine.Inputs.Tokenizers;

/// <summary>A closed list of words; any other is the unknown token.</summary>
internal sealed class WordLevelModel(IReadOnlyDictionary<string, int> vocabulary, string unknown) : ITokenModel
{
    private readonly Dictionary<int, string> words = vocabulary.ToDictionary(p => p.Value, p => p.Key);

    public int LargestId { get; } = vocabulary.Values.Max();

    public void Encode(string word, List<int> ids) => ids.Add(vocabulary.TryGetValue(word, out var id) ? id : vocabulary[unknown]);

    public string? Token(int id) => words.GetValueOrDefault(id);

    public int? Id(string token) => vocabulary.TryGetValue(token, out var id) ? id : null;
}
