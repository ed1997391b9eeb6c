using System.Text.Json.Serialization;

namespace Vitrine.Transformers.Edits;

/// <summary>Which token positions of a row. What several members name is added up.</summary>
/// <remarks>
/// A position counts the row's own tokens from 0, padding left out, through the prompt and on through what is generated. Negative ones count from the end of
/// the prompt.
/// </remarks>
public sealed record Positions
{
    /// <summary>Single positions; null for none.</summary>
    public IReadOnlyList<int>? Indices { get; init; }

    /// <summary>Every position from here on; null for none.</summary>
    public int? From { get; init; }

    /// <summary>The newest token of each pass: the last prompt token in the prefill, the one being read in a decode step.</summary>
    /// <remarks>Its name in files is <c>newest</c>: plans that were written before keep their meaning, and arms their fingerprints.</remarks>
    [JsonPropertyName("newest")]
    public bool IsLast { get; init; }

    /// <summary>Every token of the prompt.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Prompt { get; init; }

    /// <summary>Every token that was generated.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Generated { get; init; }

    /// <summary>Kinds of tokens that the batch names, e.g. <c>image</c> (see <see cref="TokenKinds"/>); null for none.</summary>
    public IReadOnlyList<string>? Kinds { get; init; }

    /// <summary>The first token of a row.</summary>
    [JsonIgnore]
    public static Positions First { get; } = At(0);

    /// <summary>The last token of the prompt, in every pass.</summary>
    [JsonIgnore]
    public static Positions EndOfPrompt { get; } = At(-1);

    /// <summary>The newest token of each pass.</summary>
    [JsonIgnore]
    public static Positions Last { get; } = new() { IsLast = true };

    /// <summary>Every token of the prompt.</summary>
    [JsonIgnore]
    public static Positions OfPrompt { get; } = new() { Prompt = true };

    /// <summary>Every token that was generated.</summary>
    [JsonIgnore]
    public static Positions OfGenerated { get; } = new() { Generated = true };

    /// <summary>Single positions.</summary>
    public static Positions At(params int[] indices) => new() { Indices = indices };

    /// <summary>Every position from <paramref name="first"/> on.</summary>
    public static Positions Since(int first) => new() { From = first };

    /// <summary>Tokens of kinds that the batch names.</summary>
    public static Positions Of(params string[] kinds) => new() { Kinds = kinds };

    /// <summary>Two that name the same are equal.</summary>
    public bool Equals(Positions? other)
        => other is not null && From == other.From && IsLast == other.IsLast && Prompt == other.Prompt && Generated == other.Generated
            && Lists.Same(Indices, other.Indices) && Lists.Same(Kinds, other.Kinds);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(From, IsLast, Prompt, Generated, Indices?.Count, Kinds?.Count);

    /// <summary>Whether no token can ever be named.</summary>
    internal bool NamesNothing => Indices is not { Count: > 0 } && From is null && !IsLast && !Prompt && !Generated && Kinds is not { Count: > 0 };

    /// <param name="position">In the row's own text; negative for padding.</param>
    /// <param name="promptLength">Own tokens of the row's prompt.</param>
    /// <param name="isLast">Whether it is the pass's newest token of the row.</param>
    /// <param name="isKind">Whether the position is of a kind, by name.</param>
    internal bool Holds(long position, long promptLength, bool isLast, Func<string, bool> isKind)
        => position >= 0
            && ((IsLast && isLast)
                || (Prompt && position < promptLength)
                || (Generated && position >= promptLength)
                || (From is { } from && position >= (from < 0 ? from + promptLength : from))
                || (Indices is { } indices && indices.Any(i => (i < 0 ? i + promptLength : i) == position))
                || (Kinds is { } kinds && kinds.Any(isKind)));
}
