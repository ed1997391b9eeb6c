namespace Vitrine.Inputs.Tokenizers;

/// <summary>How a tokenizer's folder is read.</summary>
public sealed record TokenizerOptions
{
    /// <summary>As tokenizers are opened where nothing is said.</summary>
    public static TokenizerOptions Default { get; } = new();

    /// <summary>Whose reading counts.</summary>
    public TokenizerReference Reference { get; init; } = TokenizerReference.Transformers5;
}
