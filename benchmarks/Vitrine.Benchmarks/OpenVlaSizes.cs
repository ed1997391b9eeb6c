namespace Vitrine.Benchmarks;

/// <summary>One tensor of a checkpoint.</summary>
internal sealed record NamedShape(string Name, IReadOnlyList<long> Shape)
{
    public long Count => Shape.Aggregate(1L, (a, s) => checked(a * s));
}

/// <summary>
/// Every tensor of an OpenVLA checkpoint by name and shape; the defaults are those of openvla-7b and its fine-tunes: 982 tensors, 7,541,237,184 numbers.
/// </summary>
/// <remarks>
/// Names and shapes as the published files have them: timm's vision transformers with <c>ls.scale_factor</c>, a projector of three layers, Llama-2-7B with an
/// untied head.
/// </remarks>
internal sealed record OpenVlaSizes
{
    public TowerSizes Dino { get; init; } = new(1024, 24, 4096, 256, 14, HasClassToken: true, Registers: 4, HasLayerScale: true, HasAttentionPool: false);

    public TowerSizes Siglip { get; init; } = new(1152, 27, 4304, 256, 14, HasClassToken: false, Registers: 0, HasLayerScale: false, HasAttentionPool: true);

    public int Width { get; init; } = 4096;

    public int Layers { get; init; } = 32;

    public int Neurons { get; init; } = 11_008;

    public int Vocabulary { get; init; } = 32_064;

    public IEnumerable<NamedShape> Tensors() =>
    [
        .. Dino.Tensors("vision_backbone.featurizer"),
        .. Siglip.Tensors("vision_backbone.fused_featurizer"),
        .. Pair("projector.fc1", 4 * (Dino.Width + Siglip.Width), Dino.Width + Siglip.Width),
        .. Pair("projector.fc2", Width, 4 * (Dino.Width + Siglip.Width)),
        .. Pair("projector.fc3", Width, Width),
        new("language_model.model.embed_tokens.weight", [Vocabulary, Width]),
        .. Enumerable.Range(0, Layers).SelectMany(Layer),
        new("language_model.model.norm.weight", [Width]),
        new("language_model.lm_head.weight", [Vocabulary, Width]),
    ];

    internal static IEnumerable<NamedShape> Pair(string name, long outputs, long inputs)
        => [new($"{name}.weight", [outputs, inputs]), new($"{name}.bias", [outputs])];

    private IEnumerable<NamedShape> Layer(int layer)
    {
        var at = $"language_model.model.layers.{layer}";
        return
        [
            new($"{at}.input_layernorm.weight", [Width]),
            .. new[] { "q_proj", "k_proj", "v_proj", "o_proj" }.Select(n => new NamedShape($"{at}.self_attn.{n}.weight", [Width, Width])),
            new($"{at}.post_attention_layernorm.weight", [Width]),
            new($"{at}.mlp.gate_proj.weight", [Neurons, Width]),
            new($"{at}.mlp.up_proj.weight", [Neurons, Width]),
            new($"{at}.mlp.down_proj.weight", [Width, Neurons]),
        ];
    }
}

/// <summary>A vision transformer as timm names its tensors.</summary>
internal sealed record TowerSizes(
    int Width, int Blocks, int Neurons, int Patches, int PatchSize, bool HasClassToken, int Registers, bool HasLayerScale, bool HasAttentionPool)
{
    public IEnumerable<NamedShape> Tensors(string prefix)
    {
        var tensors = new List<NamedShape> { new($"{prefix}.patch_embed.proj.weight",
            [Width, 3, PatchSize, PatchSize]), new($"{prefix}.patch_embed.proj.bias", [Width]), new($"{prefix}.pos_embed", [1, Patches, Width]) };
        if (HasClassToken)
        {
            tensors.Add(new($"{prefix}.cls_token", [1, 1, Width]));
        }

        if (Registers > 0)
        {
            tensors.Add(new($"{prefix}.reg_token", [1, Registers, Width]));
        }

        tensors.AddRange(Enumerable.Range(0, Blocks).SelectMany(i => Block($"{prefix}.blocks.{i}")));
        tensors.AddRange(Norm($"{prefix}.norm"));
        if (HasAttentionPool)
        {
            tensors.Add(new($"{prefix}.attn_pool.latent", [1, 1, Width]));
            tensors.AddRange(
            [
                .. OpenVlaSizes.Pair($"{prefix}.attn_pool.q", Width, Width), .. OpenVlaSizes.Pair($"{prefix}.attn_pool.kv", 2 * Width,
                    Width), .. OpenVlaSizes.Pair($"{prefix}.attn_pool.proj", Width, Width),
                .. Norm($"{prefix}.attn_pool.norm"), .. OpenVlaSizes.Pair($"{prefix}.attn_pool.mlp.fc1", Neurons,
                    Width), .. OpenVlaSizes.Pair($"{prefix}.attn_pool.mlp.fc2", Width, Neurons),
            ]);
        }

        return tensors;
    }

    private IEnumerable<NamedShape> Block(string at) =>
    [
        .. Norm($"{at}.norm1"), .. OpenVlaSizes.Pair($"{at}.attn.qkv", 3 * Width,
            Width), .. OpenVlaSizes.Pair($"{at}.attn.proj", Width, Width), .. Scale($"{at}.ls1"),
        .. Norm($"{at}.norm2"), .. OpenVlaSizes.Pair($"{at}.mlp.fc1", Neurons,
            Width), .. OpenVlaSizes.Pair($"{at}.mlp.fc2", Width, Neurons), .. Scale($"{at}.ls2"),
    ];

    private IEnumerable<NamedShape> Norm(string at) => [new($"{at}.weight", [Width]), new($"{at}.bias", [Width])];

    private IEnumerable<NamedShape> Scale(string at) => HasLayerScale ? [new($"{at}.scale_factor", [Width])] : [];
}
