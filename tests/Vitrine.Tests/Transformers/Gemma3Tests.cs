using System.Text.Json.Nodes;
using Vitrine.Checkpoints;
using Vitrine.Tests.Checkpoints;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers;

/// <summary>
/// Gemma 3's text against the formulas of transformers' modeling_gemma3.py, written out here in float64 by whole tensors, without the engine: norms (1 + w)
/// around both sub-layers, of each head's query and key; scores over the root of query_pre_attn_scalar; a window in all blocks but every n-th; two rotary
/// bases, the one of the blocks without a window stretched.
/// </summary>
public sealed class Gemma3Tests : IDisposable
{
    private const int Width = 24, Heads = 4, KeyValueHeads = 2, HeadWidth = 8, Neurons = 40, Vocabulary = 50, Window = 3;
    private static readonly int[] Ids = [2, 17, 5, 44, 9, 9, 31, 0, 23];
    private readonly Cli.TemporaryFolder folder = new();

    [Theory]
    [InlineData(7, 6, 8, 1, false)]
    [InlineData(7, 6, 8, 1, true)]
    [InlineData(4, 2, 12, 8, false)]
    [InlineData(4, 2, 12, 8, true)]
    public void Logits_are_those_of_the_formulas(int layers, int every, int scalar, double factor, bool newSpelling)
    {
        var weights = Weights(layers);
        Write(Config(layers, every, scalar, factor, newSpelling), weights);
        using var scope = NewDisposeScope();
        using var model = TextModel.Open(folder.Path);
        model.Language.Specs.Select(s => s.Attention.Window).ShouldBe(
            [.. Enumerable.Range(0, layers).Select(l => (l + 1) % every == 0 ? (int?)null : Window)]);
        using var run = model.Run(TokenBatch.Of(Ids));
        run.Logits.ShouldBeClose(Logits(weights, layers, every, scalar, factor).to(float32));
        using var generated = model.Generate(TokenBatch.Of(Ids), 3);
        using var whole = model.Run(TokenBatch.Of([[.. Ids, .. generated.Ids[0].Take(2)]]));
        generated.Run.Logits[0].ShouldBeClose(whole.Logits[0].narrow(0, Ids.Length - 1, 3));
    }

    [Fact]
    public void A_gguf_file_of_it_answers_alike()
    {
        var weights = Weights(layers: 7);
        Write(Config(7, 6, HeadWidth, factor: 1, newSpelling: false), weights);
        using var original = TextModel.Open(folder.Path);
        using (var checkpoint = Checkpoint.Open(folder.Path))
        {
            File.WriteAllBytes(folder["model.gguf"], GgufModelTests.Convert(folder.Path, checkpoint));
        }

        using var model = TextModel.Open(folder["model.gguf"]);
        using var expected = original.Run(TokenBatch.Of(Ids));
        using var found = model.Run(TokenBatch.Of(Ids));
        found.Logits.ShouldBeClose(expected.Logits);
    }

    [Theory]
    [InlineData("use_bidirectional_attention", "true")]
    [InlineData("attention_temperature", "2")]
    public void A_key_that_is_not_computed_is_refused_by_name(string key, string value)
    {
        var config = Config(2, 2, 8, 1, newSpelling: false);
        config[key] = JsonNode.Parse(value);
        Write(config, Weights(2));
        Should.Throw<VitrineException>(() => TextModel.Open(folder.Path)).Message.ShouldContain(key);
    }

    public void Dispose() => folder.Dispose();

    /// <summary>Writes such a model of both kinds of blocks into a folder.</summary>
    internal static void Save(string folder) => Write(folder, Config(layers: 4, every: 2, scalar: 12, factor: 8, newSpelling: false), Weights(layers: 4));

    private static JsonObject Config(int layers, int every, int scalar, double factor, bool newSpelling)
    {
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray("Gemma3ForCausalLM"),
            ["model_type"] = "gemma3_text",
            ["hidden_size"] = Width,
            ["num_hidden_layers"] = layers,
            ["num_attention_heads"] = Heads,
            ["num_key_value_heads"] = KeyValueHeads,
            ["head_dim"] = HeadWidth,
            ["intermediate_size"] = Neurons,
            ["vocab_size"] = Vocabulary,
            ["hidden_activation"] = "gelu_pytorch_tanh",
            ["query_pre_attn_scalar"] = scalar,
            ["rms_norm_eps"] = 1e-6,
            ["sliding_window"] = Window,
            ["max_position_embeddings"] = 128,
        };
        if (newSpelling)
        {
            config["layer_types"] = new JsonArray([.. Enumerable.Range(0, layers)
                .Select(l => JsonValue.Create((l + 1) % every == 0 ? "full_attention" : "sliding_attention"))]);
            config["rope_parameters"] = new JsonObject
            {
                ["full_attention"] = factor == 1
                    ? new JsonObject { ["rope_type"] = "default", ["rope_theta"] = 1e6 }
                    : new JsonObject { ["rope_type"] = "linear", ["rope_theta"] = 1e6, ["factor"] = factor },
                ["sliding_attention"] = new JsonObject { ["rope_type"] = "default", ["rope_theta"] = 1e4 },
            };
        }
        else
        {
            (config["sliding_window_pattern"], config["rope_theta"], config["rope_local_base_freq"]) = (every, 1e6, 1e4);
            config["rope_scaling"] = factor == 1 ? null : new JsonObject { ["rope_type"] = "linear", ["factor"] = factor };
        }

        return config;
    }

    private static Dictionary<string, Tensor> Weights(int layers)
    {
        using var generator = new Generator(3, CPU);
        Tensor Random(double size, params long[] shape) => randn(shape, float32, generator: generator) * size;
        var weights = new Dictionary<string, Tensor>
        {
            ["model.embed_tokens.weight"] = Random(0.3, Vocabulary, Width),
            ["model.norm.weight"] = Random(0.2, Width),
        };
        for (var layer = 0; layer < layers; layer++)
        {
            var at = $"model.layers.{layer}.";
            foreach (var norm in (string[])["input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"])
            {
                weights[$"{at}{norm}.weight"] = Random(0.2, Width);
            }

            foreach (var (name, rows, columns) in ((string, int, int)[])
            [
                ("self_attn.q_proj", Heads * HeadWidth, Width), ("self_attn.k_proj", KeyValueHeads * HeadWidth, Width),
                ("self_attn.v_proj", KeyValueHeads * HeadWidth, Width), ("self_attn.o_proj", Width, Heads * HeadWidth),
                ("mlp.gate_proj", Neurons, Width), ("mlp.up_proj", Neurons, Width), ("mlp.down_proj", Width, Neurons),
            ])
            {
                weights[$"{at}{name}.weight"] = Random(0.3, rows, columns);
            }

            weights[$"{at}self_attn.q_norm.weight"] = Random(0.2, HeadWidth);
            weights[$"{at}self_attn.k_norm.weight"] = Random(0.2, HeadWidth);
        }

        return weights;
    }

    private static Tensor Logits(Dictionary<string, Tensor> stored, int layers, int every, int scalar, double factor)
    {
        var w = stored.ToDictionary(p => p.Key, p => p.Value.to(float64));
        var table = w["model.embed_tokens.weight"];
        var x = table[tensor(Ids)] * Math.Sqrt(Width);                                                     // (T, d)
        for (var layer = 0; layer < layers; layer++)
        {
            var (at, isWhole) = ($"model.layers.{layer}.", (layer + 1) % every == 0);
            var h = Normed(x, w[$"{at}input_layernorm.weight"]);
            var (q, k, v) = (Split(h, "q_proj", Heads), Split(h, "k_proj", KeyValueHeads), Split(h, "v_proj", KeyValueHeads));       // (H, T, hd)
            q = Turned(Normed(q, w[$"{at}self_attn.q_norm.weight"]), isWhole ? 1e6 : 1e4, isWhole ? factor : 1);
            k = Turned(Normed(k, w[$"{at}self_attn.k_norm.weight"]), isWhole ? 1e6 : 1e4, isWhole ? factor : 1);
            (k, v) = (k.repeat_interleave(Heads / KeyValueHeads, 0), v.repeat_interleave(Heads / KeyValueHeads, 0));
            var scores = q.matmul(k.transpose(1, 2)) * Math.Pow(scalar, -0.5);
            var attended = (scores + Mask(isWhole)).softmax(-1).matmul(v).transpose(0, 1).reshape(Ids.Length, Heads * HeadWidth);
            x = x + Normed(attended.matmul(w[$"{at}self_attn.o_proj.weight"].t()), w[$"{at}post_attention_layernorm.weight"]);
            h = Normed(x, w[$"{at}pre_feedforward_layernorm.weight"]);
            var fed = Gelu(h.matmul(w[$"{at}mlp.gate_proj.weight"].t())) * h.matmul(w[$"{at}mlp.up_proj.weight"].t());
            x = x + Normed(fed.matmul(w[$"{at}mlp.down_proj.weight"].t()), w[$"{at}post_feedforward_layernorm.weight"]);

            Tensor Split(Tensor of, string name, int heads)
                => of.matmul(w[$"{at}self_attn.{name}.weight"].t()).view(Ids.Length, heads, HeadWidth).transpose(0, 1);
        }

        return Normed(x, w["model.norm.weight"]).matmul(table.t()).unsqueeze(0);
    }

    private static Tensor Normed(Tensor x, Tensor w) => x / ((x * x).mean([-1], keepdim: true) + 1e-6).sqrt() * (w + 1);

    private static Tensor Gelu(Tensor x) => 0.5 * x * (1 + (Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))).tanh());

    /// <summary>(a, b) on the halves of each head turn by position x theta^(-2i/hd) / factor.</summary>
    private static Tensor Turned(Tensor x, double theta, double factor)
    {
        var half = HeadWidth / 2;
        var frequencies = tensor(Enumerable.Range(0, half).Select(i => Math.Pow(theta, -2.0 * i / HeadWidth) / factor).ToArray());
        var angles = arange(Ids.Length, float64).unsqueeze(-1) * frequencies;                              // (T, hd/2)
        var (a, b) = (x.narrow(-1, 0, half), x.narrow(-1, half, half));
        return cat([(a * angles.cos()) - (b * angles.sin()), (b * angles.cos()) + (a * angles.sin())], -1);
    }

    private static Tensor Mask(bool isWhole)
    {
        var mask = new double[Ids.Length, Ids.Length];
        for (var i = 0; i < Ids.Length; i++)
        {
            for (var j = 0; j < Ids.Length; j++)
            {
                mask[i, j] = j > i || (!isWhole && j <= i - Window) ? double.NegativeInfinity : 0;
            }
        }

        return tensor(mask);
    }

    private void Write(JsonObject config, Dictionary<string, Tensor> weights) => Write(folder.Path, config, weights);

    private static void Write(string folder, JsonObject config, Dictionary<string, Tensor> weights)
    {
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        SafetensorsFile.Save(Path.Combine(folder, "model.safetensors"), weights, new Dictionary<string, string>());
    }
}
