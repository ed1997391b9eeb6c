namespace Vitrine.Inputs.Tokenizers.Normalizers;

/// <summary>Rewrites a text before it is split.</summary>
internal interface INormalizer
{
    AlignedText Normalize(AlignedText text);
}

/// <summary>One after the other.</summary>
internal sealed record NormalizerSequence(IReadOnlyList<INormalizer> Steps) : INormalizer
{
    public AlignedText Normalize(AlignedText text)
    {
        foreach (var step in Steps)
        {
            text = step.Normalize(text);
        }

        return text;
    }
}
