using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Tests.Folders;

/// <summary>Writes the two files of a LoRA adapter as peft does, from numbers that a test draws.</summary>
internal sealed class AdapterFiles(int seed)
{
    private readonly Random draw = new(seed);

    /// <summary>adapter_config.json.</summary>
    public JsonObject Config { get; } = new()
    {
        ["peft_type"] = "LORA",
        ["r"] = 3,
        ["lora_alpha"] = 6,
        ["target_modules"] = new JsonArray(),
        ["base_model_name_or_path"] = null,
        ["task_type"] = "CAUSAL_LM",
        ["fan_in_fan_out"] = false,
        ["inference_mode"] = true,
        ["lora_dropout"] = 0.05,
        ["bias"] = "none",
        ["init_lora_weights"] = true,
    };

    /// <summary>Tensors by their names in the file.</summary>
    public Dictionary<string, (long[] Shape, float[] Data)> Tensors { get; } = [];

    /// <summary>Normal numbers.</summary>
    public float[] Draw(long count, double scale = 0.3)
        => [.. Enumerable.Range(0, (int)count)
            .Select(_ => (float)(scale * Math.Sqrt(-2 * Math.Log(1 - draw.NextDouble())) * Math.Cos(2 * Math.PI * draw.NextDouble())))];

    /// <summary>Adapts a module.</summary>
    /// <param name="module">Its path inside the model's class.</param>
    /// <param name="outputs">Rows of B.</param>
    /// <param name="inputs">Columns of A.</param>
    /// <param name="rank">Of both.</param>
    /// <param name="target">What target_modules says; the last part of the path when null.</param>
    /// <returns>B A, [outputs][inputs].</returns>
    public double[,] Adapt(string module, long outputs, long inputs, int rank = 3, string? target = null)
    {
        var (a, b) = (Draw(rank * inputs), Draw(outputs * rank));
        Tensors[$"base_model.model.{module}.lora_A.weight"] = ([rank, inputs], a);
        Tensors[$"base_model.model.{module}.lora_B.weight"] = ([outputs, rank], b);
        Target(target ?? module.Split('.')[^1]);
        return Product(b, a, outputs, rank, inputs);
    }

    /// <summary>Adapts an embedding.</summary>
    /// <returns>B A, [width][vocabulary].</returns>
    public double[,] AdaptEmbedding(string module, long vocabulary, long width, int rank = 3)
    {
        var (a, b) = (Draw(rank * vocabulary), Draw(width * rank));
        Tensors[$"base_model.model.{module}.lora_embedding_A"] = ([rank, vocabulary], a);
        Tensors[$"base_model.model.{module}.lora_embedding_B"] = ([width, rank], b);
        Target(module.Split('.')[^1]);
        return Product(b, a, width, rank, vocabulary);
    }

    public void Target(string module)
    {
        var targets = Config["target_modules"]!.AsArray();
        if (targets.All(t => t!.GetValue<string>() != module))
        {
            targets.Add(module);
        }
    }

    /// <summary>Writes both files.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="asTorch">Whether the weights go into adapter_model.bin, as peft before 0.5 wrote them.</param>
    public void Write(string folder, bool asTorch = false)
    {
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), Config.ToJsonString());
        if (asTorch)
        {
            WriteTorch(Path.Combine(folder, "adapter_model.bin"), Tensors);
            return;
        }

        using var scope = NewDisposeScope();
        SafetensorsFile.Save(Path.Combine(folder, "adapter_model.safetensors"), Tensors.ToDictionary(t => t.Key, t => tensor(t.Value.Data, t.Value.Shape)));
    }

    /// <summary>W + scaling times a change, in double, rounded once.</summary>
    public static Tensor Sum(Tensor weight, double[,] change, double scaling, bool turned = false)
    {
        var (rows, columns) = ((int)weight.shape[0], (int)weight.shape[1]);
        var data = weight.to(float32).contiguous().data<float>().ToArray();
        for (var i = 0; i < data.Length; i++)
        {
            data[i] = (float)(data[i] + (scaling * (turned ? change[i % columns, i / columns] : change[i / columns, i % columns])));
        }

        return tensor(data, [rows, columns]);
    }

    /// <summary>What torch.save writes of a dictionary of float32 tensors: a pickle of protocol 2 in a zip container.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">By name.</param>
    /// <param name="below">A key below which they lie, as trainers save them; null for none.</param>
    public static void WriteTorch(string path, IReadOnlyDictionary<string, (long[] Shape, float[] Data)> tensors, string? below = null)
    {
        using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        using var pickle = new MemoryStream();
        void Say(string text) => pickle.Write(Encoding.Latin1.GetBytes(text));
        void Text(string text)
        {
            pickle.WriteByte((byte)'X');
            pickle.Write(BitConverter.GetBytes(Encoding.UTF8.GetByteCount(text)));
            pickle.Write(Encoding.UTF8.GetBytes(text));
        }

        void Whole(long number)
        {
            pickle.WriteByte((byte)'J');
            pickle.Write(BitConverter.GetBytes((int)number));
        }

        Say("\u0080\u0002}(");
        if (below is not null)
        {
            Text(below);
            Say("}(");
        }

        foreach (var ((name, (shape, data)), i) in tensors.Select((t, i) => (t, i)))
        {
            Text(name);
            Say("ctorch._utils\n_rebuild_tensor_v2\n((");
            Text("storage");
            Say("ctorch\nFloatStorage\n");
            Text($"{i}");
            Text("cpu");
            Whole(data.Length);
            Say("tQ");
            Whole(0);
            Say("(");
            Array.ForEach(shape, Whole);
            Say("t(");
            for (var axis = 0; axis < shape.Length; axis++)
            {
                Whole(shape[(axis + 1)..].Aggregate(1L, (a, s) => a * s));
            }

            Say("t\u0089ccollections\nOrderedDict\n)RtR");
        }

        Say(below is null ? "u." : "uu.");
        Entry("archive/data.pkl", pickle.ToArray());
        foreach (var ((_, (_, data)), i) in tensors.Select((t, i) => (t, i)))
        {
            Entry($"archive/data/{i}", System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(data).ToArray());
        }

        Entry("archive/version", "3\n"u8.ToArray());

        void Entry(string name, byte[] bytes)
        {
            using var stream = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
            stream.Write(bytes);
        }
    }

    private static double[,] Product(float[] b, float[] a, long outputs, int rank, long inputs)
    {
        var product = new double[outputs, inputs];
        for (var o = 0; o < outputs; o++)
        {
            for (var i = 0; i < inputs; i++)
            {
                for (var k = 0; k < rank; k++)
                {
                    product[o, i] += (double)b[(o * rank) + k] * a[(k * inputs) + i];
                }
            }
        }

        return product;
    }
}
