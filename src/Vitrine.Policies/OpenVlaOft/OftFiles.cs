using Vitrine.Checkpoints;
using Vitrine.Transformers;
using Vitrine.Transformers.Families;

namespace Vitrine.Policies.OpenVlaOft;

/// <summary>The files that fine-tuning leaves beside an OpenVLA checkpoint: <c>PART--STEP_checkpoint.pt</c>.</summary>
internal static class OftFiles
{
    private const string Head = "action_head", Proprio = "proprio_projector";
    private static readonly string[] Others = ["noise_predictor", "noisy_action_projector", "vision_backbone"];

    /// <summary>Whether a folder is a fine-tune of this kind.</summary>
    public static bool AreIn(string folder)
        => Directory.Exists(folder) && Others.Append(Head).Append(Proprio).Any(part => Directory.EnumerateFiles(folder, Pattern(part)).Any());

    /// <summary>The head that answers with numbers.</summary>
    /// <exception cref="VitrineException">There is none, or a part that is not computed.</exception>
    public static string ActionHead(string folder)
    {
        if (Others.FirstOrDefault(part => Directory.EnumerateFiles(folder, Pattern(part)).Any()) is { } other)
        {
            throw new VitrineException(
                $"{folder}: has a {other} ({(other == Others[^1] ? "FiLM" : "diffusion")}); of OpenVLA-OFT this version computes the L1 head alone.");
        }

        return Find(folder, Head) ?? throw new VitrineException($"{folder}: has no {Pattern(Head)}; the variant that answers in tokens is not computed.");
    }

    /// <summary>The projector of the state; null where the policy reads none.</summary>
    public static string? ProprioProjector(string folder) => Find(folder, Proprio);

    private static string Pattern(string part) => $"{part}--*.pt";

    private static string? Find(string folder, string part) => Directory.GetFiles(folder, Pattern(part)) switch
    {
        [] => null,
        [var only] => only,
        var many => throw new VitrineException($"{folder}: has {many.Length} files {Pattern(part)}; expected one."),
    };

    /// <summary>The tensors of a part; names may have <c>module.</c> in front, as data-parallel training leaves them.</summary>
    public static WeightReader Weights(string path, ModelOptions options) => new(Checkpoint.OpenFile(path), path, options);
}
