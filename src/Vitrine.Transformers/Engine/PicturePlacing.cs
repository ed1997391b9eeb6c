using Vitrine.Inputs.Pictures;
using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Transformers.Engine;

/// <summary>How pictures stand in the text of a prompt, as the processor of the family writes them there.</summary>
internal abstract class PicturePlacing
{
    /// <summary>Whether the tokenizer adds its special tokens around the text.</summary>
    public virtual bool AddsSpecialTokens => true;

    /// <summary>The text with every picture's placeholder written out to its tokens.</summary>
    /// <param name="prompt">As a person writes it, one placeholder a picture.</param>
    /// <param name="pictures">In the order of their placeholders.</param>
    /// <param name="tokens">How many tokens one frame of each picture takes.</param>
    /// <param name="placeholder">The text of the token that stands for a picture.</param>
    /// <param name="tokenizer">Of the model.</param>
    /// <exception cref="VitrineException">There are more placeholders than pictures, or fewer.</exception>
    public abstract string Text(
        string prompt, IReadOnlyList<Preparation> pictures, IReadOnlyList<int> tokens, string placeholder, Tokenizer tokenizer);

    /// <summary>The parts of a prompt around its placeholders: one more than there are pictures.</summary>
    /// <exception cref="VitrineException">There are more placeholders than pictures, or fewer.</exception>
    protected static string[] Around(string prompt, int pictures, string placeholder)
    {
        var parts = prompt.Split(placeholder);
        return parts.Length == pictures + 1
            ? parts
            : throw new VitrineException(
                $"prompt: has {parts.Length - 1} placeholders '{placeholder}' for {pictures} pictures; expected one for each picture.");
    }

    /// <summary>Parts with what stands between them.</summary>
    protected static string Joined(string[] parts, Func<int, string> between)
        => parts[0] + string.Concat(Enumerable.Range(0, parts.Length - 1).Select(i => between(i) + parts[i + 1]));

    protected static string Repeated(string text, int count) => string.Concat(Enumerable.Repeat(text, count));
}
