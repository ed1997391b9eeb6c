using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using Vitrine.Studio.Mapping;
using Vitrine.Studio.Models;

namespace Vitrine.Studio.Tests;

/// <summary>A text model of 7B's shape, its weights a file of holes: what is drawn of it must not wait for 13 GB.</summary>
public sealed class LargeModelTests : IDisposable
{
    private const int Layers = 32, Width = 4096, Neurons = 11008, Heads = 32;
    private readonly string folder = Path.Combine(Path.GetTempPath(), $"vitrine-large-{Guid.NewGuid():N}");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void The_map_of_a_7B_shape_is_drawn_without_its_weights_and_a_neuron_s_page_reads_little_of_them()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "files of holes are made where the file system has them by default");
        Write();
        using var open = new OpenModel(folder);
        var before = Environment.WorkingSet;
        var map = ModelReading.Of(open, Opened.At("model", folder), Opened.Place);
        (map.Shape.Layers, map.Shape.Heads, map.Shape.Neurons, map.Shape.Width).ShouldBe((Layers, Heads, Neurons, Width));
        (Environment.WorkingSet - before).ShouldBeLessThan(1L << 30);

        var page = ModelReading.Of(open, Opened.At("model", folder, ("layer", 20), ("neuron", 7000)), Opened.Place);
        page.Neurons[0].Neuron.ShouldBe(new Transformers.Neuron(20, 7000));
        page.Neurons[0].Top.Count.ShouldBe(10);
        (Environment.WorkingSet - before).ShouldBeLessThan(3L << 30);
    }

    private void Write()
    {
        Directory.CreateDirectory(folder);
        foreach (var beside in Directory.EnumerateFiles(Opened.Text).Where(f => Path.GetFileName(f) is { } n && (n.StartsWith("tok", StringComparison.Ordinal)
            || n.StartsWith("special", StringComparison.Ordinal) || n.StartsWith("generation", StringComparison.Ordinal))))
        {
            File.Copy(beside, Path.Combine(folder, Path.GetFileName(beside)));
        }

        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(Opened.Text, "config.json")))!.AsObject();
        const int vocabulary = 32000;
        config["vocab_size"] = vocabulary;
        (config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]) = (Width, Neurons, Layers);
        (config["num_attention_heads"], config["num_key_value_heads"]) = (Heads, Heads);
        (config["head_dim"], config["tie_word_embeddings"]) = (Width / Heads, false);
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        List<(string Name, int[] Shape)> tensors =
            [("model.embed_tokens.weight", [vocabulary, Width]), ("model.norm.weight", [Width]), ("lm_head.weight", [vocabulary, Width])];
        for (var l = 0; l < Layers; l++)
        {
            tensors.AddRange(new[] { "q", "k", "v", "o" }.Select(p => ($"model.layers.{l}.self_attn.{p}_proj.weight", new[] { Width, Width })));
            tensors.AddRange(new[] { "gate", "up" }.Select(p => ($"model.layers.{l}.mlp.{p}_proj.weight", new[] { Neurons, Width })));
            tensors.Add(($"model.layers.{l}.mlp.down_proj.weight", [Width, Neurons]));
            tensors.AddRange(new[] { "input", "post_attention" }.Select(p => ($"model.layers.{l}.{p}_layernorm.weight", new[] { Width })));
        }

        var (header, end) = (new JsonObject(), 0L);
        foreach (var (name, shape) in tensors)
        {
            var bytes = shape.Aggregate(2L, (a, s) => a * s);
            header[name] = new JsonObject
            {
                ["dtype"] = "BF16",
                ["shape"] = new JsonArray([.. shape.Select(s => JsonValue.Create(s))]),
                ["data_offsets"] = new JsonArray(end, end + bytes),
            };
            end += bytes;
        }

        var text = Encoding.UTF8.GetBytes(header.ToJsonString());
        text = [.. text, .. Enumerable.Repeat((byte)' ', (8 - (text.Length % 8)) % 8)];
        using var file = File.Create(Path.Combine(folder, "model.safetensors"));
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        file.Write(length);
        file.Write(text);
        file.SetLength(8 + text.Length + end);
    }
}
