using System.Globalization;
using Vitrine.Checkpoints;
using Vitrine.Tests.Cli;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Heads;

/// <summary>
/// A transformer of two layers whose weights are set by hand so that it does induction, and nothing else: head 0.0 writes each token's predecessor beside it,
/// head 1.0 looks for the place whose predecessor is the token at hand and says what stands there. All other heads are empty and look everywhere alike.
/// </summary>
/// <remarks>The stream has three parts: the token (V), its position (P), its predecessor (V).</remarks>
internal sealed class InductionModel : IDisposable
{
    public const int Vocabulary = 12, Positions = 24;
    private const int Width = (2 * Vocabulary) + Positions, HeadWidth = Positions, Neurons = 4;
    private const float Sharp = 8, Strong = 4;
    private readonly TemporaryFolder folder = new();

    public InductionModel()
    {
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>
        {
            ["wte.weight"] = cat([eye(Vocabulary), zeros(Vocabulary, Width - Vocabulary)], 1),
            ["wpe.weight"] = cat([zeros(Positions, Vocabulary), eye(Positions), zeros(Positions, Vocabulary)], 1),
            ["ln_f.weight"] = ones(Width),
            ["ln_f.bias"] = zeros(Width),
        };
        for (var layer = 0; layer < 2; layer++)
        {
            var (attention, output) = (zeros(Width, 3 * Width), zeros(Width, Width));
            if (layer == 0)
            {
                for (var p = 0; p < Positions; p++)
                {
                    attention[Vocabulary + p, Math.Max(0, p - 1)] = Sharp;                                 // asks for the position before
                    attention[Vocabulary + p, Width + p] = Sharp;                                          // is asked for by its own
                }

                for (var t = 0; t < Vocabulary; t++)
                {
                    attention[t, (2 * Width) + t] = 1;
                    output[t, Vocabulary + Positions + t] = Strong;                                        // writes the token there as predecessor
                }
            }
            else
            {
                for (var t = 0; t < Vocabulary; t++)
                {
                    attention[t, t] = Sharp;                                                               // asks for its own token ...
                    attention[Vocabulary + Positions + t, Width + t] = Sharp;                              // ... as predecessor
                    attention[t, (2 * Width) + t] = 1;
                    output[t, t] = Strong;                                                                 // says the token there
                }
            }

            var at = string.Create(CultureInfo.InvariantCulture, $"h.{layer}.");
            tensors[$"{at}attn.c_attn.weight"] = attention;
            tensors[$"{at}attn.c_attn.bias"] = zeros(3 * Width);
            tensors[$"{at}attn.c_proj.weight"] = output;
            tensors[$"{at}attn.c_proj.bias"] = zeros(Width);
            foreach (var norm in new[] { "ln_1", "ln_2" })
            {
                tensors[$"{at}{norm}.weight"] = ones(Width);
                tensors[$"{at}{norm}.bias"] = zeros(Width);
            }

            tensors[$"{at}mlp.c_fc.weight"] = zeros(Width, Neurons);
            tensors[$"{at}mlp.c_fc.bias"] = zeros(Neurons);
            tensors[$"{at}mlp.c_proj.weight"] = zeros(Neurons, Width);
            tensors[$"{at}mlp.c_proj.bias"] = zeros(Width);
        }

        using (var writer = SafetensorsWriter.Create(folder["model.safetensors"], [.. tensors.Select(t => TensorPlan.Of(t.Key, t.Value))]))
        {
            foreach (var (name, value) in tensors)
            {
                writer.Write(name, value);
            }

            writer.Finish();
        }

        File.WriteAllText(folder["config.json"], string.Create(CultureInfo.InvariantCulture, $$"""
            {
              "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": {{Vocabulary}}, "n_positions": {{Positions}}, "n_embd": {{Width}},
              "n_layer": 2, "n_head": {{Width / HeadWidth}}, "n_inner": {{Neurons}}, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5
            }
            """));
        Model = TextModel.Open(folder.Path);
    }

    public TextModel Model { get; }

    public void Dispose()
    {
        Model.Dispose();
        folder.Dispose();
    }
}
