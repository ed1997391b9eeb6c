using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>The decoder inside a larger model: its configuration, and where its tensors stand.</summary>
internal static class LanguagePart
{
    /// <summary>What stands before the names of a decoder's blocks, and the name of its unembedding, in every layout that files have.</summary>
    /// <remarks>In order: the hub's, that of transformers from 4.52 on, Idefics3's and SmolVLM's, Qwen2-VL's, which has no prefix of its own.</remarks>
    private static readonly (string Blocks, string Head)[] Layouts =
    [
        ("language_model.model.", "language_model.lm_head"), ("model.language_model.", "lm_head"), ("model.text_model.", "lm_head"), ("model.", "lm_head"),
    ];

    /// <summary>Reads <c>text_config</c>.</summary>
    /// <param name="json">The whole configuration, whose <c>tie_word_embeddings</c> goes before that of its part.</param>
    /// <param name="otherwise">The family where <c>text_config</c> names none.</param>
    /// <param name="known">Reads keys of the part that its own family does not know; what it reads is not refused.</param>
    /// <exception cref="VitrineException">A key is missing, unknown or of another kind, or the family is none that can stand there; it is named.</exception>
    public static TextConfig Read(ConfigReader json, string otherwise, Action<ConfigReader>? known = null)
    {
        var text = json.Object("text_config");
        var name = text.Text("model_type", otherwise);
        var names = TextFamily.All.Where(f => f.IsLikeLlama).Select(f => f.ModelType).ToArray();
        var family = TextFamily.All.FirstOrDefault(f => f.ModelType == name && f.IsLikeLlama)
            ?? throw new VitrineException(
                $"{text.Source}: model_type is '{name}'; here this version computes {string.Join(", ", names)}; the nearest is '{Nearest.Of(name, names)}'.");
        known?.Invoke(text);
        var config = family.Read(text);
        return config with { Tied = json.Flag("tie_word_embeddings", config.Tied) };
    }

    /// <summary>Takes its tensors, wherever they stand.</summary>
    /// <param name="weights">The checkpoint.</param>
    /// <param name="config">What is there.</param>
    /// <param name="others">Points that the larger model adds to it.</param>
    public static Decoder Load(WeightReader weights, TextConfig config, params Points.Point[] others)
    {
        var (blocks, head) = Array.Find(Layouts, l => weights.Has($"{l.Blocks}embed_tokens.weight")) is { Blocks: not null } found ? found : Layouts[0];
        return LlamaLayout.Load(weights, blocks, head, config, others).Decoder;
    }
}
