using Vitrine.Checkpoints;
using Vitrine.Checkpoints.Adapters;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies.Actions;
using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;

namespace Vitrine.Certification.Certified;

/// <summary>What every key of every file beside the weights does, as its reader publishes it.</summary>
public static class CompanionFiles
{
    /// <summary>One row for each key; a key of two families of models may stand there twice.</summary>
    public static IReadOnlyList<CompanionKey> Keys { get; } =
    [
        .. ModelFolder.ConfigKeys, .. OpenVlaPolicy.ConfigKeys, .. GenerationSettings.Keys, .. ProcessorKeys.All, .. ActionStatistics.Keys,
        .. AdapterConfig.Keys,
        .. Checkpoint.IndexKeys,
    ];
}
