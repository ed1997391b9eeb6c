using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Vitrine.Benchmarks;

/// <summary>
/// Writes OpenVLA checkpoints of any size in the published layout: bfloat16 shards with an index, configuration, processor and tokenizer files.
/// </summary>
internal static class OpenVlaCheckpoint
{
    private const long ShardBytes = 7_000_000_000;
    private const int BlockNumbers = (1 << 24) - 3;                                                        // no tensor begins where another did

    /// <summary>Writes shards and their index.</summary>
    /// <param name="folder">Made where there is none.</param>
    /// <param name="sizes">Which tensors.</param>
    /// <param name="random">Random numbers; otherwise zeros that take no room on the disk.</param>
    /// <remarks>
    /// Random numbers are normal with deviation 0.02, one block of 16.8 million repeated; gains are one. Files of zeros are only as long as they should be
    /// (sparse), and ready at once.
    /// </remarks>
    public static void Write(string folder, OpenVlaSizes sizes, bool random)
    {
        Directory.CreateDirectory(folder);
        var shards = new List<List<NamedShape>> { new() };
        foreach (var tensor in sizes.Tensors())
        {
            if (shards[^1].Count > 0 && shards[^1].Sum(t => 2 * t.Count) + (2 * tensor.Count) > ShardBytes)
            {
                shards.Add([]);
            }

            shards[^1].Add(tensor);
        }

        var numbers = random ? Block() : null;
        var map = new JsonObject();
        for (var i = 0; i < shards.Count; i++)
        {
            var name = $"model-{i + 1:00000}-of-{shards.Count:00000}.safetensors";
            WriteShard(Path.Combine(folder, name), shards[i], numbers);
            shards[i].ForEach(t => map[t.Name] = name);
        }

        var total = shards.SelectMany(s => s).Sum(t => 2 * t.Count);
        File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"),
            new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = total }, ["weight_map"] = map }.ToJsonString());
    }

    /// <summary>Writes the other files: those of a checkpoint in the same layout, with these sizes put in.</summary>
    /// <param name="folder">The new one.</param>
    /// <param name="like">A small checkpoint; its tokenizer is kept, so that no vocabulary needs to be at hand.</param>
    /// <param name="sizes">The new sizes.</param>
    public static void WriteConfiguration(string folder, string like, OpenVlaSizes sizes)
    {
        foreach (var file in Directory.GetFiles(like, "*.json").Where(f => Path.GetFileName(f) is not ("meta.json" or "model.safetensors.index.json")))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        }

        var config = Json(like, "config.json");
        var side = (int)Math.Sqrt(sizes.Dino.Patches) * sizes.Dino.PatchSize;
        config["image_sizes"] = new JsonArray(side, side);
        config["torch_dtype"] = "bfloat16";
        config["text_config"] = new JsonObject
        {
            ["model_type"] = "llama",
            ["hidden_size"] = sizes.Width,
            ["intermediate_size"] = sizes.Neurons,
            ["num_hidden_layers"] = sizes.Layers,
            ["num_attention_heads"] = sizes.Width / 128,
            ["num_key_value_heads"] = sizes.Width / 128,
            ["vocab_size"] = sizes.Vocabulary,
            ["pad_token_id"] = sizes.Vocabulary - 64,
            ["torch_dtype"] = "bfloat16",
        };
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        var processor = Json(like, "preprocessor_config.json");
        processor["input_sizes"] = new JsonArray(new JsonArray(3, side, side), new JsonArray(3, side, side));
        foreach (var (key, size) in new[] { ("tvf_resize_params", "size"), ("tvf_crop_params", "output_size") })
        {
            foreach (var tower in processor[key]!.AsArray())
            {
                tower![size] = new JsonArray(side, side);
            }
        }

        File.WriteAllText(Path.Combine(folder, "preprocessor_config.json"), processor.ToJsonString());
    }

    private static JsonNode Json(string folder, string file)
        => JsonNode.Parse(File.ReadAllText(Path.Combine(folder, file))) ?? throw new VitrineException($"{folder}: {file} is empty.");

    /// <summary>Writes one file of tensors in bfloat16: random numbers as <see cref="Write"/> makes them, or zeros that take no room.</summary>
    internal static void WriteFile(string path, List<NamedShape> tensors, bool random) => WriteShard(path, tensors, random ? Block() : null);

    private static void WriteShard(string path, List<NamedShape> tensors, byte[]? numbers)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write);
        var header = Header(tensors);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        file.Write(length);
        file.Write(header);
        if (numbers is null)
        {
            file.SetLength(file.Position + tensors.Sum(t => 2 * t.Count));
            return;
        }

        var at = 0;
        foreach (var tensor in tensors)
        {
            if (tensor.Shape.Count == 1 && tensor.Name.Contains("norm", StringComparison.Ordinal) && tensor.Name.EndsWith(".weight", StringComparison.Ordinal))
            {
                file.Write(MemoryMarshal.AsBytes(Enumerable.Repeat((ushort)0x3F80, (int)tensor.Count).ToArray()));  // 1 in bfloat16
                continue;
            }

            for (var left = 2 * tensor.Count; left > 0;)
            {
                var count = (int)Math.Min(left, numbers.Length - at);
                file.Write(numbers, at, count);
                (left, at) = (left - count, (at + count) % numbers.Length);
            }
        }
    }

    internal static byte[] Header(List<NamedShape> tensors, string dtype = "BF16", int size = 2)
    {
        var root = new JsonObject();
        var offset = 0L;
        foreach (var tensor in tensors)
        {
            root[tensor.Name] = new JsonObject
            {
                ["dtype"] = dtype,
                ["shape"] = new JsonArray([.. tensor.Shape.Select(s => (JsonNode)s)]),
                ["data_offsets"] = new JsonArray(offset, offset + (size * tensor.Count)),
            };
            offset += size * tensor.Count;
        }

        var json = root.ToJsonString(new JsonSerializerOptions { WriteIndented = false });
        return Encoding.UTF8.GetBytes(json.PadRight((json.Length + 15) / 8 * 8));                          // data begin at a multiple of 8
    }

    private static byte[] Block()
    {
        using var generator = new TorchSharp.torch.Generator(1, TorchSharp.torch.CPU);
        using var normal = TorchSharp.torch.randn([BlockNumbers], generator: generator);
        var bytes = new byte[2 * BlockNumbers];
        var from = normal.data<float>().ToArray();
        var to = MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan());
        for (var i = 0; i < from.Length; i++)
        {
            to[i] = (ushort)(BitConverter.SingleToUInt32Bits(0.02f * from[i]) >> 16);
        }

        return bytes;
    }
}
