using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>Idefics3 and SmolVLM: tiles of a picture and the whole of it, pixel shuffle, one matrix, Llama (transformers, modeling_smolvlm.py).</summary>
internal static class SmolVlm
{
    /// <summary>The family of the text, where the file does not say it.</summary>
    public const string Language = "llama";

    internal static readonly string[] Inert = ["_pad_token_id"];

    /// <summary>Keys of text_config that files of SmolVLM carry from the model that they were trained from, and the class never reads.</summary>
    internal static readonly string[] OfTraining = ["perceiver_config", "pixel_shuffle_factor"];

    /// <summary>Keys of vision_config that the picture's own files say.</summary>
    internal static readonly string[] OfPictures = ["max_image_size", "size", "num_patches"];

    /// <remarks>
    /// A missing scale_factor is 2, a missing image_token_id 128257. Files of SmolVLM carry keys of the model that they were trained from, which the class
    /// never reads; those that would change numbers must be off.
    /// </remarks>
    public static Func<WeightReader, VisionLanguageParts> Read(ConfigReader json)
    {
        var text = LanguagePart.Read(json, Language, Known);
        var vision = json.Object("vision_config");
        var tower = Vision(vision);
        var (side, image) = (json.Size("scale_factor", 2), json.Count("image_token_id", 128257));
        if (tower.Spec.Grid % side != 0)
        {
            throw new VitrineException($"{json.Source}: scale_factor {side} does not divide the {tower.Spec.Grid} patches on a side of vision_config.");
        }

        // The class reads the head's tying from the whole configuration alone, and unties by default.
        text = text with { Tied = json.Flag("tie_word_embeddings", false) };
        json.RefuseUnread([.. Inert, "vocab_size"]);
        return weights => Load(weights, tower, text, side, image);
    }

    /// <summary>The image tower that both families share.</summary>
    /// <exception cref="VitrineException">A key is unknown or of another kind; it is named.</exception>
    public static TowerConfig Vision(ConfigReader json)
    {
        var tower = TowerConfig.Read(
            json, (size, patch) => new TowerSpec(size, patch, ClassToken: false, 0, PositionOnClassToken: false, PositionResampling.Bucketed,
                TowerFeatures.Normed), 32, "gelu_pytorch_tanh", 1e-6, width: 1152, heads: 16);
        json.MustBeOff("use_base_siglip");
        json.RefuseUnread(OfPictures);
        return tower;
    }

    public static bool IsUnused(string name)
        => LlamaLayout.IsUnused(name) || name.EndsWith("embeddings.position_ids", StringComparison.Ordinal);

    private static void Known(ConfigReader text)
    {
        text.MustBeOff("use_resampler");
        text.MustBeOff("qk_layer_norms");
        foreach (var key in OfTraining)
        {
            _ = text.Find(key);
        }
    }

    private static VisionLanguageParts Load(WeightReader weights, TowerConfig tower, TextConfig text, int side, int image)
    {
        const string At = "model.";
        var vision = SigLip.Load(weights, $"{At}vision_model.", new SigLip.Config(tower, Head: false), "vision");
        var width = (long)tower.Block.Width * side * side;
        var connector = new ShuffleConnector(
            side, weights.Linear($"{At}connector.modality_projection.proj", text.Spec.Width, width, bias: false));
        return new VisionLanguageParts(new FramePictures(vision, connector, image, new TilePlacing()), LanguagePart.Load(weights, text));
    }
}
