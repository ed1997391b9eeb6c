using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using static TorchSharp.torch;

namespace Vitrine.Policies.OpenVla;

/// <summary>How an OpenVLA checkpoint is opened.</summary>
public sealed record OpenVlaOptions
{
    /// <summary>What to compute in; float64 exists to tell a bug from rounding.</summary>
    public ScalarType Dtype { get; init; } = ScalarType.Float32;

    /// <summary>Whether 16-bit matrices stay as their file has them: openvla-7b then runs within 24 GB of memory, instead of 31 for the widened weights alone.</summary>
    public WeightStorage Storage { get; init; } = WeightStorage.Auto;

    /// <summary>timm's arguments of the towers, for a checkpoint whose sizes are not those of its timm names.</summary>
    public IReadOnlyList<JsonElement>? TimmArguments { get; init; }

    /// <summary>The prompt; null for the one that the checkpoint's name stands for.</summary>
    public PromptTemplate? Template { get; init; }

    /// <summary>What is done to a picture before the checkpoint's own recipe, as its evaluation did: <see cref="LiberoFrames.OpenVla"/>, with the centre crop for fine-tunes that saw random crops.</summary>
    public IReadOnlyList<IPictureStep> Before { get; init; } = [];
}
