using System.Text.Json.Serialization;

namespace Vitrine.Transformers.Edits;

/// <summary>Which token positions of a row.</summary>
/// <remarks>
/// A position counts the row's own tokens from 0, padding left out, through the prompt and on through what is generated. Negative ones count from the end of the prompt.
/// </remarks>
public sealed record Positions
{
    /// <summary>Single positions; null for none.</summary>
    public IReadOnlyList<int>? Indices { get; init; }

    /// <summary>Every position from here on; null for none.</summary>
    public int? From { get; init; }

    /// <summary>The newest token of each pass: the last prompt token in the prefill, the one being read in a decode step.</summary>
    public bool Newest { get; init; }

    /// <summary>The newest token of each pass.</summary>
    [JsonIgnore]
    public static Positions Last { get; } = new() { Newest = true };

    /// <summary>Single positions.</summary>
    public static Positions At(params int[] indices) => new() { Indices = indices };

    /// <summary>Every position from <paramref name="first"/> on.</summary>
    public static Positions Since(int first) => new() { From = first };

    internal bool Holds(long position, long promptLength, bool newest)
        => position >= 0
            && ((Newest && newest)
                || (From is { } from && position >= (from < 0 ? from + promptLength : from))
                || (Indices is { } indices && indices.Any(i => (i < 0 ? i + promptLength : i) == position)));
}

/// <summary>Where an edit acts within a point's tensor. Null means everywhere.</summary>
public sealed record EditScope
{
    /// <summary>Everywhere.</summary>
    [JsonIgnore]
    public static EditScope Everywhere { get; } = new();

    /// <summary>Token positions (query positions at <c>attn.scores</c> and <c>attn.pattern</c>).</summary>
    public Positions? Positions { get; init; }

    /// <summary>Heads, for points that have them.</summary>
    public IReadOnlyList<int>? Heads { get; init; }

    /// <summary>Coordinates of the last axis: neurons of <c>mlp.*</c>, coordinates of a residual.</summary>
    public IReadOnlyList<int>? Neurons { get; init; }

    /// <summary>Batch rows; each row is an experiment of its own.</summary>
    public IReadOnlyList<int>? Rows { get; init; }

    /// <summary>Passes: 0 the prefill, k the k-th decode step.</summary>
    public IReadOnlyList<int>? Steps { get; init; }

    internal bool ActsIn(int step) => Steps is null || Steps.Contains(step);
}
