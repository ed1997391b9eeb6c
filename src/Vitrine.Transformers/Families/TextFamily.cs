using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>One family of text models: how its configuration is read and where its tensors go.</summary>
/// <param name="ModelType">The <c>model_type</c> of config.json.</param>
/// <param name="Read">From configuration to specs.</param>
/// <param name="Load">From tensor names to slots.</param>
/// <param name="IsUnused">Tensors that files of the family carry and nobody reads.</param>
internal sealed record TextFamily(
    string ModelType, Func<ConfigReader, TextConfig> Read, Func<WeightReader, TextConfig, (
        Decoder Decoder, ClassHead? Classes)> Load, Func<string, bool> IsUnused)
{
    /// <summary>The eos_token_id of the family's configuration class, where a file does not say it; null for none.</summary>
    public int? DefaultEnd { get; init; }

    /// <summary>Every family of this version.</summary>
    public static IReadOnlyList<TextFamily> All { get; } =
    [
        new("bert", Bert.Read, Bert.Load, Bert.IsUnused),
        new("distilbert", DistilBert.Read, DistilBert.Load, DistilBert.IsUnused),
        LikeLlama("gemma", Gemma.Read, 1),
        LikeLlama("gemma2", Gemma2.Read, 1),
        LikeLlama("gemma3_text", Gemma3.Read, 1),
        new("gpt2", Gpt2.Read, Gpt2.Load, Gpt2.IsUnused) { DefaultEnd = 50256 },
        new("gpt_neox", GptNeoX.Read, GptNeoX.Load, GptNeoX.IsUnused) { DefaultEnd = 2 },
        LikeLlama("llama", Llama.Read, 2),
        LikeLlama("mistral", Mistral.Read, 2),
        LikeLlama("qwen2", Qwen2.Read),
        LikeLlama("qwen3", Qwen3.Read),
    ];

    /// <summary>Whether its tensors are named as Llama's are, so that it can be the language part of a larger model.</summary>
    public bool IsLikeLlama { get; private init; }

    /// <summary>The one that a configuration names.</summary>
    /// <exception cref="VitrineException">None has its name; the nearest is named.</exception>
    public static TextFamily Of(ConfigReader config)
    {
        var family = ModelCatalog.TextAndImage.FamilyOf(config, ModelKind.Text);
        return All.FirstOrDefault(f => f.ModelType == family.Name)
            ?? throw new VitrineException($"{config.Source}: model_type is '{family.Name}', which reads pictures too; expected a family of text alone.");
    }

    /// <summary>As the catalogue knows it.</summary>
    public ModelFamily Described => new(ModelType, ModelKind.Text, (source, options) => TextModel.Load(this, source, options));

    private static TextFamily LikeLlama(string type, Func<ConfigReader, TextConfig> read, int? defaultEnd = null)
        => new(type, read, LlamaLayout.Load, LlamaLayout.IsUnused) { IsLikeLlama = true, DefaultEnd = defaultEnd };
}
