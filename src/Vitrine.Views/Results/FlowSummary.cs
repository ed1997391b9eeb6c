using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Experts;
using Vitrine.Worlds.Decisions;

namespace Vitrine.Views;

/// <summary>What a report shows of a policy whose expert flows.</summary>
public sealed record FlowSummary
{
    /// <summary>How one chunk took shape.</summary>
    public required ShownChunk Chunk { get; init; }

    /// <summary>Where the expert looks, layer by layer; may be empty.</summary>
    public IReadOnlyList<ExpertLook> Looks { get; init; } = [];

    /// <summary>Neurons of the expert by what they write into the action, with what they do; null where none were read.</summary>
    public ExpertComparison? Neurons { get; init; }

    /// <summary>Which rows of the prompt carry words; may be empty.</summary>
    public IReadOnlyList<ShownSwap> Swaps { get; init; } = [];
}

/// <summary>A chunk on the page.</summary>
/// <param name="Course">How it took shape.</param>
/// <param name="Carried">How many of its rows are carried out before the policy acts again.</param>
public sealed record ShownChunk(ChunkCourse Course, int Carried)
{
    /// <summary>The picture that it was an answer to; null where none is shown.</summary>
    public Picture? Picture { get; init; }

    /// <summary>The gripper's path in it under what stood behind each flow step, from where it is now; empty where the camera's place is not known.</summary>
    public IReadOnlyList<IReadOnlyList<PathPoint>> Paths { get; init; } = [];

    /// <summary>Units of the numbers, by name; none where a name has none.</summary>
    public IReadOnlyDictionary<string, string> Units { get; init; } = new Dictionary<string, string>();
}

/// <summary>What rows of a prompt do in one decision, on the page.</summary>
/// <param name="Result">What was found.</param>
/// <param name="Unit">Of its metric, as <c>table widths</c>; may be empty.</param>
public sealed record ShownSwap(PrefixSwapResult Result, string Unit = "");
