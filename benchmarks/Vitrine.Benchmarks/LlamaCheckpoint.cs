using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Benchmarks;

/// <summary>A random Llama in the shape of SmolLM2-135M, on disk as users have it.</summary>
internal static class LlamaCheckpoint
{
    public const int Layers = 30, Width = 576, Neurons = 1536, Heads = 9, KeyValueHeads = 3, HeadWidth = 64, Vocabulary = 49_152;

    public const double Epsilon = 1e-5, Theta = 100_000;

    /// <summary>The tensors with their shapes, by name.</summary>
    public static IEnumerable<(string Name, long[] Shape)> Tensors()
    {
        yield return ("model.embed_tokens.weight", [Vocabulary, Width]);
        for (var layer = 0; layer < Layers; layer++)
        {
            var at = $"model.layers.{layer}";
            yield return ($"{at}.input_layernorm.weight", [Width]);
            yield return ($"{at}.post_attention_layernorm.weight", [Width]);
            yield return ($"{at}.self_attn.q_proj.weight", [Heads * HeadWidth, Width]);
            yield return ($"{at}.self_attn.k_proj.weight", [KeyValueHeads * HeadWidth, Width]);
            yield return ($"{at}.self_attn.v_proj.weight", [KeyValueHeads * HeadWidth, Width]);
            yield return ($"{at}.self_attn.o_proj.weight", [Width, Heads * HeadWidth]);
            yield return ($"{at}.mlp.gate_proj.weight", [Neurons, Width]);
            yield return ($"{at}.mlp.up_proj.weight", [Neurons, Width]);
            yield return ($"{at}.mlp.down_proj.weight", [Width, Neurons]);
        }

        yield return ("model.norm.weight", [Width]);
    }

    /// <summary>Writes it once; a folder that has it stays as it is.</summary>
    public static void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, "model.safetensors");
        if (File.Exists(path))
        {
            return;
        }

        File.WriteAllText(Path.Combine(folder, "config.json"), FormattableString.Invariant(
            $$"""
            {"model_type": "llama", "hidden_size": {{Width}}, "intermediate_size": {{Neurons}}, "num_hidden_layers": {{Layers}},
             "num_attention_heads": {{Heads}},
             "num_key_value_heads": {{KeyValueHeads}}, "vocab_size": {{Vocabulary}}, "rms_norm_eps": {{Epsilon}},
             "rope_theta": {{Theta}}, "tie_word_embeddings": true}
            """));
        using var generator = new Generator(1, CPU);
        var plans = Tensors().Select(t => new TensorPlan(t.Name, Dtype.F32, t.Shape)).ToArray();
        using var writer = SafetensorsWriter.Create(path, plans);
        foreach (var plan in plans)
        {
            using var scope = NewDisposeScope();
            var values = plan.Name.EndsWith("norm.weight", StringComparison.Ordinal)
                ? ones([.. plan.Shape])
                : randn([.. plan.Shape], generator: generator) * 0.02;
            writer.Write(plan.Name, values);
        }

        writer.Finish();
    }
}
