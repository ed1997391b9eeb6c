using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Vitrine.Checkpoints;

namespace Vitrine.Benchmarks;

/// <summary>A folder with every tensor name and shape of the published pi0 or pi0.5 (PaliGemma of 2B, expert of 300M), in bfloat16.</summary>
internal static partial class PiCheckpoint
{
    private const long Language = 2048, LanguageNeurons = 16_384, Expert = 1024, ExpertNeurons = 4096, Vision = 1152, VisionNeurons = 4304;
    private const long Queries = 2048, Keys = 256, Vocabulary = 257_152, Actions = 32, Positions = 256;
    private const int Layers = 18, Towers = 27;

    /// <summary>Writes it; names and small files are those of a policy in the same layout, with these sizes put in.</summary>
    /// <param name="folder">Made where there is none.</param>
    /// <param name="like">A small pi0 or pi0.5.</param>
    /// <param name="random">Random numbers; otherwise zeros that take no room on the disk.</param>
    /// <returns>How many tensors, and how many numbers.</returns>
    public static (int Tensors, long Numbers) Write(string folder, string like, bool random)
    {
        SmolVlaCheckpoint.CopySmall(folder, like);
        SmolVlaCheckpoint.Change(Path.Combine(folder, "config.json"), config =>
        {
            (config["chunk_size"], config["n_action_steps"], config["max_state_dim"], config["max_action_dim"]) = (50, 50, Actions, Actions);
            config["num_inference_steps"] = 10;
            config["image_resolution"] = new JsonArray(224, 224);
        });
        using var small = SafetensorsFile.Open(Path.Combine(like, "model.safetensors"));
        var names = small.Tensors.Keys.Select(n => Layer().Replace(n, ".layers.N.", 1)).Distinct().Order(StringComparer.Ordinal);
        NamedShape[] tensors = [.. names.SelectMany(n => Copies(n).Select(name => new NamedShape(name, ShapeOf(n))))];
        OpenVlaCheckpoint.WriteFile(Path.Combine(folder, "model.safetensors"), [.. tensors], random);
        return (tensors.Length, tensors.Sum(t => t.Count));
    }

    private static IEnumerable<string> Copies(string name)
        => name.Contains(".layers.N.")
            ? Enumerable.Range(0, name.Contains("vision_tower") ? Towers : Layers).Select(l => name.Replace(".layers.N.", $".layers.{l}."))
            : [name];

    private static long[] ShapeOf(string name)
    {
        var part = name.Split('.');
        var isBias = part[^1] == "bias";
        if (name.Contains("vision_tower"))
        {
            return part[^2] switch
            {
                "patch_embedding" => isBias ? [Vision] : [Vision, 3, 14, 14],
                "position_embedding" => [Positions, Vision],
                "fc1" => isBias ? [VisionNeurons] : [VisionNeurons, Vision],
                "fc2" => isBias ? [Vision] : [Vision, VisionNeurons],
                "q_proj" or "k_proj" or "v_proj" or "out_proj" when !isBias => [Vision, Vision],
                _ => [Vision],
            };
        }

        var (width, neurons) = name.Contains("gemma_expert") ? (Expert, ExpertNeurons) : (Language, LanguageNeurons);
        return part[^2] switch
        {
            "q_proj" => [Queries, width],
            "k_proj" or "v_proj" => [Keys, width],
            "o_proj" => [width, Queries],
            "gate_proj" or "up_proj" => [neurons, width],
            "down_proj" => [width, neurons],
            "dense" => isBias ? [3 * width] : [3 * width, width],
            "lm_head" or "embed_tokens" => [Vocabulary, width],
            "linear" => isBias ? [Language] : [Language, Vision],
            "action_in_proj" or "state_proj" => isBias ? [Expert] : [Expert, Actions],
            "action_out_proj" => isBias ? [Actions] : [Actions, Expert],
            "action_time_mlp_in" => isBias ? [Expert] : [Expert, 2 * Expert],
            "action_time_mlp_out" or "time_mlp_in" or "time_mlp_out" => isBias ? [Expert] : [Expert, Expert],
            "norm" or "input_layernorm" or "post_attention_layernorm" => [width],
            _ => throw new VitrineException($"{name}: is no tensor of pi0 or pi0.5 that is known here."),
        };
    }

    [GeneratedRegex(@"\.layers\.\d+\.")]
    private static partial Regex Layer();
}
