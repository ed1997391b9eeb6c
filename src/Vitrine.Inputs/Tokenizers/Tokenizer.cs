
using System.Text.Json;

namespace Vitrine.Inputs.Tokenizers;

/// <summary>Text to ids and back, as a Hugging Face <c>tokenizer.json</c> says.</summary>
/// <remarks>Added tokens are cut out first, the rest is normalised, split, and handed to the model piece by piece; a template puts special tokens around the whole.</remarks>
public sealed class Tokenizer
{
    private readonly AddedTokens added;
    private readonly INormalizer normalizer;
    private readonly IPreTokenizer preTokenizer;
    private readonly ITokenModel model;
    private readonly Template template;
    private readonly IDecoder decoder;

    internal Tokenizer(AddedTokens added, INormalizer normalizer, IPreTokenizer preTokenizer, ITokenModel model, Template template, IDecoder decoder)
    {
        (this.added, this.normalizer, this.preTokenizer, this.model, this.template, this.decoder) = (added, normalizer, preTokenizer, model, template, decoder);
        VocabularySize = Math.Max(model.LargestId, added.LargestId) + 1;
    }

    /// <summary>The largest id and one more, added tokens included.</summary>
    public int VocabularySize { get; }

    /// <summary>Opens <c>tokenizer.json</c>, or the one of a folder.</summary>
    /// <exception cref="VitrineException">The file is missing or broken, or holds a component that is not computed; it is named.</exception>
    public static Tokenizer Open(string path)
    {
        var file = Directory.Exists(path) ? Path.Combine(path, "tokenizer.json") : path;
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(file));
            return TokenizerJson.Read(json.RootElement, file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{file}: cannot be read ({e.Message}).", e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new VitrineException($"{file}: is no tokenizer.json ({e.Message}).", e);
        }
    }

    /// <summary>Ids of a text.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="addSpecialTokens">Whether the template's special tokens are put around it.</param>
    public int[] Encode(string text, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>();
        foreach (var (piece, id) in added.Cut(text))
        {
            if (id is { } known)
            {
                ids.Add(known);
                continue;
            }

            foreach (var word in preTokenizer.Split(normalizer.Normalize(piece)))
            {
                model.Encode(word, ids);
            }
        }

        return addSpecialTokens ? template.Around(ids) : [.. ids];
    }

    /// <summary>The text of ids.</summary>
    /// <param name="ids">Those that stand for nothing are passed over.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public string Decode(IEnumerable<int> ids, bool skipSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return decoder.Decode([.. ids.Where(i => !(skipSpecialTokens && added.IsSpecial(i))).Select(Token).OfType<string>()]);
    }

    /// <summary>The piece of an id as the vocabulary spells it; null where there is none.</summary>
    public string? Token(int id) => added.Token(id) ?? model.Token(id);

    /// <summary>The id of a piece as the vocabulary spells it; null where there is none.</summary>
    public int? Id(string token) => added.Id(token) ?? model.Id(token);

    /// <summary>Whether an id is a special token, such as the beginning of a text.</summary>
    public bool IsSpecial(int id) => added.IsSpecial(id);
}

/// <summary>Special tokens around a text; the template of a single sequence.</summary>
internal sealed record Template(IReadOnlyList<int> Before, IReadOnlyList<int> After)
{
    public int[] Around(List<int> ids) => [.. Before, .. ids, .. After];
}

/// <summary>From a text to the text that is split.</summary>
internal interface INormalizer
{
    string Normalize(string text);
}

/// <summary>From a text to the words that the model sees one by one.</summary>
internal interface IPreTokenizer
{
    IEnumerable<string> Split(string text);
}

/// <summary>From words to ids.</summary>
internal interface ITokenModel
{
    int LargestId { get; }

    void Encode(string word, List<int> ids);

    string? Token(int id);

    int? Id(string token);
}

/// <summary>From pieces to a text.</summary>
internal interface IDecoder
{
    string Decode(IReadOnlyList<string> pieces);
}
