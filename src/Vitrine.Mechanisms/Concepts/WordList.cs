using Vitrine.Mechanisms.ValueVectors;
using YamlDotNet.Core;

namespace Vitrine.Mechanisms.Concepts;

/// <summary>The words that count as one concept.</summary>
/// <param name="Name">Of the concept.</param>
/// <param name="Words">As the vocabulary spells them.</param>
/// <param name="Opposite">Name of the concept that counts against it, if any.</param>
public sealed record WordList(string Name, IReadOnlyList<string> Words, string? Opposite = null)
{
    /// <summary>Reads a YAML file: <c>name: [word, ...]</c>, or <c>name: {words: [...], opposite: other}</c>.</summary>
    /// <exception cref="VitrineException">It cannot be read, with the place.</exception>
    public static IReadOnlyList<WordList> Open(string path)
    {
        try
        {
            var lists = YamlText.Map(File.ReadAllText(path));
            return [.. lists.Select(l => Of(l.Key, l.Value))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or YamlException)
        {
            throw new VitrineException($"{path}: is no list of concept words ({e.Message}).", e);
        }

        WordList Of(string name, object value) => value switch
        {
            List<object> words => new WordList(name, All(name, words)),
            Dictionary<object, object> map when map.TryGetValue("words", out var words) && map.Keys.All(k => k is "words" or "opposite")
                => new WordList(name, All(name, words), map.TryGetValue("opposite", out var opposite) ? Word($"{name}: opposite", opposite) : null),
            _ => throw new VitrineException($"{path}: '{name}' is neither a list of words nor a map with 'words' and 'opposite'."),
        };

        string[] All(string name, object words) => words is List<object> list
            ? [.. list.Select(w => Word(name, w))]
            : throw new VitrineException($"{path}: '{name}' has words that are no list.");

        string Word(string name, object word) => word as string ?? throw new VitrineException($"{path}: '{name}' has an entry that is no word.");
    }

    /// <summary>Ids of the words that the vocabulary has.</summary>
    public IReadOnlySet<int> Ids(TokenReader tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        return Words.Select(tokens.Id).OfType<int>().ToHashSet();
    }
}
