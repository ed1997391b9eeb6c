namespace Vitrine.Inputs.Tokenizers;

/// <summary>Turns ids into text as they come, and holds back what may still be half a character.</summary>
/// <remarks>
/// Each time the few ids since the last text are decoded with and without the new one; the difference is what the new one adds. So a step costs no more late
/// than early.
/// </remarks>
public sealed class StreamingDecoder
{
    private const int LongestWait = 16; // Ids; a character has at most four bytes, so what is not whole by then never will be.

    private readonly Tokenizer tokenizer;
    private readonly bool skipSpecialTokens;
    private readonly List<int> window = [];
    private string held = "";
    private int spoken;

    internal StreamingDecoder(Tokenizer tokenizer, bool skipSpecialTokens) => (this.tokenizer, this.skipSpecialTokens) = (tokenizer, skipSpecialTokens);

    /// <summary>Takes the next id.</summary>
    /// <returns>The text that is certain now; empty while a character is incomplete.</returns>
    public string Add(int id)
    {
        if (skipSpecialTokens && tokenizer.IsSpecial(id))
        {
            return "";
        }

        window.Add(id);
        var text = Rest();
        return text.EndsWith('\uFFFD') && window.Count - spoken < LongestWait ? "" : Cleaned(Spoken(text), isLast: false);
    }

    /// <summary>What was held back, once no id comes any more.</summary>
    public string Finish() => Cleaned(Spoken(Rest()), isLast: true);

    /// <summary>Where decoded text loses spaces, the last words are held back until it is certain which.</summary>
    private string Cleaned(string text, bool isLast)
    {
        if (!tokenizer.CleansUp)
        {
            return text;
        }

        held += text;
        var certain = isLast ? held.Length : CleanUp.Certain(held);
        var cleaned = CleanUp.Of(held[..certain]);
        held = held[certain..];
        return cleaned;
    }

    private string Rest()
    {
        var before = tokenizer.Raw(window.Take(spoken), skipSpecialTokens);
        var now = tokenizer.Raw(window, skipSpecialTokens);
        return now.Length > before.Length ? now[before.Length..] : "";
    }

    private string Spoken(string text)
    {
        if (text.Length > 0)
        {
            window.RemoveRange(0, spoken);
            spoken = window.Count;
        }

        return text;
    }
}
