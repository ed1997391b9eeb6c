using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>The parts of an opened image model.</summary>
/// <param name="Vision">The tower.</param>
internal sealed record VisionParts(VisionStack Vision)
{
    /// <summary>On the pooled picture: classes, or the space that it shares with texts; null where there is none.</summary>
    public Linear? Head { get; init; }

    /// <summary>Names of the classes, where the head answers with one.</summary>
    public Labels? Labels { get; init; }

    /// <summary>The tower of texts that belongs to it.</summary>
    public TextTower? Text { get; init; }
}

/// <summary>One family of image models.</summary>
/// <param name="ModelType">The <c>model_type</c> of config.json.</param>
/// <param name="Read">From configuration to a loader of the tensors.</param>
/// <param name="IsUnused">Tensors that files of the family carry and nobody reads.</param>
internal sealed record VisionFamily(string ModelType, Func<ConfigReader, Func<WeightReader, VisionParts>> Read, Func<string, bool> IsUnused)
{
    /// <summary>timm's files, which have an architecture in place of a model_type.</summary>
    public static VisionFamily Timm { get; } = new("timm", TimmVisionTransformer.ReadAlone, _ => false);

    /// <summary>Every family of this version that is named by a model_type.</summary>
    public static IReadOnlyList<VisionFamily> All { get; } =
    [
        new("clip", Clip.Read, Clip.IsUnused),
        new("clip_vision_model", Clip.Read, Clip.IsUnused),
        new("dinov2", json => DinoV2.Read(json, withRegisters: false), DinoV2.IsUnused),
        new("dinov2_with_registers", json => DinoV2.Read(json, withRegisters: true), DinoV2.IsUnused),
        new("siglip", SigLip.ReadAlone, SigLip.IsUnused),
        new("siglip_vision_model", SigLip.ReadAlone, SigLip.IsUnused),
        new("vit", Vit.Read, _ => false),
    ];

    /// <summary>The family that a configuration names: timm's files have an architecture, those of transformers a model_type.</summary>
    /// <exception cref="VitrineException">There is no such one, with the nearest.</exception>
    public static VisionFamily Of(ConfigReader config)
    {
        if (config.Has("architecture") && !config.Has("model_type"))
        {
            var architecture = config.Text("architecture");
            return architecture.StartsWith("vit_", StringComparison.Ordinal)
                ? Timm
                : throw new VitrineException($"{config.Source}: architecture is '{architecture}'; of timm this version opens vit_*.");
        }

        var name = config.Text("model_type");
        return All.FirstOrDefault(f => f.ModelType == name) ?? throw new VitrineException(
            $"{config.Source}: model_type is '{name}'; image models of this version are {string.Join(", ", All.Select(f => f.ModelType))} and timm's vit_*; the nearest is '{Nearest.Of(name, All.Select(f => f.ModelType))}'.");
    }
}
