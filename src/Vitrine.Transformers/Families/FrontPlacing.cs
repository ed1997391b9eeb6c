using Vitrine.Inputs.Pictures;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>
/// PaliGemma: pictures in front, then the token that begins a text, the text, and a line break. Where a prompt places its pictures itself, the beginning stands
/// behind the last one (transformers, processing_paligemma.py).
/// </summary>
/// <param name="begin">Id of the token that begins a text.</param>
internal sealed class FrontPlacing(int begin) : PicturePlacing
{
    /// <remarks>The beginning is written here.</remarks>
    public override bool AddsSpecialTokens => false;

    public override string Text(string prompt, IReadOnlyList<Preparation> pictures, IReadOnlyList<int> tokens, string placeholder, Tokenizer tokenizer)
    {
        if (!prompt.Contains(placeholder, StringComparison.Ordinal))
        {
            prompt = Repeated(placeholder, pictures.Count) + prompt;
        }

        var parts = Around(prompt, pictures.Count, placeholder);
        var first = tokenizer.Token(begin)
            ?? throw new VitrineException($"tokenizer: has no token {begin}, which config.json names as the beginning of a text.");
        parts[^1] = $"{first}{parts[^1]}\n";
        return Joined(parts, i => Repeated(placeholder, tokens[i]));
    }
}
