using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>
/// PaliGemma: SigLIP, one matrix, and a Gemma whose prompt, picture and words alike, sees itself both ways (transformers, modeling_paligemma.py; Beyer et al.
/// 2024).
/// </summary>
internal static class PaliGemma
{
    /// <summary>The family of the text, where the file does not say it.</summary>
    public const string Language = "gemma";

    internal static readonly string[] Inert = ["num_image_tokens", "ignore_index", "image_seq_length", "text_config_dtype"];

    /// <remarks>A missing image_token_index is 256000, which no published file leaves out.</remarks>
    public static Func<WeightReader, VisionLanguageParts> Read(ConfigReader json)
    {
        var text = Text(json.Object("text_config"));
        text = text with { Tied = json.Flag("tie_word_embeddings", text.Tied) };
        var vision = json.Object("vision_config");
        _ = vision.Find("num_image_tokens");
        var tower = SigLip.Read(vision);
        if (tower.Head)
        {
            throw new VitrineException($"{json.Source}: vision_config.vision_use_head is not false; the pictures' tokens are read in front of that head.");
        }

        var width = json.Size("projection_dim", text.Spec.Width);
        if (width != text.Spec.Width)
        {
            throw new VitrineException($"{json.Source}: projection_dim is {width}, text_config.hidden_size {text.Spec.Width}; they must agree.");
        }

        var image = json.Has("image_token_id") ? json.Count("image_token_id", 0) : json.Count("image_token_index", 256000);
        var begin = json.Count("bos_token_id", 2);
        json.RefuseUnread([.. Inert, "hidden_size", "vocab_size"]); // the parts say both
        return weights => Load(weights, tower, text.Attending((a, _) => a with { Mask = AttentionMask.Prefix }), image, begin);
    }

    public static bool IsUnused(string name)
        => LlamaLayout.IsUnused(name) || name.EndsWith("embeddings.position_ids", StringComparison.Ordinal);

    /// <remarks>
    /// Only the first Gemma: what stands in front of Gemma 2's windows (PaliGemma 2) was not held against a reference. use_bidirectional_attention, set by the
    /// whole configuration where the part leaves it out, is what makes the prompt see itself both ways.
    /// </remarks>
    private static TextConfig Text(ConfigReader json)
    {
        json.MustBe("model_type", Language);
        _ = json.Find("num_image_tokens");
        return Gemma.Read(json, inLargerModel: true);
    }

    private static VisionLanguageParts Load(WeightReader weights, SigLip.Config tower, TextConfig text, int image, int begin)
    {
        var vision = SigLip.Load(weights, TowerPart.Prefix(weights), tower, "vision");
        var connector = new LinearConnector(
            [weights.Linear($"{TowerPart.Outer(weights)}multi_modal_projector.linear", text.Spec.Width, tower.Tower.Block.Width, bias: true)], Activation.Gelu);
        return new VisionLanguageParts(new PrefixPictures(vision, connector, image, new FrontPlacing(begin)), LanguagePart.Load(weights, text));
    }
}
