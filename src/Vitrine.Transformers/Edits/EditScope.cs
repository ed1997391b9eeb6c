using System.Text.Json.Serialization;

namespace Vitrine.Transformers.Edits;

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

    /// <summary>Batch rows, counted from 0; each row is an experiment of its own.</summary>
    public IReadOnlyList<int>? Rows { get; init; }

    /// <summary>Passes: 0 the prefill, k the k-th decode step.</summary>
    public IReadOnlyList<int>? Steps { get; init; }

    /// <summary>Two scopes that name the same are equal.</summary>
    public bool Equals(EditScope? other)
        => other is not null && Equals(Positions, other.Positions) && Lists.Same(Heads, other.Heads) && Lists.Same(Neurons, other.Neurons)
            && Lists.Same(Rows, other.Rows) && Lists.Same(Steps, other.Steps);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Positions, Heads?.Count, Neurons?.Count, Rows?.Count, Steps?.Count);

    /// <summary>Which list is empty, so that the scope is; null where none is.</summary>
    internal string? NamesNothing
        => Heads is { Count: 0 } ? "its list of heads is empty"
            : Neurons is { Count: 0 } ? "its list of neurons is empty"
            : Rows is { Count: 0 } ? "its list of rows is empty"
            : Steps is { Count: 0 } ? "its list of steps is empty"
            : Positions?.NamesNothing == true ? "it names no position"
            : null;

    internal bool ActsIn(int step) => Steps is null || Steps.Contains(step);
}

/// <summary>Lists that may not be there.</summary>
internal static class Lists
{
    public static bool Same<T>(IReadOnlyList<T>? a, IReadOnlyList<T>? b) => a is null ? b is null : b is not null && a.SequenceEqual(b);
}
