namespace Vitrine.Inputs.Tokenizers;

/// <summary>A text in tokens. All lists have one entry a token.</summary>
public sealed record EncodedText
{
    /// <summary>Ids of the vocabulary.</summary>
    public required IReadOnlyList<int> Ids { get; init; }

    /// <summary>The pieces as the vocabulary spells them.</summary>
    public required IReadOnlyList<string> Tokens { get; init; }

    /// <summary>
    /// Where each token stands in the text that it came from, in characters (UTF-16 units) of the .NET string, end excluded; (0, 0) for tokens that were added.
    /// </summary>
    public required IReadOnlyList<(int Start, int End)> Offsets { get; init; }

    /// <summary>0 for padding, 1 for the rest.</summary>
    public required IReadOnlyList<int> AttentionMask { get; init; }

    /// <summary>The segment of each token: 0 for the first text, 1 for the second, as the file's template says.</summary>
    public required IReadOnlyList<int> TypeIds { get; init; }

    /// <summary>1 for tokens that the template or the padding added, 0 for those of the text.</summary>
    public required IReadOnlyList<int> SpecialTokensMask { get; init; }
}
