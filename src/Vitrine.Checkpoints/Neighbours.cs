namespace Vitrine.Checkpoints;

/// <summary>Tells what a file or folder is that is no model this library opens, and what to open instead.</summary>
internal static class Neighbours
{
    private const string NeverExecuted = "a pickled program is never executed";

    /// <summary>What a file is and what to do; one sentence for an error.</summary>
    /// <param name="path">A file that does not end in .gguf.</param>
    public static string OfFile(string path)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var hasConfig = File.Exists(Path.Combine(folder, "config.json"));
        var name = Path.GetFileName(path);
        return Path.GetExtension(path).ToLowerInvariant() switch
        {
            _ when BeginsAsGguf(path) => "is a GGUF file by its first bytes; give it a name (or a link) that ends in .gguf.",
            ".safetensors" when name.StartsWith("adapter_model", StringComparison.Ordinal)
                => $"is the weights of a PEFT adapter; open its folder, '{folder}', which names the base model.",
            ".safetensors" or ".bin" when hasConfig => $"is a file of weights; open its folder, '{folder}', which says what model they are of.",
            ".safetensors" or ".bin" => "is a file of weights alone; a model is a folder that holds its config.json too.",
            ".onnx" or ".onnx_data" => "is an ONNX graph, which does not name what is inside a model; open the folder that it was exported from.",
            ".pt" or ".pth" or ".ckpt" or ".pkl"
                => $"is a PyTorch file, and {NeverExecuted}; save the model with save_pretrained and open that folder (config.json beside safetensors).",
            ".h5" or ".msgpack" or ".tflite" or ".npz" => "is weights of another framework; open a folder with config.json and safetensors.",
            _ => "is a file, but no .gguf file; expected a model's folder, a .gguf file or ORG/NAME.",
        };
    }

    /// <summary>What a folder without config.json is and what to do; null where nothing is known about it.</summary>
    public static string? OfFolder(string folder)
    {
        bool Has(params string[] parts) => Path.Exists(Path.Combine([folder, .. parts]));
        bool HasFiles(string pattern) => Directory.EnumerateFiles(folder, pattern).Any();
        return !Directory.Exists(folder) ? null
            : Has("meta", "info.json") ? "is a LeRobot dataset and no policy; open the folder of a policy (config.json beside model.safetensors)."
            : Has("pretrained_model", "config.json") ? $"is a training run of LeRobot; its policy is in '{Path.Combine(folder, "pretrained_model")}'."
            : Has("params", "_METADATA") || Has("params", "manifest.ocdbt")
                ? "is a checkpoint of openpi for JAX (params/ as Orbax writes it), which is not read; convert it to PyTorch with openpi's own script."
            : Has("cfg.json") && HasFiles("*.safetensors") ? "is a dictionary of SAELens (cfg.json) and no model; open the model that it was trained on."
            : Has("params.json") && HasFiles("consolidated.*")
                ? "is in the layout of the model's makers (params.json, consolidated.*); open the same model in the layout of transformers (config.json)."
            : Has("model_index.json") ? "is a pipeline of diffusers; its parts are models of their own, in folders inside."
            : HasFiles("*.onnx") ? "holds an ONNX graph, which does not name what is inside a model; open the folder that it was exported from."
            : HasFiles("*.pt") || HasFiles("*.pth") || HasFiles("*.ckpt")
                ? $"holds PyTorch files and no config.json, and {NeverExecuted}; save the model with save_pretrained and open that folder."
            : HasFiles("*.safetensors") ? "holds weights and no config.json, which says what model they are of; put it beside them."
            : null;
    }

    private static bool BeginsAsGguf(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            var start = new byte[4];
            return stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length && start.AsSpan().SequenceEqual("GGUF"u8);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
