using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Benchmarks;

/// <summary>A random model in the shape of GPT-2 small, on disk as users have it.</summary>
internal static class Gpt2Checkpoint
{
    public const int Layers = 12, Width = 768, Neurons = 3072, Heads = 12, HeadWidth = 64, Vocabulary = 50_257, Positions = 1024;

    public const double Epsilon = 1e-5;

    /// <summary>The tensors with their shapes, by name; matrices as [in, out], as GPT-2's files have them.</summary>
    public static IEnumerable<(string Name, long[] Shape)> Tensors()
    {
        yield return ("wte.weight", [Vocabulary, Width]);
        yield return ("wpe.weight", [Positions, Width]);
        for (var layer = 0; layer < Layers; layer++)
        {
            foreach (var (name, shape) in new (string, long[])[]
            {
                ("ln_1.weight", [Width]), ("ln_1.bias", [Width]), ("attn.c_attn.weight", [Width, 3 * Width]), ("attn.c_attn.bias", [3 * Width]),
                ("attn.c_proj.weight", [Width, Width]), ("attn.c_proj.bias", [Width]), ("ln_2.weight", [Width]), ("ln_2.bias", [Width]),
                ("mlp.c_fc.weight", [Width, Neurons]), ("mlp.c_fc.bias", [Neurons]), ("mlp.c_proj.weight", [Neurons, Width]), ("mlp.c_proj.bias", [Width]),
            })
            {
                yield return ($"h.{layer}.{name}", shape);
            }
        }

        yield return ("ln_f.weight", [Width]);
        yield return ("ln_f.bias", [Width]);
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
            {"model_type": "gpt2", "n_embd": {{Width}}, "n_inner": {{Neurons}}, "n_layer": {{Layers}}, "n_head": {{Heads}}, "n_positions": {{Positions}},
             "vocab_size": {{Vocabulary}}, "layer_norm_epsilon": {{Epsilon}}, "activation_function": "gelu_new", "tie_word_embeddings": true}
            """));
        using var generator = new Generator(1, CPU);
        var plans = Tensors().Select(t => new TensorPlan(t.Name, Dtype.F32, t.Shape)).ToArray();
        using var writer = SafetensorsWriter.Create(path, plans);
        foreach (var plan in plans)
        {
            using var scope = NewDisposeScope();
            var values = plan.Name.Contains("ln_", StringComparison.Ordinal) && plan.Name.EndsWith("weight", StringComparison.Ordinal)
                ? ones([.. plan.Shape])
                : randn([.. plan.Shape], generator: generator) * 0.02;
            writer.Write(plan.Name, values);
        }

        writer.Finish();
    }
}
