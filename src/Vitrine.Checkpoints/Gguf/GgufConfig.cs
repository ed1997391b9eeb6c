using System.Text.Json;
using System.Text.Json.Nodes;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>A transformers-like config.json out of a GGUF file's metadata.</summary>
/// <remarks>
/// Keys after gguf-py/gguf/constants.py. A key of the architecture that is not understood might change numbers, so it is refused by name. Sizes that the file
/// does not state come from its tensors.
/// </remarks>
public static class GgufConfig
{
    /// <summary>llama.cpp keeps Llama 3's rotary scaling as a tensor of one divisor per frequency.</summary>
    internal const string RotaryFactors = "rope_freqs.weight";

    private static readonly HashSet<string> Inert =
    [
        "context_length", "tensor_data_layout", "rope.scaling.finetuned", "vocab_size",
    ];

    /// <summary>Architectures for which a configuration is derived.</summary>
    public static IReadOnlyCollection<string> Architectures { get; } = ["llama", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "gpt2"];

    /// <summary>Derives the configuration.</summary>
    /// <returns>An object with <c>model_type</c> and the keys of that family's config.json (as transformers 4 spells them).</returns>
    /// <exception cref="VitrineException">The architecture or a key of it is not known, or a needed key is missing.</exception>
    public static JsonElement ToConfigJson(GgufFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        var keys = new ArchitectureKeys(file);
        var json = keys.Architecture switch
        {
            "llama" or "qwen2" or "qwen3" or "gemma" or "gemma2" or "gemma3" => Decoder(file, keys),
            "gpt2" => Gpt2(file, keys),
            var other => throw new VitrineException(
                $"{file.Path}: no configuration is derived for the architecture '{other}'; known are {string.Join(", ", Architectures)}."),
        };
        foreach (var (key, name) in (ReadOnlySpan<(string, string)>)[("bos_token_id", "bos"), ("eos_token_id", "eos")])
        {
            if (file.Metadata.Contains($"tokenizer.ggml.{key}"))
            {
                json[$"{name}_token_id"] = file.Metadata.Integer($"tokenizer.ggml.{key}");
            }
        }

        keys.RefuseOthers(Inert);
        using var document = JsonDocument.Parse(json.ToJsonString());
        return document.RootElement.Clone();
    }

    private static JsonObject Decoder(GgufFile file, ArchitectureKeys keys)
    {
        var (width, heads) = (keys.Size("embedding_length"), keys.Size("attention.head_count"));
        var headWidth = keys.Size("attention.key_length", width / heads);
        RequireWholeHeads(file, keys, headWidth);
        RequireNoExperts(file, keys);
        var family = keys.Has("attention.sliding_window") && keys.Architecture == "llama" ? "mistral" : keys.Architecture;
        var json = new JsonObject
        {
            ["model_type"] = family == "gemma3" ? "gemma3_text" : family,
            ["hidden_size"] = width,
            ["num_hidden_layers"] = keys.Size("block_count"),
            ["intermediate_size"] = keys.Size("feed_forward_length"),
            ["num_attention_heads"] = heads,
            ["num_key_value_heads"] = keys.Size("attention.head_count_kv", heads),
            ["rms_norm_eps"] = keys.Number("attention.layer_norm_rms_epsilon"),
            ["vocab_size"] = Rows(file, "token_embd.weight"),
            ["max_position_embeddings"] = keys.Size("context_length"),
            ["tie_word_embeddings"] = IsTied(file),
            ["rope_theta"] = keys.Number("rope.freq_base", 10000),
        };
        json[family is "gemma2" or "gemma3" ? "hidden_activation" : "hidden_act"]
            = family is "gemma" or "gemma2" or "gemma3" ? "gelu_pytorch_tanh" : "silu";
        if (family != "qwen2" || headWidth != width / heads)
        {
            json["head_dim"] = headWidth; // Qwen2's configuration has no such key.
        }

        if (family is "llama" or "qwen3")
        {
            json["attention_bias"] = file.Tensors.ContainsKey("blk.0.attn_q.bias");
        }

        if (family == "gemma2")
        {
            AddGemma2(json, keys, headWidth);
        }
        else if (family == "gemma3")
        {
            AddGemma3(json, keys, headWidth);
        }
        else if (keys.Has("attention.sliding_window"))
        {
            json["sliding_window"] = keys.Size("attention.sliding_window");
        }

        if (RotaryScaling.Of(file, keys, headWidth, json["rope_theta"]!.GetValue<double>()) is { } scaling)
        {
            json["rope_scaling"] = scaling;
        }

        return json;
    }

    /// <remarks>
    /// The attention scale is in no key: llama.cpp takes the head width, but the model width over heads for the 27B model, which it knows by its 46 blocks
    /// (llama-model.cpp), as Google's configurations do.
    /// </remarks>
    private static void AddGemma2(JsonObject json, ArchitectureKeys keys, long headWidth)
    {
        var (width, heads, layers) = (keys.Size("embedding_length"), keys.Size("attention.head_count"), keys.Size("block_count"));
        json["query_pre_attn_scalar"] = layers == 46 ? width / heads : headWidth;
        json["attn_logit_softcapping"] = keys.Number("attn_logit_softcapping", 50);
        json["final_logit_softcapping"] = keys.Number("final_logit_softcapping", 30);
        json["sliding_window"] = keys.Size("attention.sliding_window", 4096);
    }

    /// <remarks>
    /// As for Gemma 2 the attention scale is in no key, and the 27B model is known by its 62 blocks; nor is the pattern of the windows (five blocks with, one
    /// without), nor the base of the rotation behind a window, 10000 (llama-model.cpp).
    /// </remarks>
    private static void AddGemma3(JsonObject json, ArchitectureKeys keys, long headWidth)
    {
        var (width, heads, layers) = (keys.Size("embedding_length"), keys.Size("attention.head_count"), keys.Size("block_count"));
        json["query_pre_attn_scalar"] = layers == 62 ? width / heads : headWidth;
        json["sliding_window"] = keys.Size("attention.sliding_window");
        json["rope_local_base_freq"] = keys.Number("rope.freq_base_swa", 10000);
        json["rope_theta"] = keys.Number("rope.freq_base", 1000000);
    }

    private static JsonObject Gpt2(GgufFile file, ArchitectureKeys keys) => new()
    {
        ["model_type"] = "gpt2",
        ["n_embd"] = keys.Size("embedding_length"),
        ["n_layer"] = keys.Size("block_count"),
        ["n_head"] = keys.Size("attention.head_count"),
        ["n_positions"] = keys.Size("context_length"),
        ["n_inner"] = keys.Size("feed_forward_length"),
        ["layer_norm_epsilon"] = keys.Number("attention.layer_norm_epsilon"),
        ["activation_function"] = "gelu_new",
        ["vocab_size"] = Rows(file, "token_embd.weight"),
        ["tie_word_embeddings"] = IsTied(file),
    };

    private static bool IsTied(GgufFile file) => !file.Tensors.ContainsKey("output.weight");

    private static long Rows(GgufFile file, string name)
        => file.Tensors.TryGetValue(name, out var tensor) && tensor.Shape.Count == 2
            ? tensor.Shape[0]
            : throw new VitrineException($"{file.Path}: lacks the matrix '{name}'.");

    private static void RequireWholeHeads(GgufFile file, ArchitectureKeys keys, long headWidth)
    {
        foreach (var key in (string[])["rope.dimension_count", "attention.value_length"])
        {
            if (keys.Size(key, headWidth) is var size && size != headWidth)
            {
                throw new VitrineException($"{file.Path}: {keys.Architecture}.{key} is {size}, the head width {headWidth}; heads that differ from it are not "
                    + "known in this architecture.");
            }
        }
    }

    private static void RequireNoExperts(GgufFile file, ArchitectureKeys keys)
    {
        foreach (var key in (string[])["expert_count", "expert_used_count"])
        {
            if (keys.Has(key) && keys.Integer(key) is var count and not 0)
            {
                throw new VitrineException($"{file.Path}: {keys.Architecture}.{key} is {count}; mixtures of experts are not read.");
            }
        }
    }
}
