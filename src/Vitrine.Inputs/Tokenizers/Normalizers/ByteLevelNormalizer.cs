namespace Vitrine.Inputs.Tokenizers.Normalizers;

/// <summary>The text in letters of <see cref="ByteAlphabet"/>.</summary>
internal sealed record ByteLevelNormalizer : INormalizer
{
    public AlignedText Normalize(AlignedText text)
    {
        var builder = new AlignedTextBuilder(text);
        ByteAlphabet.Write(text, 0, text.Text.Length, builder);
        return builder.Build();
    }
}
