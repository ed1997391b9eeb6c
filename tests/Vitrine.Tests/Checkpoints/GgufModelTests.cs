using System.Globalization;
using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Checkpoints.Gguf;
using static TorchSharp.torch;

namespace Vitrine.Tests.Checkpoints;

/// <summary>Model fixtures, converted here as llama.cpp's converter does it, must come back from GGUF as they were.</summary>
public sealed class GgufModelTests
{
    [Fact]
    public void An_empty_matrix_has_nothing_to_swap()
    {
        using var empty = zeros(0, 4);
        using var repaired = GgufTensorNames.UndoPermutation(empty, 2);
        repaired.shape.ShouldBe([0, 4]);
    }

    public static TheoryData<string> Convertible()
        => new(Material.ModelFolders()
            .Where(f => ModelType(f) is { } t && (t == "mistral" || GgufConfig.Architectures.Contains(t)) && File.Exists(Path.Combine(f, "model.safetensors")))
            .DefaultIfEmpty(""));

    [Theory, MemberData(nameof(Convertible))]
    public void A_converted_model_has_the_tensors_that_it_was_made_from(string folder)
    {
        Assert.SkipUnless(folder.Length > 0, "the fixtures have no model of an architecture that GGUF files are read of");
        using var place = new Workplace();
        using var original = Checkpoint.Open(folder);
        using var converted = Checkpoint.Open(place.Write("model.gguf", Convert(folder, original)));
        foreach (var name in converted.Names)
        {
            using var scope = NewDisposeScope();
            var expected = original.Read(NameIn(original, name));
            if (ModelType(folder)!.StartsWith("gemma", StringComparison.Ordinal) && name.EndsWith("norm.weight", StringComparison.Ordinal))
            {
                expected = tensor(expected.data<float>().ToArray().Select(w => (1 + w) - 1).ToArray()); // Rounded once on the way.
            }

            var actual = converted.Read(name);
            actual.ShouldEqualBitByBit(expected, name);
            actual.is_contiguous().ShouldBeTrue(name);
            converted.Entry(name).Shape.ShouldBe(expected.shape);
        }

        original.Names.Where(n => !n.EndsWith(".attn.bias", StringComparison.Ordinal) && !n.EndsWith(".attn.masked_bias", StringComparison.Ordinal))
            .ShouldBe(converted.Names.Select(n => NameIn(original, n)), ignoreOrder: true);
    }

    [Theory, MemberData(nameof(Convertible))]
    public void A_converted_model_has_the_configuration_that_it_was_made_from(string folder)
    {
        Assert.SkipUnless(folder.Length > 0, "the fixtures have no model of an architecture that GGUF files are read of");
        using var place = new Workplace();
        using var original = Checkpoint.Open(folder);
        using var file = GgufFile.Open(place.Write("model.gguf", Convert(folder, original)));
        var config = Config(folder);
        var derived = GgufConfig.ToConfigJson(file);
        foreach (var property in derived.EnumerateObject())
        {
            // Of these, a GGUF file says nothing.
            if (config.TryGetProperty(property.Name, out var expected) && property.Name is not ("hidden_act" or "query_pre_attn_scalar"))
            {
                var isSame = property.Value.ValueKind == JsonValueKind.Number
                    ? property.Value.GetDouble() == expected.GetDouble()
                    : property.Value.GetRawText() == expected.GetRawText();
                isSame.ShouldBeTrue($"{property.Name}: {property.Value} against {expected}");
            }
        }

        derived.GetProperty("model_type").GetString().ShouldBe(ModelType(folder));
        derived.GetProperty("tie_word_embeddings").GetBoolean().ShouldBe(!original.Contains("lm_head.weight"));
    }

    [Fact]
    public void Llama_3s_rotary_divisors_become_its_scaling_and_others_are_refused()
    {
        using var place = new Workplace();
        float[] Divisors(double factor, double length) => [.. Enumerable.Range(0, 32).Select(i =>
        {
            var wavelength = 2 * Math.PI * Math.Pow(500000, i / 32.0);
            var smooth = ((length / wavelength) - 1) / 3;
            return (float)(wavelength < length / 4 ? 1 : wavelength > length ? factor : 1 / (((1 - smooth) / factor) + smooth));
        })];
        GgufFile With(float[] divisors) => GgufFile.Open(place.Write("rope.gguf", Llama().Tensor("rope_freqs.weight", [32], 0, Bytes(divisors)).Build()));
        using (var file = With(Divisors(32, 8192)))
        {
            var scaling = GgufConfig.ToConfigJson(file).GetProperty("rope_scaling");
            scaling.GetProperty("rope_type").GetString().ShouldBe("llama3");
            scaling.GetProperty("factor").GetDouble().ShouldBe(32);
            scaling.GetProperty("low_freq_factor").GetDouble().ShouldBe(1);
            scaling.GetProperty("high_freq_factor").GetDouble().ShouldBe(4);
            scaling.GetProperty("original_max_position_embeddings").GetInt64().ShouldBe(8192);
        }

        using var other = With(Divisors(8, 4096));
        Material.Refusal(() => GgufConfig.ToConfigJson(other)).ShouldContain("rope_freqs.weight");
    }

    [Fact]
    public void A_key_that_might_change_numbers_is_refused_by_name()
    {
        using var place = new Workplace();
        foreach (var (key, value) in new (string, object)[] { ("llama.attention.clamp_kqv", 8f), ("llama.expert_count", 8u), ("llama.rope.dimension_count",
            32u), ("llama.rope.scaling.type", "longrope"), ("llama.attention.causal", false) })
        {
            using var file = GgufFile.Open(place.Write("x.gguf", Llama().Meta(key, value).Build()));
            Material.Refusal(() => GgufConfig.ToConfigJson(file)).ShouldContain(key);
        }

        using var linear = GgufFile.Open(
            place.Write("y.gguf", Llama().Meta("llama.rope.scaling.type", "linear").Meta("llama.rope.scaling.factor", 4f).Build()));
        GgufConfig.ToConfigJson(linear).GetProperty("rope_scaling").GetProperty("factor").GetDouble().ShouldBe(4);
    }

    [Fact]
    public void An_unknown_architecture_is_refused_and_an_unknown_tensor_keeps_its_name()
    {
        using var place = new Workplace();
        Material.Refusal(() => Checkpoint.Open(place.Write("x.gguf", new GgufBuilder().Meta("general.architecture", "mamba").Build())))
            .ShouldContain("'mamba'");
        using var checkpoint = Checkpoint.Open(place.Write("y.gguf", Llama().Tensor("blk.0.odd.weight", [1], 0, new byte[4]).Build()));
        checkpoint.Names.ShouldContain("blk.0.odd.weight");
        GgufTensorNames.ToHuggingFace("llama", "blk.x.attn_q.weight").ShouldBeNull();
        GgufTensorNames.ToHuggingFace("mamba", "output.weight").ShouldBeNull();
        GgufTensorNames.ToHuggingFace("qwen3", "blk.11.attn_q_norm.weight").ShouldBe("model.layers.11.self_attn.q_norm.weight");
        GgufTensorNames.ToHuggingFace("llama", "blk.11.attn_q_norm.weight").ShouldBeNull();
    }

    private static GgufBuilder Llama() => new GgufBuilder()
        .Meta("general.architecture", "llama").Meta("llama.block_count", 1u).Meta("llama.context_length", 64u).Meta("llama.embedding_length", 128u)
        .Meta("llama.feed_forward_length", 4u)
        .Meta("llama.attention.head_count", 2u).Meta("llama.attention.layer_norm_rms_epsilon", 1e-5f).Meta("llama.rope.freq_base", 500000f)
        .Tensor("token_embd.weight", [128, 2], 0, new byte[1024]);

    private static JsonElement Config(string folder)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
        return json.RootElement.Clone();
    }

    private static string? ModelType(string folder)
        => File.Exists(Path.Combine(folder, "config.json")) && Config(folder) is var c && c.TryGetProperty("model_type", out var type)
            && c.TryGetProperty("architectures", out var a) && a[0].GetString() is { } name
            && (name.EndsWith("ForCausalLM", StringComparison.Ordinal) || name == "GPT2LMHeadModel")
            && !(c.TryGetProperty("rope_scaling", out var rope) && rope.ValueKind == JsonValueKind.Object)
            ? type.GetString()
            : null;

    /// <remarks>Names backwards through the public mapping; numbers as convert_hf_to_gguf.py changes them, with plain loops.</remarks>
    /// <param name="folder">Of the fixture.</param>
    /// <param name="original">Its weights.</param>
    /// <param name="matrices">Format of the matrices whose rows are whole blocks.</param>
    internal static byte[] Convert(string folder, Checkpoint original, GgufType matrices = GgufType.F32)
    {
        var (config, type) = (Config(folder), ModelType(folder)!);
        var architecture = type switch { "mistral" => "llama", "gemma3_text" => "gemma3", _ => type };
        var builder = new GgufBuilder().Meta("general.architecture", architecture);
        foreach (var (key, names) in new (string, string[])[]
        {
            ("block_count", ["num_hidden_layers", "n_layer"]), ("context_length",
                ["max_position_embeddings", "n_positions"]), ("embedding_length", ["hidden_size", "n_embd"]), ("feed_forward_length",
                    ["intermediate_size", "n_inner"]),
            ("attention.head_count",
                ["num_attention_heads", "n_head"]), ("attention.head_count_kv", ["num_key_value_heads"]), ("attention.key_length", ["head_dim"]),
        })
        {
            if (names.FirstOrDefault(n => config.TryGetProperty(n, out _)) is { } name)
            {
                builder.Meta($"{architecture}.{key}", config.GetProperty(name).GetUInt32());
            }
        }

        builder.Meta(type == "gpt2" ? "gpt2.attention.layer_norm_epsilon" : $"{architecture}.attention.layer_norm_rms_epsilon",
            config.GetProperty(type == "gpt2" ? "layer_norm_epsilon" : "rms_norm_eps").GetSingle());
        if (type != "gpt2")
        {
            builder.Meta($"{architecture}.rope.freq_base", config.TryGetProperty("rope_theta", out var theta) ? theta.GetSingle() : 10000f);
        }

        foreach (var key in (string[])["attn_logit_softcapping", "final_logit_softcapping"])
        {
            if (type == "gemma2")
            {
                builder.Meta($"gemma2.{key}", config.GetProperty(key).GetSingle());
            }
        }

        if (type is "gemma2" or "gemma3_text" or "mistral")
        {
            builder.Meta($"{architecture}.attention.sliding_window", config.GetProperty("sliding_window").GetUInt32());
        }

        var layers = config.TryGetProperty("num_hidden_layers", out var l) ? l.GetInt32() : config.GetProperty("n_layer").GetInt32();
        foreach (var gguf in Candidates(layers))
        {
            var name = GgufTensorNames.ToHuggingFace(architecture, gguf);
            if (name is null || !original.Contains(NameIn(original, name)))
            {
                continue;
            }

            using var tensor = original.Read(NameIn(original, name));
            var (values, shape) = (tensor.data<float>().ToArray(), tensor.shape);
            var heads = gguf.Contains(".attn_q.", StringComparison.Ordinal)
                ? config.GetProperty("num_attention_heads").GetInt32()
                : gguf.Contains(".attn_k.", StringComparison.Ordinal) ? KvHeads(config)
                : 0;
            if (architecture == "llama" && heads > 0)
            {
                values = Permuted(values, (int)shape[0], heads);
            }
            else if (architecture.StartsWith("gemma", StringComparison.Ordinal) && gguf.EndsWith("norm.weight", StringComparison.Ordinal))
            {
                values = [.. values.Select(w => 1 + w)];
            }
            else if (architecture == "gpt2" && gguf.StartsWith("blk.", StringComparison.Ordinal) && shape.Length == 2)
            {
                var (rows, columns) = (shape[0], shape[1]);
                values = [.. Enumerable.Range(0, values.Length).Select(i => values[(i % rows * columns) + (i / rows)])];
                shape = [columns, rows];
            }

            var isStored = shape.Length == 2 && shape[1] % 32 == 0 && matrices != GgufType.F32 && !gguf.StartsWith("position", StringComparison.Ordinal);
            builder.Tensor(gguf, [.. shape.Reverse()], isStored ? (uint)matrices : 0, isStored ? Stored(values, matrices) : Bytes(values));
        }

        return builder.Build();
    }

    /// <summary>Numbers in 16 bits, or in Q8_0 with the largest of a block as 127.</summary>
    private static byte[] Stored(float[] values, GgufType type) => type == GgufType.F16
        ? [.. values.SelectMany(v => BitConverter.GetBytes((Half)v))]
        : [.. values.Chunk(32).SelectMany(block =>
        {
            var scale = (Half)(block.Max(Math.Abs) / 127);
            return (byte[])[.. BitConverter.GetBytes(scale),
                .. block.Select(v => (byte)(sbyte)Math.Clamp(MathF.Round(v / Math.Max((float)scale, 1e-20f)), -127, 127))];
        })];

    /// <remarks>GPT-2 as its authors published it has no prefix; as transformers saves it, it has one.</remarks>
    private static string NameIn(Checkpoint original, string name)
        => original.Contains(name) ? name : name.Replace("transformer.", "", StringComparison.Ordinal);

    private static int KvHeads(JsonElement config)
        => config.GetProperty(config.TryGetProperty("num_key_value_heads", out _) ? "num_key_value_heads" : "num_attention_heads").GetInt32();

    private static IEnumerable<string> Candidates(int layers)
    {
        string[] parts = ["attn_norm", "attn_q", "attn_k", "attn_v", "attn_qkv", "attn_output", "attn_q_norm", "attn_k_norm", "ffn_norm", "ffn_gate", "ffn_up",
            "ffn_down", "post_attention_norm", "post_ffw_norm"];
        foreach (var kind in (string[])["weight", "bias"])
        {
            foreach (var top in (string[])["token_embd", "position_embd", "output_norm", "output"])
            {
                yield return $"{top}.{kind}";
            }

            foreach (var part in parts)
            {
                for (var i = 0; i < layers; i++)
                {
                    yield return string.Create(CultureInfo.InvariantCulture, $"blk.{i}.{part}.{kind}");
                }
            }
        }
    }

    /// <remarks>Row i of a head's first half becomes row 2i, row i of its second half row 2i + 1.</remarks>
    private static float[] Permuted(float[] values, int rows, int heads)
    {
        var (width, half) = (values.Length / rows, rows / heads / 2);
        var permuted = new float[values.Length];
        for (var row = 0; row < rows; row++)
        {
            var (head, within) = (row / (2 * half), row % (2 * half));
            var target = (head * 2 * half) + (within < half ? 2 * within : (2 * (within - half)) + 1);
            values.AsSpan(row * width, width).CopyTo(permuted.AsSpan(target * width));
        }

        return permuted;
    }

    private static byte[] Bytes(float[] values) => [.. values.SelectMany(BitConverter.GetBytes)];
}
