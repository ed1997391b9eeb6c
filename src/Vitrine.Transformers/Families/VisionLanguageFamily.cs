using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>The parts of an opened model of pictures and texts.</summary>
/// <param name="Pictures">Makes tokens of pictures.</param>
/// <param name="Language">Reads them, and writes text.</param>
internal sealed record VisionLanguageParts(PictureSide Pictures, Decoder Language);

/// <summary>One family of models that read pictures and texts and write text.</summary>
/// <param name="ModelType">The <c>model_type</c> of config.json.</param>
/// <param name="Language">That of its text_config, where the file does not say it.</param>
/// <param name="Read">From configuration to a loader of the tensors.</param>
/// <param name="IsUnused">Tensors that files of the family carry and nobody reads.</param>
internal sealed record VisionLanguageFamily(
    string ModelType, string Language, Func<ConfigReader, Func<WeightReader, VisionLanguageParts>> Read, Func<string, bool> IsUnused)
{
    /// <summary>Every family of this version.</summary>
    public static IReadOnlyList<VisionLanguageFamily> All { get; } =
    [
        new("idefics3", SmolVlm.Language, SmolVlm.Read, SmolVlm.IsUnused),
        new("smolvlm", SmolVlm.Language, SmolVlm.Read, SmolVlm.IsUnused),
        new("llava", Llava.Language, Llava.Read, Llava.IsUnused),
        new("paligemma", PaliGemma.Language, PaliGemma.Read, PaliGemma.IsUnused),
        new("qwen2_5_vl", "qwen2_5_vl_text", Qwen25Vl.Read, QwenTower.IsUnused),
        new("qwen3_vl", "qwen3_vl_text", Qwen3Vl.Read, QwenTower.IsUnused),
    ];

    /// <summary>As the catalogue knows them; names that are read alike stand together.</summary>
    public static IReadOnlyList<ModelFamily> Described { get; } =
    [
        .. All.GroupBy(f => f.Read)
        .Select(same => new ModelFamily(same.First().ModelType, ModelKind.Text, (source, options) => TextModel.Load(same.First(), source, options))
        {
            Alike = [.. same.Skip(1).Select(f => f.ModelType)],
            Sees = true,
        }),
    ];
}
