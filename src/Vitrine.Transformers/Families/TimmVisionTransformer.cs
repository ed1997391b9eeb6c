using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;

namespace Vitrine.Transformers.Families;

/// <summary>timm's VisionTransformer, as DINOv2 with registers and SigLIP use it (timm, vision_transformer.py).</summary>
internal static class TimmVisionTransformer
{
    /// <param name="Spec">Of every block.</param>
    /// <param name="Depth">Blocks of the file.</param>
    /// <param name="ImageSize">Pixels on a side.</param>
    /// <param name="PatchSize">Pixels on a side of a patch.</param>
    /// <param name="ClassToken">Whether a class token stands in front.</param>
    /// <param name="Registers">Register tokens behind it (Darcet et al. 2024).</param>
    /// <param name="PositionsOnPrefix">Whether the table of positions has rows for the tokens in front.</param>
    /// <param name="AttentionPool">Whether the file has an attention-pool head.</param>
    internal sealed record Config(
        BlockSpec Spec, int Depth, int ImageSize, int PatchSize, bool ClassToken, int Registers, bool PositionsOnPrefix, bool AttentionPool)
    {
        public int PrefixTokens => (ClassToken ? 1 : 0) + Registers;
    }

    /// <summary>What timm writes beside the arguments and the recipe, and does not read (timm, models/_hub.py).</summary>
    internal static readonly string[] Inert = ["num_features", "global_pool", "label_names", "label_descriptions"];

    /// <summary>Reads timm's <c>model_args</c>.</summary>
    /// <remarks>GELU is the exact one (erf) in every timm release that OpenVLA runs on, also for SigLIP.</remarks>
    public static Config Read(ConfigReader args)
    {
        var width = args.Size("embed_dim", 768);
        var heads = args.Size("num_heads", 12);
        var registers = args.Count("reg_tokens", 0);
        var classToken = args.Flag("class_token", true);
        var noEmbedClass = args.Flag("no_embed_class", false);
        var pool = args.Text("global_pool", "token");
        if (pool is not ("token" or "map"))
        {
            throw new VitrineException($"{args.Source}: global_pool is '{pool}'; known are token, map.");
        }

        var config = Create(
            width, heads, (int)(width * args.Number("mlp_ratio", 4)), args.Size("depth", 12), args.Size("img_size", 224), args.Size("patch_size", 16),
            classToken, registers, positionsOnPrefix: classToken && !noEmbedClass
                && registers == 0, layerScale: args.Has("init_values") && args.Number("init_values") != 0, epsilon: 1e-6, attentionPool: pool == "map");
        if (args.Count("num_classes", 0) != 0)
        {
            throw new VitrineException($"{args.Source}: num_classes is not 0; classification heads are not computed by this version.");
        }

        args.RefuseOthers();
        return config;
    }

    /// <summary>A folder that timm saved: the whole tower, features behind the second-to-last block.</summary>
    public static Func<WeightReader, VisionParts> ReadAlone(ConfigReader json)
    {
        var config = Read(json.Object("model_args"));
        if (json.Count("num_classes", 0) != 0)
        {
            throw new VitrineException($"{json.Source}: num_classes is not 0; classification heads are not computed by this version.");
        }

        json.RefuseOthers(Inert, ["architecture", "pretrained_cfg", "model_type"]);
        return weights => new VisionParts(Load(weights, "", config, "vision", config.Depth, config.Depth - 2, "gamma"));
    }

    public static Config Create(
        int width, int heads, int neurons, int depth, int imageSize, int patchSize, bool classToken, int registers,
        bool positionsOnPrefix, bool layerScale, double epsilon, bool attentionPool)
    {
        if (width % heads != 0 || imageSize % patchSize != 0)
        {
            throw new VitrineException($"vision tower: {heads} heads do not divide width {width}, or patches of {patchSize} do not divide {imageSize} pixels.");
        }

        var spec = new BlockSpec(
            width,
            new NormSpec(NormKind.LayerNorm, epsilon),
            new AttentionSpec(heads, heads, width / heads, AttentionMask.Full, Rotary: null) { Bias = true, OutputBias = true },
            new MlpSpec(neurons, Gated: false, Activation.Gelu) { Bias = true },
            layerScale);
        return new Config(spec, depth, imageSize, patchSize, classToken, registers, positionsOnPrefix, attentionPool);
    }

    /// <param name="weights">The checkpoint.</param>
    /// <param name="prefix">What stands before timm's names, with its dot.</param>
    /// <param name="config">Sizes.</param>
    /// <param name="name">First part of the tower's addresses.</param>
    /// <param name="blocksToRun">All, or only those that the features need.</param>
    /// <param name="featuresAfter">The block whose output is handed on, prefix tokens dropped.</param>
    /// <param name="scaleName">timm writes gamma; OpenVLA's files write scale_factor.</param>
    public static Tower Load(WeightReader weights, string prefix, Config config, string name, int blocksToRun, int featuresAfter, string scaleName)
    {
        var (spec, width) = (config.Spec, config.Spec.Width);
        var blocks = new List<Block>();
        for (var i = 0; i < blocksToRun; i++)
        {
            var at = $"{prefix}blocks.{i}";
            var (q, k, v) = weights.ThreeLinears($"{at}.attn.qkv", width, width, bias: true);
            blocks.Add(new Block(spec, new BlockWeights
            {
                AttentionNorm = weights.Norm(spec.Norm, $"{at}.norm1", width),
                MlpNorm = weights.Norm(spec.Norm, $"{at}.norm2", width),
                Query = q,
                Key = k,
                Value = v,
                Output = weights.Linear($"{at}.attn.proj", width, width, bias: true),
                Up = weights.Linear($"{at}.mlp.fc1", spec.Mlp.Neurons, width, bias: true),
                Down = weights.Linear($"{at}.mlp.fc2", width, spec.Mlp.Neurons, bias: true),
                AttentionScale = spec.LayerScale ? weights.Take($"{at}.ls1.{scaleName}", width) : null,
                MlpScale = spec.LayerScale ? weights.Take($"{at}.ls2.{scaleName}", width) : null,
            }));
        }

        var whole = blocksToRun == config.Depth;
        var norm = whole ? weights.Norm(spec.Norm, $"{prefix}norm", width) : null;
        var pool = whole && config.AttentionPool ? Pool(weights, $"{prefix}attn_pool", spec) : null;
        HashSet<Point> points = [.. spec.PointsInBlock(), Point.Embed, Point.Features, .. whole ? [Point.FinalNorm] : Array.Empty<Point>(),
            .. pool is null ? [] : AttentionPool.Points];
        var shape = new StackShape(name, blocksToRun, width, spec.Attention.Heads, spec.Attention.Heads, spec.Attention.HeadWidth, spec.Mlp.Neurons, 0, points);
        var tower = new TowerSpec(config.ImageSize, config.PatchSize, config.ClassToken, config.Registers, config.PositionsOnPrefix, PositionResampling.None,
            TowerFeatures.BlockOutput);
        var embedding = new PatchEmbedding(
            tower,
            weights.Take($"{prefix}patch_embed.proj.weight", width, 3, config.PatchSize, config.PatchSize),
            weights.Take($"{prefix}patch_embed.proj.bias", width),
            weights.Take($"{prefix}pos_embed", 1, tower.Positions, width),
            config.ClassToken ? weights.Take($"{prefix}cls_token", 1, 1, width) : null,
            config.Registers > 0 ? weights.Take($"{prefix}reg_token", 1, config.Registers, width) : null);
        return new Tower(shape, blocks, embedding) { LastNorm = norm, FeaturesAfter = featuresAfter, PrefixTokensCut = config.PrefixTokens, Pool = pool };
    }

    /// <summary>Tensors of a tower that the features do not need: blocks behind them, the final norm, the pool.</summary>
    public static bool IsUnused(string name, string prefix, int blocksToRun)
    {
        if (!name.StartsWith(prefix, StringComparison.Ordinal))
        {
            return false;
        }

        var rest = name[prefix.Length..];
        return rest.StartsWith("norm.", StringComparison.Ordinal)
            || rest.StartsWith("attn_pool.", StringComparison.Ordinal)
            || (rest.StartsWith("blocks.", StringComparison.Ordinal) && int.TryParse(rest.Split('.')[1], out var block) && block >= blocksToRun);
    }

    private static AttentionPool Pool(WeightReader weights, string at, BlockSpec spec)
    {
        var (width, neurons) = (spec.Width, spec.Mlp.Neurons);
        var (key, value) = weights.TwoLinears($"{at}.kv", width, width);
        return new AttentionPool(
            spec,
            weights.Take($"{at}.latent", 1, 1, width),
            weights.Linear($"{at}.q", width, width, bias: true),
            key,
            value,
            weights.Linear($"{at}.proj", width, width, bias: true),
            weights.Norm(spec.Norm, $"{at}.norm", width),
            weights.Linear($"{at}.mlp.fc1", neurons, width, bias: true),
            weights.Linear($"{at}.mlp.fc2", width, neurons, bias: true));
    }
}
