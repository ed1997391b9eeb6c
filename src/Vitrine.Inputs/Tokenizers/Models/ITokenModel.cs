namespace Vitrine.Inputs.Tokenizers.Models;

/// <summary>An id, and the characters of the word that it stands for.</summary>
internal readonly record struct ModelToken(int Id, int From, int To);

/// <summary>From words to ids.</summary>
internal interface ITokenModel
{
    /// <summary>As people call it.</summary>
    string Kind { get; }

    Vocabulary Vocabulary { get; }

    /// <param name="word">One piece of the pre-tokenizer; never empty.</param>
    /// <param name="tokens">Its tokens are added here.</param>
    void Encode(ReadOnlySpan<char> word, List<ModelToken> tokens);
}
