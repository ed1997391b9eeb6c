using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>
/// LLaVA: CLIP (or SigLIP) up to a block of choice, two matrices with a non-linearity between them, a decoder (transformers, modeling_llava.py; Liu et al.
/// 2023).
/// </summary>
internal static class Llava
{
    /// <summary>The family of the text, where the file does not say it.</summary>
    public const string Language = "llama";

    internal static readonly string[] Inert = ["image_seq_length", "ignore_index"];

    /// <summary>What the configuration says of the picture's side.</summary>
    /// <param name="Tower">Sizes.</param>
    /// <param name="IsClip">Else SigLIP.</param>
    /// <param name="After">The block whose output is handed on.</param>
    /// <param name="Cut">Tokens in front that are not handed on.</param>
    /// <param name="Bias">Of the projector.</param>
    /// <param name="Activation">Between its matrices.</param>
    private sealed record Seeing(TowerConfig Tower, bool IsClip, int After, int Cut, bool Bias, Activation Activation);

    public static Func<WeightReader, VisionLanguageParts> Read(ConfigReader json)
    {
        var text = LanguagePart.Read(json, Language);
        var seeing = ReadSeeing(json);
        var image = json.Has("image_token_id") ? json.Count("image_token_id", 0) : json.Count("image_token_index", 32000);
        text = text with { Tied = json.Flag("tie_word_embeddings", false) };
        json.RefuseUnread([.. Inert, .. Llama.Inert, "vocab_size"]);
        return weights => Load(weights, seeing, text, image);
    }

    /// <remarks>What stands behind the block that is read; the norm behind the last one belongs to the class token alone.</remarks>
    public static bool IsUnused(string name)
        => LlamaLayout.IsUnused(name) || name.EndsWith("embeddings.position_ids", StringComparison.Ordinal)
            || name.Contains(".post_layernorm.", StringComparison.Ordinal) || name.Contains("vision_tower.vision_model.head.", StringComparison.Ordinal);

    /// <remarks>
    /// vision_feature_layer counts hidden states, the embeddings first: -2 is what the block before the last one made. "default" leaves the first token out,
    /// whatever it is; "full" takes all.
    /// </remarks>
    private static Seeing ReadSeeing(ConfigReader json)
    {
        var vision = json.Object("vision_config");
        _ = vision.Find("vocab_size"); // of CLIP's texts
        var isClip = vision.Text("model_type", "clip_vision_model") switch
        {
            "clip_vision_model" => true,
            "siglip_vision_model" => false,
            var other => throw new VitrineException(
                $"{vision.Source}: model_type is '{other}'; here this version computes clip_vision_model and siglip_vision_model."),
        };
        var tower = isClip ? Clip.ReadVision(vision) : SigLip.Read(vision).Tower;
        var layer = json.Find("vision_feature_layer") switch
        {
            null when !json.Spells("vision_feature_layer") => -2,
            { ValueKind: JsonValueKind.Number } number when number.TryGetInt32(out var n) => n,
            var found => throw new VitrineException(
                $"{json.Source}: vision_feature_layer is {(found is { } other ? PythonJson.Shown(other) : "null")}; this version computes one layer."),
        };
        var after = layer < 0 ? tower.Depth + layer : layer - 1;
        if (after < 0 || after >= tower.Depth)
        {
            throw new VitrineException($"{json.Source}: vision_feature_layer is {layer}; of {tower.Depth} blocks this version hands on the output of one, 1 to "
                + $"{tower.Depth} or -{tower.Depth} to -1.");
        }

        var cut = json.Text("vision_feature_select_strategy", "default") switch
        {
            "default" => 1,
            "full" => 0,
            var other => throw new VitrineException($"{json.Source}: vision_feature_select_strategy is '{other}'; known are default, full."),
        };
        return new Seeing(tower, isClip, after, cut, json.Flag("multimodal_projector_bias", true), json.Activation("projector_hidden_act", "gelu"));
    }

    private static VisionLanguageParts Load(WeightReader weights, Seeing seeing, TextConfig text, int image)
    {
        var (at, width) = (TowerPart.Prefix(weights), text.Spec.Width);
        var tower = seeing.IsClip
            ? Clip.LoadTower(weights, at, seeing.Tower, seeing.After, seeing.Cut)
            : SigLip.LoadUpTo(weights, at, seeing.Tower, seeing.After, seeing.Cut);
        var projector = $"{TowerPart.Outer(weights)}multi_modal_projector.linear_";
        var connector = new LinearConnector(
            [
                weights.Linear($"{projector}1", width, seeing.Tower.Block.Width, seeing.Bias),
                weights.Linear($"{projector}2", width, width, seeing.Bias),
            ],
            seeing.Activation);
        return new VisionLanguageParts(new FramePictures(tower, connector, image, new RepeatedPlacing()), LanguagePart.Load(weights, text));
    }
}
