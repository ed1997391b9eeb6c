using System.Text.Json;
using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.OwnFamily;

/// <summary>Writes a <see cref="VelocityPolicy"/> of random weights: two layers of width 32, for tests.</summary>
public static class TinyVelocity
{
    private const int Width = 32, Neurons = 48, Layers = 2, Heads = 4, Vocabulary = 256;
    private const string Unknown = "<unk>";

    /// <summary>Writes config.json, weights, tokenizer and statistics.</summary>
    /// <param name="folder">Where to; made if it is not there.</param>
    /// <param name="words">What instructions may hold; every other word is read as unknown.</param>
    /// <param name="seed">Of the weights.</param>
    public static void Write(string folder, IEnumerable<string> words, int seed = 0)
    {
        Directory.CreateDirectory(folder);
        WriteJson("config.json", new
        {
            model_type = "velocity",
            text_config = new
            {
                model_type = "llama",
                hidden_size = Width,
                intermediate_size = Neurons,
                num_hidden_layers = Layers,
                num_attention_heads = Heads,
                num_key_value_heads = Heads,
                vocab_size = Vocabulary,
            },
        });
        var vocab = words.Prepend(Unknown).Distinct().Take(Vocabulary).Index().ToDictionary(w => w.Item, w => w.Index);
        WriteJson("tokenizer.json", new
        {
            added_tokens = Array.Empty<object>(),
            pre_tokenizer = new { type = "WhitespaceSplit" },
            model = new { type = "WordLevel", unk_token = Unknown, vocab },
        });
        double[] steps = [.1, .1, .1, 0, 0, 0, 1];
        var action = new { q01 = steps.Select(s => -s), q99 = steps, mask = steps.Select((_, d) => d < 6) };
        WriteJson("dataset_statistics.json", new { tabletop = new { action } });
        WriteWeights(Path.Combine(folder, "model.safetensors"), seed);

        void WriteJson(string name, object content) => File.WriteAllText(Path.Combine(folder, name), JsonSerializer.Serialize(content));
    }

    private static void WriteWeights(string path, int seed)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)seed, CPU);
        var weights = new Dictionary<string, Tensor>
        {
            ["eye.weight"] = Matrix(Width, VelocityPolicy.PatchSize * VelocityPolicy.PatchSize * 3),
            ["head.weight"] = Matrix(VelocityPolicy.Names.Length, Width),
            ["language_model.model.embed_tokens.weight"] = Matrix(Vocabulary, Width),
            ["language_model.model.norm.weight"] = ones(Width),
            ["language_model.lm_head.weight"] = Matrix(Vocabulary, Width),
        };
        for (var layer = 0; layer < Layers; layer++)
        {
            var at = $"language_model.model.layers.{layer}";
            weights[$"{at}.input_layernorm.weight"] = weights[$"{at}.post_attention_layernorm.weight"] = ones(Width);
            foreach (var projection in (string[])["q_proj", "k_proj", "v_proj", "o_proj"])
            {
                weights[$"{at}.self_attn.{projection}.weight"] = Matrix(Width, Width);
            }

            weights[$"{at}.mlp.gate_proj.weight"] = Matrix(Neurons, Width);
            weights[$"{at}.mlp.up_proj.weight"] = Matrix(Neurons, Width);
            weights[$"{at}.mlp.down_proj.weight"] = Matrix(Width, Neurons);
        }

        SafetensorsFile.Save(path, weights);

        // Normal, of a size that keeps sums at 1.
        Tensor Matrix(long outputs, long inputs) => randn([outputs, inputs], generator: generator) / tensor(MathF.Sqrt(inputs));
    }
}
