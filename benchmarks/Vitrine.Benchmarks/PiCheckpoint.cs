using System.Text.Json.Nodes;

namespace Vitrine.Benchmarks;

/// <summary>
/// A folder with every tensor name and shape of pi0 or pi0.5 in bfloat16 (PaliGemma 3B and an expert of 300 million numbers) and none of the numbers.
/// </summary>
internal static class PiCheckpoint
{
    private const int Text = 2048, Expert = 1024, Queries = 2048, Keys = 256, Layers = 18, Vision = 1152, Towers = 27, Vocabulary = 257_152, Actions = 32;
    private const string Model = "model.paligemma_with_expert.";

    /// <summary>Writes it; the small files are those of a policy in the same layout, with these sizes put in.</summary>
    public static void Write(string folder, string like, bool isAdaptive)
    {
        SmolVlaCheckpoint.CopySmall(folder, like);
        SmolVlaCheckpoint.Change(Path.Combine(folder, "config.json"), config =>
        {
            (config["chunk_size"], config["n_action_steps"], config["max_state_dim"], config["max_action_dim"]) = (50, 50, Actions, Actions);
            (config["num_inference_steps"], config["image_resolution"]) = (10, new JsonArray(224, 224));
        });
        SmolVlaCheckpoint.Empty(Path.Combine(folder, "model.safetensors"), [.. Tensors(isAdaptive)], "BF16", 2);
    }

    private static IEnumerable<NamedShape> Tensors(bool isAdaptive) =>
    [
        .. OpenVlaSizes.Pair("model.action_in_proj", Expert, Actions),
        .. OpenVlaSizes.Pair("model.action_out_proj", Actions, Expert),
        .. OpenVlaSizes.Pair(isAdaptive ? "model.time_mlp_in" : "model.action_time_mlp_in", Expert, isAdaptive ? Expert : 2 * Expert),
        .. OpenVlaSizes.Pair(isAdaptive ? "model.time_mlp_out" : "model.action_time_mlp_out", Expert, Expert),
        .. isAdaptive ? [] : OpenVlaSizes.Pair("model.state_proj", Expert, Actions),
        new($"{Model}gemma_expert.lm_head.weight", [Vocabulary, Expert]),
        new($"{Model}paligemma.lm_head.weight", [Vocabulary, Text]),
        new($"{Model}paligemma.model.language_model.norm.weight", [Text]),
        .. OpenVlaSizes.Pair($"{Model}paligemma.model.multi_modal_projector.linear", Text, Vision),
        .. Norm($"{Model}gemma_expert.model.norm", Expert, isAdaptive),
        .. Enumerable.Range(0, Layers).SelectMany(l => Gemma($"{Model}gemma_expert.model.layers.{l}", Expert, 4096, isAdaptive)),
        .. Enumerable.Range(0, Layers).SelectMany(l => Gemma($"{Model}paligemma.model.language_model.layers.{l}", Text, 16_384, isAdaptive: false)),
        .. SmolVlaCheckpoint.Tower($"{Model}paligemma.model.vision_tower.vision_model", Vision, 4304, Towers, patches: 256, patchSize: 14),
    ];

    private static IEnumerable<NamedShape> Norm(string at, long width, bool isAdaptive)
        => isAdaptive ? OpenVlaSizes.Pair($"{at}.dense", 3 * width, width) : [new($"{at}.weight", [width])];

    private static IEnumerable<NamedShape> Gemma(string at, long width, long neurons, bool isAdaptive) =>
    [
        .. Norm($"{at}.input_layernorm", width, isAdaptive),
        .. Norm($"{at}.post_attention_layernorm", width, isAdaptive),
        new($"{at}.self_attn.q_proj.weight", [Queries, width]),
        new($"{at}.self_attn.k_proj.weight", [Keys, width]),
        new($"{at}.self_attn.v_proj.weight", [Keys, width]),
        new($"{at}.self_attn.o_proj.weight", [width, Queries]),
        new($"{at}.mlp.gate_proj.weight", [neurons, width]),
        new($"{at}.mlp.up_proj.weight", [neurons, width]),
        new($"{at}.mlp.down_proj.weight", [width, neurons]),
    ];
}
