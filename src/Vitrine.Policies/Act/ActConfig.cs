using Vitrine.Checkpoints;
using Vitrine.Policies.LeRobot;
using Vitrine.Transformers.Engine;

namespace Vitrine.Policies.Act;

/// <summary>What an ACT policy's config.json says of its network.</summary>
/// <param name="Files">What all LeRobot policies say.</param>
/// <param name="Block">Of the encoder; the decoder's attends to the encoder besides.</param>
/// <param name="EncoderLayers">Blocks of the encoder.</param>
/// <param name="DecoderLayers">Blocks of the decoder.</param>
/// <param name="Latent">Width of the latent variable, zero when it acts.</param>
/// <param name="Backbone">Name of the image network.</param>
internal sealed record ActConfig(LeRobotConfig Files, BlockSpec Block, int EncoderLayers, int DecoderLayers, int Latent, string Backbone)
{
    private static readonly Dictionary<FeatureKind, NormalisationMode> Modes = new()
    {
        [FeatureKind.Visual] = NormalisationMode.MeanStd,
        [FeatureKind.State] = NormalisationMode.MeanStd,
        [FeatureKind.Action] = NormalisationMode.MeanStd,
    };

    /// <summary>Of the decoder's blocks.</summary>
    public BlockSpec DecoderBlock => Block with
    {
        Cross = new AttentionSpec(Block.Attention.Heads, Block.Attention.Heads, Block.Attention.HeadWidth, AttentionMask.Full, Rotary: null)
        {
            Keys = KeySource.Memory,
            AddsPositions = true,
            Bias = true,
            OutputBias = true,
        },
    };

    public static ActConfig Read(ConfigReader json)
    {
        var files = LeRobotConfig.Read(json, chunk: 100, Modes);
        var (width, heads) = (json.Size("dim_model", 512), json.Size("n_heads", 8));
        json.MustBeOff("pre_norm");
        json.MustBeOff("replace_final_stride_with_dilation");
        if (json.Has("temporal_ensemble_coeff"))
        {
            throw new VitrineException(
                $"{json.Source}: temporal_ensemble_coeff is set; this version does not average the chunks of several control steps.");
        }

        if (width % heads != 0 || width % 4 != 0)
        {
            throw new VitrineException($"{json.Source}: dim_model is {width}; expected a multiple of 4 that its {heads} heads divide.");
        }

        var block = new BlockSpec(
            width,
            new NormSpec(NormKind.LayerNorm, 1e-5),
            new AttentionSpec(heads, heads, width / heads, AttentionMask.Full, Rotary: null) { AddsPositions = true, Bias = true, OutputBias = true },
            new MlpSpec(json.Size("dim_feedforward", 3200), Gated: false, Activation(json)) { Bias = true },
            LayerScale: false)
        {
            Norms = NormPlaces.PostNormOfSums,
        };
        var config = new ActConfig(
            files, block, json.Size("n_encoder_layers", 4), json.Size("n_decoder_layers", 1), json.Size("latent_dim", 32),
            json.Text("vision_backbone", "resnet18"));
        files.RefuseOthers(LeRobotKeys.InertAct);
        var sizes = files.Cameras.Select(c => (c.Shape[1], c.Shape[2])).Distinct().ToArray();
        return sizes.Length == 1
            ? config
            : throw new VitrineException(
                $"{json.Source}: {files.Cameras.Count} cameras of {sizes.Length} sizes; this version computes ACT with at least one camera, all of one size.");
    }

    private static Activation Activation(ConfigReader json) => json.Text("feedforward_activation", "relu") switch
    {
        "relu" => Transformers.Engine.Activation.Relu,
        "gelu" => Transformers.Engine.Activation.Gelu,
        var other => throw new VitrineException($"{json.Source}: feedforward_activation is '{other}'; this version computes relu and gelu."),
    };
}
