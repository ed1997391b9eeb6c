using System.Text.Json;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;

namespace Vitrine.Policies.OpenVlaOft;

/// <summary>How an OpenVLA-OFT checkpoint is opened. Its training code took the sizes of a chunk from the command line, so no file names them.</summary>
public sealed record OftOptions : ModelOptions
{
    /// <summary>
    /// Control steps of a chunk; by the widths of action and state when null: 8 for LIBERO (7, 8), 25 for ALOHA (14, 14), 5 for BRIDGE (7, 7).
    /// </summary>
    public int? Chunk { get; init; }

    /// <summary>
    /// Whether actions and states were normalised between their smallest and largest values and not between their quantiles; ALOHA's are, when null.
    /// </summary>
    public bool? BetweenExtremes { get; init; }

    /// <summary>timm's arguments of the towers, for a checkpoint whose sizes are not those of its timm names.</summary>
    public IReadOnlyList<JsonElement>? TimmArguments { get; init; }

    /// <summary>The prompt; null for the one that the checkpoint's name stands for.</summary>
    public PromptTemplate? Template { get; init; }

    /// <summary>What is done to a picture before the checkpoint's own recipe, as its evaluation did.</summary>
    public IReadOnlyList<IPictureStep> Before { get; init; } = [];
}
