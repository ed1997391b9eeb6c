using System.Text.RegularExpressions;
using Vitrine.Certification;
using Vitrine.Certification.Models;
using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms;

/// <summary>Models of the fixtures with their feed-forward weights as their file has them, read by names that are written down here.</summary>
internal static partial class OpenedModel
{
    /// <summary>Folders below models/ that hold a whole model.</summary>
    public static TheoryData<string> Names()
    {
        var models = Path.Combine(Fixtures.Root, "models");
        string[] folders = Directory.Exists(models) ? Directory.GetDirectories(models) : [];
        return [.. folders.Where(IsWhole).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];
    }

    /// <summary>How a fixture is opened: the small OpenVLA says its towers' sizes beside its files.</summary>
    public static ModelOptions Options(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        return name == "openvla" ? OpenVlaCertifier.Options(fixture) : ModelOptions.Default;
    }

    public static Model Open(string name, ModelOptions? options = null) => Policy.Catalog.Open(Fixtures.Of("models", name), options ?? Options(name));

    /// <summary>Every stack with neurons.</summary>
    public static IEnumerable<Stack> StacksOf(Model model) => [.. model.Towers, .. model.Decoders];

    /// <summary>The tensor whose columns, or rows in GPT-2, are the value vectors of a layer of a stack.</summary>
    public static string DownName(Checkpoint checkpoint, string stack, int layer)
    {
        var found = checkpoint.Names.Where(n => Down().Match(n) is { Success: true } m && m.Groups["layer"].Value == $"{layer}").ToArray();
        string[] fronts = stack switch
        {
            "dino" => ["vision_backbone.featurizer."],
            "siglip" => ["vision_backbone.fused_featurizer."],
            "language" => ["language_model.", "model.language_model.", "model.text_model.", "model.layers."],
            "vision" => ["vision_model.", "vision_tower.", "model.vision_model.", "visual.", "model.visual."],
            _ => ["text_model."],
        };
        return found.Length == 1 ? found[0] : found.Single(n => fronts.Any(f => n.StartsWith(f, StringComparison.Ordinal)));
    }

    /// <summary>Value vectors (F,d) out of the file.</summary>
    public static Tensor ValueVectors(Checkpoint checkpoint, string stack, int layer)
    {
        using var scope = NewDisposeScope();
        var name = DownName(checkpoint, stack, layer);
        var stored = checkpoint.Read(name).to(float32);
        return (name.EndsWith("c_proj.weight", StringComparison.Ordinal) ? stored : stored.t()).MoveToOuterDisposeScope();
    }

    /// <summary>Copies a fixture into one folder with one neuron's value vector turned round and made longer.</summary>
    public static string CopyWithOneNeuronChanged(string name, string to, string stack, Neuron changed)
    {
        var from = Fixtures.Of("models", name);
        var companions = Directory.GetFiles(from).Where(f => Path.GetExtension(f) is ".json" or ".txt" && !f.EndsWith(".index.json", StringComparison.Ordinal));
        foreach (var file in companions)
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }

        using var checkpoint = Checkpoint.Open(from);
        using var scope = NewDisposeScope();
        var tensors = checkpoint.Names.ToDictionary(n => n, n => checkpoint.Read(n));
        var down = DownName(checkpoint, stack, changed.Layer);
        var copy = tensors[down].clone();
        var vector = copy.select(down.EndsWith("c_proj.weight", StringComparison.Ordinal) ? 0 : 1, changed.Index);
        vector.copy_(vector * -1.5);
        tensors[down] = copy;
        SafetensorsFile.Save(Path.Combine(to, "model.safetensors"), tensors);
        return to;
    }

    private static bool IsWhole(string folder)
        => File.Exists(Path.Combine(folder, "config.json")) && Directory.GetFiles(folder, "model*.safetensors").Length > 0;

    [GeneratedRegex(@"(^|\.)(?<layer>\d+)\.(mlp\.down_proj|mlp\.c_proj|mlp\.dense_4h_to_h|output\.dense|ffn\.lin2|mlp\.fc2|mlp\.linear_fc2)\.weight$")]
    private static partial Regex Down();
}
