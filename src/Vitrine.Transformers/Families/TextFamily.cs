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
    public long? DefaultEnd { get; init; }

    /// <summary>Every family of this version.</summary>
    public static IReadOnlyList<TextFamily> All { get; } =
    [
        new("bert", Bert.Read, Bert.Load, Bert.IsUnused),
        new("distilbert", DistilBert.Read, DistilBert.Load, DistilBert.IsUnused),
        new("gemma", Gemma.Read, LlamaLayout.Load, LlamaLayout.IsUnused) { DefaultEnd = 1 },
        new("gemma2", Gemma2.Read, LlamaLayout.Load, LlamaLayout.IsUnused) { DefaultEnd = 1 },
        new("gpt2", Gpt2.Read, Gpt2.Load, Gpt2.IsUnused) { DefaultEnd = 50256 },
        new("gpt_neox", GptNeoX.Read, GptNeoX.Load, GptNeoX.IsUnused) { DefaultEnd = 2 },
        new("llama", Llama.Read, LlamaLayout.Load, LlamaLayout.IsUnused) { DefaultEnd = 2 },
        new("mistral", Mistral.Read, LlamaLayout.Load, LlamaLayout.IsUnused) { DefaultEnd = 2 },
        new("qwen2", Qwen2.Read, LlamaLayout.Load, LlamaLayout.IsUnused),
        new("qwen3", Qwen3.Read, LlamaLayout.Load, LlamaLayout.IsUnused),
    ];

    /// <summary>The one that a configuration names.</summary>
    /// <exception cref="VitrineException">None has its name; the nearest is named.</exception>
    public static TextFamily Of(ConfigReader config)
    {
        var family = ModelCatalog.TextAndImage.FamilyOf(config, ModelKind.Text);
        return All.First(f => f.ModelType == family.Name);
    }

    /// <summary>As the catalogue knows it.</summary>
    public ModelFamily Described => new(ModelType, ModelKind.Text, (source, options) => TextModel.Load(this, source, options));
}
