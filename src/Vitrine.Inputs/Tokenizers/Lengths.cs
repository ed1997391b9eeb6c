namespace Vitrine.Inputs.Tokenizers;

/// <summary>Which text gives way when two are too long together.</summary>
public enum TruncationStrategy
{
    /// <summary>The longer one, then both alike.</summary>
    LongestFirst,

    /// <summary>The first.</summary>
    OnlyFirst,

    /// <summary>The second.</summary>
    OnlySecond,
}

/// <summary>Cuts texts to a largest number of tokens, those of the template included.</summary>
/// <param name="MaxLength">Largest number of tokens.</param>
/// <param name="Strategy">Which of two texts gives way.</param>
/// <param name="FromLeft">Whether the beginning is cut off and not the end.</param>
public sealed record Truncation(int MaxLength, TruncationStrategy Strategy = TruncationStrategy.LongestFirst, bool FromLeft = false)
{
    internal void Apply(TokenRun first, TokenRun? second, int added)
    {
        var room = MaxLength - added;
        if (room < 0)
        {
            throw new VitrineException($"truncation to {MaxLength} tokens leaves no room for the {added} tokens that the template adds.");
        }

        var total = first.Count + (second?.Count ?? 0);
        if (total <= room)
        {
            return;
        }

        if (second is null)
        {
            if (Strategy == TruncationStrategy.OnlySecond)
            {
                throw new VitrineException($"truncation of the second text only, and there is no second text to cut from {total} to {room} tokens.");
            }

            first.Keep(room, !FromLeft);
            return;
        }

        if (Strategy == TruncationStrategy.LongestFirst)
        {
            var (shorter, longer) = (Math.Min(first.Count, second.Count), 0);
            longer = shorter > room ? shorter : Math.Max(shorter, room - shorter);
            if (shorter + longer > room)
            {
                (shorter, longer) = (room / 2, room / 2 + room % 2);
            }

            var swapped = first.Count > second.Count;
            first.Keep(swapped ? longer : shorter, !FromLeft);
            second.Keep(swapped ? shorter : longer, !FromLeft);
            return;
        }

        var (target, which) = Strategy == TruncationStrategy.OnlyFirst ? (first, "first") : (second, "second");
        if (target.Count <= total - room)
        {
            throw new VitrineException(
                $"truncation to {MaxLength} tokens: the {which} text has only {target.Count} tokens to give, and {total - room} must go.");
        }

        target.Keep(target.Count - (total - room), !FromLeft);
    }
}

/// <summary>Fills texts up with a padding token to one length.</summary>
/// <param name="TokenId">Id of the padding token.</param>
/// <param name="Token">The padding token as it is spelled.</param>
/// <param name="Length">Length to fill up to; null for the longest text of the batch.</param>
/// <param name="OnLeft">Whether padding stands in front.</param>
/// <param name="MultipleOf">The length is rounded up to a multiple of this; 0 for no rounding.</param>
/// <param name="TypeId">Segment of the padding.</param>
public sealed record Padding(int TokenId, string Token, int? Length = null, bool OnLeft = false, int MultipleOf = 0, int TypeId = 0)
{
    internal int Target(int longest)
    {
        var length = Length ?? longest;
        return MultipleOf > 1 && length % MultipleOf != 0 ? checked(length + MultipleOf - length % MultipleOf) : length;
    }

    internal EncodedText Apply(EncodedText text, int length)
    {
        var missing = length - text.Ids.Count;
        return missing <= 0 ? text : new EncodedText
        {
            Ids = Filled(text.Ids, TokenId, missing),
            Tokens = Filled(text.Tokens, Token, missing),
            Offsets = Filled(text.Offsets, (0, 0), missing),
            AttentionMask = Filled(text.AttentionMask, 0, missing),
            TypeIds = Filled(text.TypeIds, TypeId, missing),
            SpecialTokensMask = Filled(text.SpecialTokensMask, 1, missing),
        };
    }

    private T[] Filled<T>(IReadOnlyList<T> list, T value, int count)
        => OnLeft ? [.. Enumerable.Repeat(value, count), .. list] : [.. list, .. Enumerable.Repeat(value, count)];
}
