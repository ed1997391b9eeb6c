namespace Vitrine.Mechanisms.Patching;

/// <summary>What the cells of a sweep are counted over, besides points and layers.</summary>
public enum PatchAxis
{
    /// <summary>Positions of the row's own text.</summary>
    Position,

    /// <summary>Heads; key/value heads at points that have these.</summary>
    Head,

    /// <summary>Coordinates of the last axis: neurons at <c>mlp.neurons</c>.</summary>
    Neuron,

    /// <summary>Passes: tokens that are said, steps of a flow.</summary>
    Step,

    /// <summary>What stands somewhere, as the policy names it: <c>image</c>, <c>text</c>, <c>state</c>, <c>deciding</c>, rows of a chunk.</summary>
    Group,
}

/// <summary>What is put in the place of an activation.</summary>
public enum PatchWith
{
    /// <summary>What the other run of a contrast has there (activation patching).</summary>
    Other,

    /// <summary>Zeros.</summary>
    Zero,

    /// <summary>The mean over the rows of a set and their own positions.</summary>
    Mean,

    /// <summary>What another row of a set has there, drawn by seed.</summary>
    Resample,
}

/// <summary>Which cells a sweep has: every combination of its points, layers and axes is patched once, in a run of its own.</summary>
public sealed record PatchSweep
{
    /// <summary>Points of blocks, e.g. <c>resid_pre</c>, <c>attn.z</c>; short for those of attention and feed-forward too: <c>z</c>, <c>neurons</c>.</summary>
    public IReadOnlyList<string> Points { get; init => field = value ?? ["resid_pre"]; } = ["resid_pre"];

    /// <summary>Axes besides the layers; none patches a whole layer.</summary>
    public IReadOnlyList<PatchAxis> By { get; init => field = value ?? []; } = [];

    /// <summary>Layers; null for all.</summary>
    public IReadOnlyList<int>? Layers { get; init; }

    /// <summary>Positions; negative ones count from the end; null for all. Without the axis: all of them at once.</summary>
    public IReadOnlyList<int>? Positions { get; init; }

    /// <summary>Heads; null for all. Without the axis: all of them at once.</summary>
    public IReadOnlyList<int>? Heads { get; init; }

    /// <summary>Coordinates of the last axis; null for all. Without the axis: the whole of it.</summary>
    public IReadOnlyList<int>? Neurons { get; init; }

    /// <summary>Passes; null for all.</summary>
    public IReadOnlyList<int>? Steps { get; init; }

    /// <summary>Groups of positions; null for all. Without the axis: all of them at once; null then for every position.</summary>
    public IReadOnlyList<string>? Groups { get; init; }

    /// <summary>Layers that a cell patches together, centred at its own (Meng et al. 2022); 1 for one.</summary>
    public int Window { get; init; } = 1;

    /// <summary>Whether the corrupted activation goes into the clean run, instead of the clean one into the corrupted run.</summary>
    public bool Noise { get; init; }

    /// <summary>Whether heads of keys and values are those of queries: one query head alone sees what is patched of the keys and values that it
    /// shares.</summary>
    public bool Ungrouped { get; init; }

    /// <summary>What is put in.</summary>
    public PatchWith With { get; init; }

    /// <summary>Of the rows that are drawn for <see cref="PatchWith.Resample"/>.</summary>
    public int Seed { get; init; }

    /// <summary>Two that ask for the same are equal.</summary>
    public bool Equals(PatchSweep? other)
        => other is not null && Points.SequenceEqual(other.Points) && By.SequenceEqual(other.By) && Same(Layers, other.Layers)
            && Same(Positions, other.Positions) && Same(Heads, other.Heads) && Same(Neurons, other.Neurons) && Same(Steps, other.Steps)
            && Same(Groups, other.Groups)
            && (Window, Noise, Ungrouped, With, Seed) == (other.Window, other.Noise, other.Ungrouped, other.With, other.Seed);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Points.Count, By.Count, Window, Noise, Ungrouped, With, Seed);

    private static bool Same<T>(IReadOnlyList<T>? a, IReadOnlyList<T>? b) => a is null ? b is null : b is not null && a.SequenceEqual(b);
}
