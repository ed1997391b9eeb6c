using Vitrine.Checkpoints;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Circuits;

/// <summary>Small transformers whose weights are set by hand, so that what they do is known.</summary>
internal static class HandSetModels
{
    public const int Words = 8;

    private const int Places = 8, Width = (2 * Words) + Places, Heads = 2, HeadWidth = Width / Heads;

    /// <summary>
    /// Two layers of two heads that continue a pattern: head 0.0 copies the word before, head 1.1 looks for the place whose word before is the present word and
    /// says the word that stands there. The other heads and the feed-forwards write nothing.
    /// </summary>
    /// <param name="folder">Written into.</param>
    /// <param name="sharpness">Of both heads' attention.</param>
    public static TextModel Induction(string folder, double sharpness)
    {
        var tensors = Gpt2Zeros();

        // The stream: the word, its place, the word before.
        Tensor word = Unit(0, Words), place = Unit(Words, Places), before = Unit(Words + Places, Words);
        tensors["wte.weight"] = word;
        tensors["wpe.weight"] = place;

        // Columns of c_attn: queries, keys, values; head h has HeadWidth of each.
        Head(tensors, layer: 0, head: 0,
            query: Shifted(place, sharpness), key: place, value: word, output: before);
        Head(tensors, layer: 1, head: 1,
            query: word * sharpness, key: before, value: word, output: word * 4);
        Write(folder, tensors, $$"""
            {"model_type": "gpt2", "n_embd": {{Width}}, "n_inner": 4, "n_layer": 2, "n_head": {{Heads}}, "n_positions": {{Places}}, "vocab_size": {{Words}},
             "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new", "tie_word_embeddings": true}
            """);
        return TextModel.Open(folder, new ModelOptions { Dtype = ScalarType.Float64 });
    }

    /// <summary>
    /// A model that is linear in its words: every token attends to all before it alike, feed-forwards write nothing, norms divide by a constant.
    /// </summary>
    public static TextModel Linear(string folder)
    {
        const int width = 12, layers = 3, vocabulary = 20;
        using var generator = new Generator(5, CPU);
        Tensor Random(params long[] shape) => randn(shape, generator: generator) * .3;
        var tensors = new Dictionary<string, Tensor>
        {
            ["model.embed_tokens.weight"] = Random(vocabulary, width),
            ["model.norm.weight"] = ones(width) * 1e4,
            ["lm_head.weight"] = Random(vocabulary, width),
        };
        for (var layer = 0; layer < layers; layer++)
        {
            var at = $"model.layers.{layer}";
            tensors[$"{at}.input_layernorm.weight"] = ones(width) * 1e4;
            tensors[$"{at}.post_attention_layernorm.weight"] = ones(width) * 1e4;
            tensors[$"{at}.self_attn.q_proj.weight"] = zeros(width, width);
            tensors[$"{at}.self_attn.k_proj.weight"] = zeros(4, width);
            tensors[$"{at}.self_attn.v_proj.weight"] = Random(4, width);
            tensors[$"{at}.self_attn.o_proj.weight"] = Random(width, width);
            tensors[$"{at}.mlp.gate_proj.weight"] = zeros(6, width);
            tensors[$"{at}.mlp.up_proj.weight"] = zeros(6, width);
            tensors[$"{at}.mlp.down_proj.weight"] = zeros(width, 6);
        }

        Write(folder, tensors, $$"""
            {"model_type": "llama", "hidden_size": {{width}}, "intermediate_size": 6, "num_hidden_layers": {{layers}}, "num_attention_heads": 3,
             "num_key_value_heads": 1, "head_dim": 4, "vocab_size": {{vocabulary}}, "rms_norm_eps": 1e8, "rope_theta": 10000.0,
             "max_position_embeddings": 64, "hidden_act": "silu", "tie_word_embeddings": false}
            """);
        return TextModel.Open(folder, new ModelOptions { Dtype = ScalarType.Float64 });
    }

    /// <summary>(n,d): row i is coordinate <paramref name="first"/> + i.</summary>
    private static Tensor Unit(int first, int count) => eye(Width).narrow(0, first, count);

    /// <summary>Row i is what row i + 1 was: a place asks for the one before it.</summary>
    private static Tensor Shifted(Tensor places, double times) => cat([places.narrow(0, 1, Places - 1), zeros(1, Width)], 0) * times;

    /// <summary>Each (n,d): coordinate i of the head reads, or writes, row i.</summary>
    private static void Head(Dictionary<string, Tensor> tensors, int layer, int head, Tensor query, Tensor key, Tensor value, Tensor output)
    {
        var (joined, projection) = (tensors[$"h.{layer}.attn.c_attn.weight"], tensors[$"h.{layer}.attn.c_proj.weight"]);
        foreach (var (part, rows) in new[] { query, key, value }.Index())
        {
            joined.narrow(1, (part * Width) + (head * HeadWidth), rows.shape[0]).copy_(rows.t());
        }

        projection.narrow(0, head * HeadWidth, output.shape[0]).copy_(output);
    }

    private static Dictionary<string, Tensor> Gpt2Zeros()
    {
        var tensors = new Dictionary<string, Tensor> { ["ln_f.weight"] = ones(Width), ["ln_f.bias"] = zeros(Width) };
        for (var layer = 0; layer < 2; layer++)
        {
            foreach (var (name, shape) in new (string, long[])[]
            {
                ("attn.c_attn.weight", [Width, 3 * Width]), ("attn.c_attn.bias", [3 * Width]), ("attn.c_proj.weight", [Width, Width]),
                ("attn.c_proj.bias", [Width]), ("mlp.c_fc.weight", [Width, 4]), ("mlp.c_fc.bias", [4]), ("mlp.c_proj.weight", [4, Width]),
                ("mlp.c_proj.bias", [Width]), ("ln_1.bias", [Width]), ("ln_2.bias", [Width]),
            })
            {
                tensors[$"h.{layer}.{name}"] = zeros(shape);
            }

            tensors[$"h.{layer}.ln_1.weight"] = ones(Width);
            tensors[$"h.{layer}.ln_2.weight"] = ones(Width);
        }

        return tensors;
    }

    private static void Write(string folder, Dictionary<string, Tensor> tensors, string config)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), config);
        using var writer = SafetensorsWriter.Create(
            Path.Combine(folder, "model.safetensors"), [.. tensors.Select(t => new TensorPlan(t.Key, Dtype.F32, t.Value.shape))]);
        foreach (var (name, tensor) in tensors)
        {
            writer.Write(name, tensor.contiguous());
        }

        writer.Finish();
    }
}
