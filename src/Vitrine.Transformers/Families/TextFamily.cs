using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>One family of text models: how its configuration is read and where its tensors go.</summary>
/// <param name="ModelType">The <c>model_type</c> of config.json.</param>
/// <param name="Read">From configuration to specs.</param>
/// <param name="Load">From tensor names to slots.</param>
/// <param name="IsUnused">Tensors that files of the family carry and nobody reads.</param>
internal sealed record TextFamily(
    string ModelType, Func<ConfigReader, TextConfig> Read, Func<WeightReader, TextConfig, (TextStack Stack, ClassHead? Classes)> Load, Func<string, bool> IsUnused)
{
    /// <summary>Every family of this version.</summary>
    public static IReadOnlyList<TextFamily> All { get; } =
    [
        new("bert", Bert.Read, Bert.Load, Bert.IsUnused),
        new("distilbert", DistilBert.Read, DistilBert.Load, DistilBert.IsUnused),
        new("gemma", Gemma.Read, LlamaLayout.Load, LlamaLayout.IsUnused),
        new("gemma2", Gemma2.Read, LlamaLayout.Load, LlamaLayout.IsUnused),
        new("gpt2", Gpt2.Read, Gpt2.Load, Gpt2.IsUnused),
        new("gpt_neox", GptNeoX.Read, GptNeoX.Load, GptNeoX.IsUnused),
        new("llama", Llama.Read, LlamaLayout.Load, LlamaLayout.IsUnused),
        new("mistral", Mistral.Read, LlamaLayout.Load, LlamaLayout.IsUnused),
        new("qwen2", Qwen2.Read, LlamaLayout.Load, LlamaLayout.IsUnused),
        new("qwen3", Qwen3.Read, LlamaLayout.Load, LlamaLayout.IsUnused),
    ];

    /// <summary>The family that a configuration names.</summary>
    /// <exception cref="VitrineException">There is no such one, with the nearest.</exception>
    public static TextFamily Of(ConfigReader config)
    {
        var name = config.Text("model_type");
        return All.FirstOrDefault(f => f.ModelType == name) ?? throw new VitrineException(
            $"{config.Source}: model_type is '{name}'; text models of this version are {string.Join(", ", All.Select(f => f.ModelType))}; the nearest is '{Nearest.Of(name, All.Select(f => f.ModelType))}'.");
    }
}
