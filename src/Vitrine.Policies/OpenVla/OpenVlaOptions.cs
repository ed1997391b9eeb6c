using System.Text.Json;
using Vitrine.Inputs.Pictures;
using Vitrine.Transformers;

namespace Vitrine.Policies.OpenVla;

/// <summary>How an OpenVLA checkpoint is opened.</summary>
public sealed record OpenVlaOptions : ModelOptions
{
    /// <summary>timm's arguments of the towers, for a checkpoint whose sizes are not those of its timm names.</summary>
    public IReadOnlyList<JsonElement>? TimmArguments { get; init; }

    /// <summary>The prompt; null for the one that the checkpoint's name stands for.</summary>
    public PromptTemplate? Template { get; init; }

    /// <summary>
    /// What is done to a picture before the checkpoint's own recipe, as its evaluation did: <see cref="LiberoFrames.AsEvaluated"/>, with the centre crop for
    /// fine-tunes that saw random crops.
    /// </summary>
    public IReadOnlyList<IPictureStep> Before { get; init; } = [];
}
