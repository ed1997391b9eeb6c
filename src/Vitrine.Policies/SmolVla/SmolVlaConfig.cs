using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Policies.Flow;
using Vitrine.Policies.LeRobot;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;

namespace Vitrine.Policies.SmolVla;

/// <summary>What a SmolVLA policy's config.json says, and that of the model it was built around.</summary>
/// <param name="Files">What all LeRobot policies say.</param>
/// <param name="Flow">Of the flow.</param>
/// <param name="Tower">The image tower.</param>
/// <param name="Side">Patches on a side of the square that becomes one token.</param>
/// <param name="Text">The language stack, as many layers as the policy keeps.</param>
/// <param name="Expert">Blocks of the expert.</param>
/// <param name="PictureSize">Columns and rows that pictures are fitted into.</param>
/// <param name="Tokenizer">Name of the model whose words it reads.</param>
/// <param name="PromptLength">Tokens of a prompt at most, in folders without pipelines.</param>
internal sealed record SmolVlaConfig(
    LeRobotConfig Files, FlowSettings Flow, TowerConfig Tower, int Side, TextConfig Text, IReadOnlyList<BlockSpec> Expert, (int Width, int Height) PictureSize,
    string Tokenizer, int PromptLength)
{
    private const string Published = "HuggingFaceTB/SmolVLM2-500M-Video-Instruct";

    /// <summary>Sizes of the published model, which no file of a policy repeats; what is left out is the class default.</summary>
    private const string PublishedSizes =
        """
        {
          "model_type": "smolvlm", "scale_factor": 4, "image_token_id": 49190, "tie_word_embeddings": false,
          "text_config": {
            "model_type": "llama", "hidden_size": 960, "intermediate_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 15,
            "num_key_value_heads": 5, "head_dim": 64, "rms_norm_eps": 1e-05, "rope_theta": 100000, "vocab_size": 49280, "hidden_act": "silu"
          },
          "vision_config": {
            "model_type": "smolvlm_vision", "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
            "patch_size": 16, "image_size": 512
          }
        }
        """;

    private static readonly Dictionary<FeatureKind, NormalisationMode> Modes = new()
    {
        [FeatureKind.Visual] = NormalisationMode.Identity,
        [FeatureKind.State] = NormalisationMode.MeanStd,
        [FeatureKind.Action] = NormalisationMode.MeanStd,
    };

    public static SmolVlaConfig Read(ConfigReader json, string folder)
    {
        var files = LeRobotConfig.Read(json, chunk: 50, Modes);
        json.MustBeOff("adapt_to_pi_aloha");
        json.MustBeOff("use_delta_joint_actions_aloha");
        json.MustBeOff("add_image_special_tokens");
        if (json.Has("attention_mode"))
        {
            json.MustBe("attention_mode", "cross_attn");
        }

        var flow = FlowConfig.Read(files, "num_steps");
        var name = json.Text("vlm_model_name", Published);
        var model = Model(name, folder, files.Files);
        var whole = SmolVlm.Text(model);
        var (kept, own) = (json.Whole("num_vlm_layers", 16), json.Whole("num_expert_layers", -1));
        var layers = kept > 0 ? kept : whole.Layers;
        if (layers > whole.Layers || (own > 0 && own != layers))
        {
            throw new VitrineException(
                $"{json.Source}: num_vlm_layers is {layers} of {whole.Layers} and num_expert_layers {own}; this version computes experts of as many layers as "
                    + "the language stack.");
        }

        // The policy turns by 10,000 whatever the model around which it was built says (lerobot, smolvlm_with_expert.py: apply_rope).
        var rotary = new RotarySpec(10000, whole.Spec.Attention.HeadWidth);
        var text = (whole with { Blocks = [.. whole.Blocks.Take(layers)], EmbeddingScale = Math.Sqrt(whole.Spec.Width) })
            .Attending((a, _) => a with { Mask = AttentionMask.Blockwise, Rotary = rotary });
        var every = json.Whole("self_attn_every_n_layers", 2);
        var width = (int)(text.Spec.Width * json.Number("expert_width_multiplier", 0.75));
        var (vision, side) = (model.Object("vision_config"), model.Size("scale_factor", 2));
        var config = new SmolVlaConfig(
            files, flow, SmolVlm.Vision(vision), side, text, [.. text.Blocks.Select((b, i) => Denoising(b, width, readsOwn: every > 0 && i % every == 0))],
            Size(json), name, json.Size("tokenizer_max_length", 48));
        if (config.Tower.Spec.Grid % side != 0)
        {
            throw new VitrineException(
                $"{model.Source}: scale_factor {side} does not divide the {config.Tower.Spec.Grid} patches on a side of vision_config.");
        }

        files.RefuseOthers(LeRobotKeys.InertSmolVla);
        return config;
    }

    /// <summary>A block of the expert: of its own width, with the language stack's heads, so that their keys and values stand side by side.</summary>
    /// <remarks>
    /// Every other block sees the chunk too, each row those before it; the blocks between see the prefix alone, through projections of their own, and there the
    /// positions of queries count from 0.
    /// </remarks>
    private static BlockSpec Denoising(BlockSpec text, int width, bool readsOwn) => text with
    {
        Width = width,
        Mlp = text.Mlp with { Neurons = (int)(Math.Ceiling((int)(4 * (int)(2 * width / 3.0)) / 256.0) * 256) },
        Attention = text.Attention with
        {
            Mask = readsOwn ? AttentionMask.Causal : AttentionMask.Full,
            Keys = readsOwn ? KeySource.PrefixThenOwn : KeySource.Prefix,
            Rotary = text.Attention.Rotary! with { CountsOwnTokens = !readsOwn },
        },
    };

    private static (int Width, int Height) Size(ConfigReader json)
        => json.Spells("resize_imgs_with_padding") && !json.Has("resize_imgs_with_padding")
            ? throw new VitrineException(
                $"{json.Source}: resize_imgs_with_padding is null; this version computes policies whose pictures are fitted into one size.")
            : FlowConfig.Pair(json, "resize_imgs_with_padding", 512);

    /// <summary>The configuration of the model that the policy was built around: beside the policy, in the local cache, or the published one's.</summary>
    private static ConfigReader Model(string name, string folder, PolicyFiles files)
    {
        var inside = Path.Combine(folder, name, "config.json");
        if (!Path.IsPathRooted(name) && File.Exists(inside))
        {
            return Opened(inside);
        }

        if (name == Published)
        {
            using var sizes = JsonDocument.Parse(PublishedSizes);
            return new ConfigReader(sizes.RootElement.Clone(), Published);
        }

        try
        {
            return Opened(Path.Combine(ModelLocation.Resolve(name).Folder, "config.json"));
        }
        catch (VitrineException e)
        {
            throw new VitrineException(
                $"{folder}: vlm_model_name is '{name}', which is neither a folder here nor in the local cache; put its config.json and tokenizer into "
                    + $"{Path.Combine(folder, name)}. ({e.Message})", e);
        }

        ConfigReader Opened(string path)
        {
            files.Add(path, "the model that the policy was built around");
            return ConfigReader.Open(path, refusesNull: true);
        }
    }
}
