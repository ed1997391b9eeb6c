using System.Text.Json.Nodes;

namespace Vitrine.Benchmarks;

/// <summary>A folder with every tensor name and shape of SmolVLA base (450 million numbers) and none of its numbers: a sparse file.</summary>
internal static class SmolVlaCheckpoint
{
    private const int Vision = 768, Text = 960, Expert = 720, Queries = 960, Keys = 320, Layers = 16, Towers = 12, Vocabulary = 49_280;
    private const string Model = "model.vlm_with_expert.";

    /// <summary>Writes it; the small files are those of a policy in the same layout, with these sizes put in.</summary>
    public static void Write(string folder, string like)
    {
        CopySmall(folder, like);
        Change(Path.Combine(folder, "config.json"), config =>
        {
            var features = config["input_features"]!.AsObject();
            features.Remove("observation.images.empty_camera_0");
            features["observation.images.front"] = features["observation.images.top"]!.DeepClone();
            (config["empty_cameras"], config["num_steps"], config["num_vlm_layers"], config["expert_width_multiplier"]) = (0, 10, Layers, 0.75);
            (config["chunk_size"], config["n_action_steps"], config["max_state_dim"], config["max_action_dim"]) = (50, 50, 32, 32);
            config["resize_imgs_with_padding"] = new JsonArray(512, 512);
        });
        Change(Path.Combine(folder, "vlm", "config.json"), config =>
        {
            config["scale_factor"] = 4;
            var (text, vision) = (config["text_config"]!, config["vision_config"]!);
            (text["hidden_size"], text["intermediate_size"], text["num_hidden_layers"], text["vocab_size"]) = (Text, 2560, 32, Vocabulary);
            (text["num_attention_heads"], text["num_key_value_heads"], text["head_dim"]) = (15, 5, 64);
            (vision["hidden_size"], vision["intermediate_size"], vision["num_hidden_layers"], vision["num_attention_heads"]) = (Vision, 3072, Towers, 12);
            vision["image_size"] = 512;
        });
        Empty(Path.Combine(folder, "model.safetensors"), [.. Tensors()]);
    }

    /// <summary>Copies the files of a small policy that say how it is read, and none of its numbers.</summary>
    internal static void CopySmall(string folder, string like)
    {
        string[] others = ["golden.safetensors", "meta.json", "model.safetensors", "normalization_buffers.safetensors"];
        foreach (var file in Directory.GetFiles(like, "*", SearchOption.AllDirectories).Where(f => !others.Contains(Path.GetFileName(f))))
        {
            var copy = Path.Combine(folder, Path.GetRelativePath(like, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy, overwrite: true);
            File.SetAttributes(copy, FileAttributes.Normal);
        }
    }

    private static IEnumerable<NamedShape> Tensors() =>
    [
        .. OpenVlaSizes.Pair("model.state_proj", Text, 32),
        .. OpenVlaSizes.Pair("model.action_in_proj", Expert, 32),
        .. OpenVlaSizes.Pair("model.action_out_proj", 32, Expert),
        .. OpenVlaSizes.Pair("model.action_time_mlp_in", Expert, 2 * Expert),
        .. OpenVlaSizes.Pair("model.action_time_mlp_out", Expert, Expert),
        new($"{Model}vlm.lm_head.weight", [Vocabulary, Text]),
        new($"{Model}vlm.model.text_model.embed_tokens.weight", [Vocabulary, Text]),
        new($"{Model}vlm.model.text_model.norm.weight", [Text]),
        new($"{Model}vlm.model.connector.modality_projection.proj.weight", [Text, 16 * Vision]),
        new($"{Model}lm_expert.norm.weight", [Expert]),
        .. Enumerable.Range(0, Layers).SelectMany(l => Llama($"{Model}vlm.model.text_model.layers.{l}", Text, Text, 2560)),
        .. Enumerable.Range(0, Layers).SelectMany(l => Llama($"{Model}lm_expert.layers.{l}", Expert, l % 2 == 0 ? Expert : Keys, 2048)),
        .. Tower($"{Model}vlm.model.vision_model"),
    ];

    private static IEnumerable<NamedShape> Llama(string at, long width, long read, long neurons) =>
    [
        new($"{at}.input_layernorm.weight", [width]),
        new($"{at}.post_attention_layernorm.weight", [width]),
        new($"{at}.self_attn.q_proj.weight", [Queries, width]),
        new($"{at}.self_attn.k_proj.weight", [Keys, read]),
        new($"{at}.self_attn.v_proj.weight", [Keys, read]),
        new($"{at}.self_attn.o_proj.weight", [width, Queries]),
        new($"{at}.mlp.gate_proj.weight", [neurons, width]),
        new($"{at}.mlp.up_proj.weight", [neurons, width]),
        new($"{at}.mlp.down_proj.weight", [width, neurons]),
    ];

    private static IEnumerable<NamedShape> Tower(string at) =>
    [
        new($"{at}.embeddings.patch_embedding.weight", [Vision, 3, 16, 16]),
        new($"{at}.embeddings.patch_embedding.bias", [Vision]),
        new($"{at}.embeddings.position_embedding.weight", [1024, Vision]),
        new($"{at}.post_layernorm.weight", [Vision]),
        new($"{at}.post_layernorm.bias", [Vision]),
        .. Enumerable.Range(0, Towers).Select(l => $"{at}.encoder.layers.{l}").SelectMany(l => new[] { "layer_norm1", "layer_norm2" }
            .SelectMany(n => new NamedShape[] { new($"{l}.{n}.weight", [Vision]), new($"{l}.{n}.bias", [Vision]) })
            .Concat(new[] { "q_proj", "k_proj", "v_proj", "out_proj" }.SelectMany(n => OpenVlaSizes.Pair($"{l}.self_attn.{n}", Vision, Vision)))
            .Concat(OpenVlaSizes.Pair($"{l}.mlp.fc1", 3072, Vision)).Concat(OpenVlaSizes.Pair($"{l}.mlp.fc2", Vision, 3072))),
    ];

    /// <summary>Changes a JSON file.</summary>
    internal static void Change(string file, Action<JsonObject> change)
    {
        var json = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        change(json);
        File.WriteAllText(file, json.ToJsonString());
    }

    private static void Empty(string path, NamedShape[] tensors)
    {
        var header = OpenVlaCheckpoint.Header([.. tensors], "F32", 4);
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write);
        file.Write(BitConverter.GetBytes((long)header.Length));
        file.Write(header);
        file.SetLength(file.Position + tensors.Sum(t => 4 * t.Count));
    }
}
