namespace Vitrine.Inputs.Tokenizers.Models;

/// <summary>A closed list of words; any other is the unknown token.</summary>
internal sealed class WordLevelModel : ITokenModel
{
    private readonly int unknown;

    public WordLevelModel(Vocabulary vocabulary, string unknown, string source)
    {
        Vocabulary = vocabulary;
        this.unknown = vocabulary.Id(unknown) ?? throw new VitrineException($"{source}: unk_token '{unknown}' is not in the vocabulary.");
    }

    public string Kind => "whole words";

    public Vocabulary Vocabulary { get; }

    public void Encode(ReadOnlySpan<char> word, List<ModelToken> tokens)
        => tokens.Add(new ModelToken(Vocabulary.TryId(word, out var id) ? id : unknown, 0, word.Length));
}
