using Vitrine.Inputs.Pictures;
using Vitrine.Policies.LeRobot;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Policies.Act;

/// <summary>ACT: pictures and a state to a chunk of actions in one pass, without words (Zhao et al. 2023; lerobot, modeling_act.py).</summary>
/// <remarks>
/// A ResNet makes feature maps of each picture; an encoder reads a latent token (zero when it acts), the state and the cells of the maps; a decoder of as many
/// learned queries as the chunk has rows attends to what the encoder made of them, and a linear map makes an action of each row.
/// </remarks>
public sealed class ActPolicy : LeRobotPolicy
{
    private const string VisionPart = "vision", ProjectorPart = "projector", ActionPart = "action", Prefix = "model.";

    private readonly ActConfig config;
    private readonly Parts parts;

    private ActPolicy(ModelSource source, WeightReader weights, LeRobotFolder folder, ActConfig config, Parts parts)
        : base(
            source, weights, folder, [parts.Encoder, parts.Decoder],
            [
                StackShape.Part(VisionPart, parts.Backbone.Channels, Point.Features, Position(config)),
                StackShape.Part(ProjectorPart, config.Block.Width, Point.Out), parts.Encoder.Shape, parts.Decoder.Shape,
                StackShape.Part(ActionPart, config.Files.Action.Width, Chunk(config)),
            ]) => (this.config, this.parts) = (config, parts);

    /// <summary>The stack in which it decides; it reads no words.</summary>
    public override Decoder Language => parts.Decoder;

    /// <inheritdoc/>
    public override PolicyNeeds Needs => base.Needs with { NeedsEveryCamera = true };

    /// <summary>Cells of the feature map of one picture.</summary>
    public override int ImageTokens => Grid.Rows * Grid.Columns;

    private (int Rows, int Columns) Grid => (ResNet.Size(config.Files.Cameras[0].Shape[1]), ResNet.Size(config.Files.Cameras[0].Shape[2]));

    /// <summary>Tokens in front of the pictures: the latent one, and the state.</summary>
    private int Leading => config.Files.State is null ? 1 : 2;

    internal static ActPolicy Load(ModelSource source, ModelOptions options)
    {
        var config = ActConfig.Read(source.Config);
        var weights = source.Weights(options);
        try
        {
            var folder = LeRobotFolder.Open(source, config.Files, weights, options, (_, normalise) => [normalise()]);
            var parts = Parts.Load(weights.Under(Prefix), config, source.Config.Source);
            weights.RefuseOthers(name => LeRobotFolder.IsStatistic(name) || name.StartsWith($"{Prefix}vae_encoder", StringComparison.Ordinal));
            return new ActPolicy(source, weights, folder, config, parts);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override PromptLayout Layout(IReadOnlyList<Observation> observations)
    {
        ArgumentNullException.ThrowIfNull(observations);
        return LayoutOf(observations.Count);
    }

    /// <inheritdoc/>
    protected internal override PolicyRun Act(ActRequest request)
    {
        RequirePlain(request);
        var inputs = Prepared(request.Observations);
        return Act(inputs, request);
    }

    /// <inheritdoc/>
    protected internal override PictureRecipe RecipeOf(Tower tower) => throw new VitrineException($"{Name}: its image network is no tower of patches.");

    private protected override Pixels PixelsOf(Picture picture, PolicyFeature camera)
    {
        var (height, width, normaliser) = (camera.Shape[1], camera.Shape[2], Files.PictureNormaliser(camera.Name));
        return (picture.Width, picture.Height) == (width, height)
            ? Pixels.Of(picture, (channel, v) => normaliser?.Normalise(channel, v / 255f) ?? (v / 255f))
            : throw new VitrineException(
                $"act: the camera '{camera.ShortName}' gives {picture.Width} x {picture.Height} pixels; the policy was trained on {width} x {height} and "
                    + "resizes nothing.");
    }

    private PolicyRun Act(PolicyInput[] inputs, ActRequest request)
    {
        var layout = LayoutOf(inputs.Length);
        PolicyAction[]? actions = null;
        var run = Compute(request.Plan, inputs.Length, Acted, layout.Kinds());
        return new PolicyRun(run, layout, actions) { Units = UnitsOf(inputs) };

        Tensor? Acted(RunScope scope)
        {
            var (embedded, positions) = Tokens(scope, Seen(inputs), inputs);                               // (B, T, d), (1, T, d)
            request.Cancellation.ThrowIfCancellationRequested();
            var reading = Input(embedded, positions);
            using var encoding = parts.Encoder.PassOver(scope, reading);
            var memory = new AttendedOutput(parts.Encoder.Residual(reading, encoding, from: null), encoding);
            var empty = zeros([inputs.Length, Horizon, config.Block.Width], Dtype, Device);
            var deciding = Input(empty, parts.DecoderPositions.unsqueeze(0)) with { Memory = memory };
            using var decoding = parts.Decoder.PassOver(scope, deciding);
            var decided = parts.Decoder.FinalNorm(parts.Decoder.Residual(deciding, decoding, from: null), decoding);
            var chunk = decoding.At(ActionPart, Chunk(config), parts.Head.Apply(decided));                 // (B, H, D)
            actions = InUnits(chunk, inputs);
            return chunk;
        }
    }

    /// <summary>Latent, state, then the cells of each camera's map; and the positions that queries and keys see of them.</summary>
    private (Tensor Embedded, Tensor Positions) Tokens(RunScope scope, Tensor pixels, PolicyInput[] inputs)
    {
        var (rows, cameras) = (inputs.Length, config.Files.Cameras.Count);
        var (grid, width) = (Grid, config.Block.Width);
        var pictures = Enumerable.Range(0, rows * cameras).ToArray();
        using var pass = scope.PassOver(ImageTokens, owners: new FrameOwners([.. pictures.Select(i => i / cameras)], [.. pictures.Select(i => i % cameras)]));
        var maps = parts.Backbone.Forward(pixels.to(Dtype, Device)).flatten(2).transpose(1, 2);            // (B C, P, channels)
        maps = pass.At(VisionPart, Point.Features, maps);
        var cells = pass.At(ProjectorPart, Point.Out, parts.Projector.Apply(maps));                        // (B C, P, d)
        var places = GridPositions.Of(grid.Rows, grid.Columns, width, Dtype, Device).expand(rows * cameras, -1, -1);
        places = pass.At(VisionPart, Position(config), places);
        var latent = parts.Latent.Apply(zeros([rows, 1, config.Latent], Dtype, Device));                   // (B, 1, d)
        Tensor[] leading = parts.State is null
            ? [latent]
            : [latent, parts.State.Apply(tensor([.. inputs.SelectMany(i => i.State)], [rows, 1, inputs[0].State.Length]).to(Dtype, Device))];
        var embedded = cat([.. leading, cells.reshape(rows, -1, width)], 1);
        var positions = cat([parts.LeadingPositions.unsqueeze(0).expand(rows, -1, -1), places.reshape(rows, -1, width)], 1);
        return (embedded, positions);
    }

    private static DecoderInput Input(Tensor embedded, Tensor positions)
    {
        var columns = Enumerable.Range(0, (int)embedded.shape[1]).Select(i => (long)i).ToArray();
        return new DecoderInput([.. Enumerable.Repeat(columns, (int)embedded.shape[0])], () => embedded) { AddedPositions = positions };
    }

    /// <exception cref="VitrineException">A camera is missing, or gives pictures of another size.</exception>
    private Tensor Seen(PolicyInput[] inputs)
    {
        var pixels = new List<float>();
        foreach (var (input, camera) in inputs.SelectMany(i => config.Files.Cameras.Select(c => (i, c))))
        {
            var picture = input.Pictures.GetValueOrDefault(camera.Name)
                ?? throw new VitrineException($"act: the camera '{camera.ShortName}' is missing; ACT reads all of {string.Join(", ", Cameras)}.");
            pixels.AddRange(PixelsOf(picture, camera).Values);
        }

        var first = config.Files.Cameras[0];
        return tensor([.. pixels], [inputs.Length * config.Files.Cameras.Count, 3, first.Shape[1], first.Shape[2]]);
    }

    private PromptLayout LayoutOf(int rows)
    {
        var grid = Grid;
        var row = new PromptRow
        {
            Pictures = Cameras.Index().ToDictionary(c => c.Item, c => new PromptPicture(Leading + (c.Index * ImageTokens), grid.Rows, grid.Columns)),
            Words = [],
            State = config.Files.State is null ? [] : [1],
            Deciding = 0,
            DecidingCount = Horizon,
        };
        return new PromptLayout
        {
            Stack = parts.Encoder.Shape.Name,
            DecidingStack = parts.Decoder.Shape.Name,
            DecidingSteps = 1,
            Rows = [.. Enumerable.Repeat(row, rows)],
            Towers = new Dictionary<string, int> { [VisionPart] = ImageTokens, [ProjectorPart] = ImageTokens },
        };
    }

    private static Point Position(ActConfig config) => new("position", config.Block.Width);

    private static Point Chunk(ActConfig config) => new("chunk", config.Files.Action.Width);

    /// <summary>The weights.</summary>
    private sealed record Parts(
        ResNet Backbone, Linear Projector, Linear Latent, Linear? State, Tensor LeadingPositions, Decoder Encoder, Decoder Decoder, Tensor DecoderPositions,
        Linear Head)
    {
        public static Parts Load(WeightReader weights, ActConfig config, string source)
        {
            var (width, files) = (config.Block.Width, config.Files);
            var backbone = new ResNet(weights.Under("backbone."), config.Backbone, source);
            var projector = new Linear(
                weights.Keep(weights.Take("encoder_img_feat_input_proj.weight", width, backbone.Channels, 1, 1).view(width, backbone.Channels)),
                weights.Take("encoder_img_feat_input_proj.bias", width));
            return new Parts(
                backbone, projector, weights.Linear("encoder_latent_input_proj", width, config.Latent, bias: true),
                files.State is { } state ? weights.Linear("encoder_robot_state_input_proj", width, state.Width, bias: true) : null,
                weights.Take("encoder_1d_feature_pos_embed.weight", files.State is null ? 1 : 2, width),
                Stack(weights, "encoder", config.Block, config.EncoderLayers), Stack(weights, "decoder", config.DecoderBlock, config.DecoderLayers),
                weights.Take("decoder_pos_embed.weight", files.Chunk, width), weights.Linear("action_head", files.Action.Width, width, bias: true));
        }

        private static Decoder Stack(WeightReader weights, string name, BlockSpec spec, int layers)
        {
            Block[] blocks = [.. Enumerable.Range(0, layers).Select(i => new Block(spec, Weights(weights, $"{name}.layers.{i}", spec)))];
            var norm = spec.Cross is null ? null : weights.Norm(spec.Norm, $"{name}.norm", spec.Width);
            HashSet<Point> points = [.. spec.PointsInBlock(), Point.Embed, .. norm is null ? Array.Empty<Point>() : [Point.FinalNorm]];
            var attention = spec.Attention;
            var shape = new StackShape(name, layers, spec.Width, attention.Heads, attention.Heads, attention.HeadWidth, spec.Mlp.Neurons, 0, points)
            {
                Reads = spec.Cross is null ? [] : ["encoder"],
            };
            return new Decoder(shape, blocks, embedding: null) { LastNorm = norm };
        }

        private static BlockWeights Weights(WeightReader weights, string at, BlockSpec spec)
        {
            var width = spec.Width;
            var (query, key, value) = weights.ThreeLinears($"{at}.self_attn.in_proj_weight", $"{at}.self_attn.in_proj_bias", width, width);
            return new BlockWeights
            {
                AttentionPostNorm = weights.Norm(spec.Norm, $"{at}.norm1", width),
                MlpPostNorm = weights.Norm(spec.Norm, spec.Cross is null ? $"{at}.norm2" : $"{at}.norm3", width),
                Query = query,
                Key = key,
                Value = value,
                Output = weights.Linear($"{at}.self_attn.out_proj", width, width, bias: true),
                Up = weights.Linear($"{at}.linear1", spec.Mlp.Neurons, width, bias: true),
                Down = weights.Linear($"{at}.linear2", width, spec.Mlp.Neurons, bias: true),
                Cross = spec.Cross is null ? null : Cross(weights, at, spec),
            };
        }

        private static CrossWeights Cross(WeightReader weights, string at, BlockSpec spec)
        {
            var width = spec.Width;
            var (query, key, value) = weights.ThreeLinears($"{at}.multihead_attn.in_proj_weight", $"{at}.multihead_attn.in_proj_bias", width, width);
            return new CrossWeights(
                query, key, value, weights.Linear($"{at}.multihead_attn.out_proj", width, width, bias: true), weights.Norm(spec.Norm, $"{at}.norm2", width));
        }
    }
}
