using System.Security.Cryptography;
using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Checkpoints.Gguf;
using static TorchSharp.torch;

namespace Vitrine.Tests.Checkpoints;

public sealed class GgufGoldenTests
{
    [Fact]
    public void Every_format_is_dequantised_to_the_bit_as_ggml_does()
    {
        using var file = GgufFile.Open(Fixtures.Of("checkpoints", "gguf", "every-type.gguf"));
        using var golden = SafetensorsFile.Open(Fixtures.Of("checkpoints", "gguf", "golden.safetensors"));
        foreach (var tensor in file.Tensors.Values)
        {
            using var scope = NewDisposeScope();
            var read = file.Read(tensor.Name);
            read.to(ScalarType.Float32).ShouldEqualBitByBit(golden.Read(tensor.Name), tensor.Name);
            read.dtype.ShouldBe(tensor.Type switch { GgufType.F16 => ScalarType.Float16, GgufType.BF16 => ScalarType.BFloat16, _ => ScalarType.Float32 });
        }

        file.Tensors.Values.Select(t => t.Type).Distinct().Count().ShouldBe(11);
    }

    [Fact]
    public void Every_kind_of_metadata_is_read_as_ggml_wrote_it()
    {
        using var file = GgufFile.Open(Fixtures.Of("checkpoints", "gguf", "every-type.gguf"));
        var metadata = file.Metadata;
        file.Version.ShouldBe(3);
        file.Architecture.ShouldBe("reference");
        metadata["v.u8"].ShouldBe((byte)200);
        metadata["v.i8"].ShouldBe((sbyte)-100);
        metadata["v.u16"].ShouldBe((ushort)60000);
        metadata["v.i16"].ShouldBe((short)-30000);
        metadata["v.u32"].ShouldBe(4000000000u);
        metadata["v.i32"].ShouldBe(-2000000000);
        metadata["v.f32"].ShouldBe(1e-5f);
        metadata["v.u64"].ShouldBe(10000000000000000000ul);
        metadata["v.i64"].ShouldBe(-9000000000000000000L);
        metadata["v.f64"].ShouldBe(0.1);
        metadata.Flag("v.bool").ShouldBeTrue();
        metadata.Text("v.string").ShouldBe("naïve 🤖");
        metadata.Number("v.f32").ShouldBe(1e-5, "the shortest decimal of the stored float32");
        metadata.Integer("v.u32").ShouldBe(4000000000);
        metadata.Numbers("a.f32").ShouldBe([0.5, -1.25, 3e38]);
        metadata.Integers("a.i32").ShouldBe([1L, -2, 3, -4]);
        metadata.Texts("a.string").ShouldBe(["a", "", "▁the"]);
        ((bool[])metadata["a.bool"]).ShouldBe([true, false, true]);
        ((ulong[])metadata["a.u64"]).ShouldBe([1ul, ulong.MaxValue]);
        metadata.Text("none", "default").ShouldBe("default");
        Material.Refusal(() => metadata.Integer("v.u64")).ShouldContain("whole number");
        Material.Refusal(() => metadata.Text("v.u8")).ShouldContain("'v.u8' is the Byte 200; expected a text");
        Material.Refusal(() => metadata.Integer("none")).ShouldContain("'none'");
        Material.Refusal(() => metadata.Integers("a.string")).ShouldContain("a list of 3 String");
    }

    public static TheoryData<string> FixturesWithDequantisedTensors()
        => new(Material.ModelFolders()
            .Where(f => File.Exists(Path.Combine(f, "meta.json")) && File.ReadAllText(Path.Combine(f, "meta.json"))
                .Contains("dequantised/", StringComparison.Ordinal)).DefaultIfEmpty(""));

    [Theory, MemberData(nameof(FixturesWithDequantisedTensors))]
    public void Every_dequantised_tensor_of_a_real_model_equals_its_reference(string folder)
    {
        var (path, names) = Subject(folder);
        using var golden = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        using var file = GgufFile.Open(path);
        using var checkpoint = Checkpoint.Open(path);
        foreach (var name in names)
        {
            using var scope = NewDisposeScope();
            var (rows, expected) = (golden.Read($"dequantised/{name}/rows"), golden.Read($"dequantised/{name}/values"));
            var width = expected.shape[^1];
            var tensor = file.Read(name);
            Rows(tensor, rows, width).ShouldEqualBitByBit(expected, name);
            var wide = tensor.to(ScalarType.Float64);
            var size = golden.Read($"dequantised/{name}/abs_sum_f64").item<double>();
            wide.sum().item<double>().ShouldBe(golden.Read($"dequantised/{name}/sum_f64").item<double>(), 1e-12 * size, name);
            wide.abs().sum().item<double>().ShouldBe(size, 1e-12 * size, name);
            if (golden.Tensors.ContainsKey($"unpermuted/{name}/values"))
            {
                Rows(checkpoint.Read(GgufTensorNames.ToHuggingFace(file.Architecture, name)!), rows, width)
                    .ShouldEqualBitByBit(golden.Read($"unpermuted/{name}/values"), $"unpermuted {name}");
            }
        }
    }

    [Theory, MemberData(nameof(FixturesWithDequantisedTensors))]
    public void A_real_model_tells_its_configuration(string folder)
    {
        using var checkpoint = Checkpoint.Open(Subject(folder).Path);
        var config = GgufConfig.ToConfigJson(checkpoint.Gguf!);
        long Size(string key) => config.GetProperty(key).GetInt64();
        config.GetProperty("model_type").GetString().ShouldBe("llama");
        checkpoint.Entry("model.embed_tokens.weight").Shape.ShouldBe([Size("vocab_size"), Size("hidden_size")]);
        checkpoint.Names.Count(n => n.EndsWith("mlp.down_proj.weight", StringComparison.Ordinal)).ShouldBe((int)Size("num_hidden_layers"));
        checkpoint.Entry("model.layers.0.mlp.down_proj.weight").Shape.ShouldBe([Size("hidden_size"), Size("intermediate_size")]);
        checkpoint.Entry("model.layers.0.self_attn.k_proj.weight").Shape.ShouldBe([Size("num_key_value_heads") * Size("head_dim"), Size("hidden_size")]);
        checkpoint.Entry("model.layers.0.self_attn.q_proj.weight").Shape.ShouldBe([Size("num_attention_heads") * Size("head_dim"), Size("hidden_size")]);
        config.GetProperty("tie_word_embeddings").GetBoolean().ShouldBe(!checkpoint.Contains("lm_head.weight"));
        config.GetProperty("rms_norm_eps").GetDouble().ShouldBe(1e-5);
        config.GetProperty("rope_theta").GetDouble().ShouldBe(100000);
        checkpoint.Names.ShouldAllBe(n => n.StartsWith("model.", StringComparison.Ordinal));
    }

    private static Tensor Rows(Tensor tensor, Tensor rows, long width)
        => (tensor.dim() == 1 ? tensor.view(1, -1) : tensor).index_select(0, rows).narrow(1, 0, width);

    /// <summary>The model that the fixture was computed on, known by its hash.</summary>
    private static (string Path, string[] Names) Subject(string folder)
    {
        Assert.SkipUnless(folder.Length > 0, "no fixture with dequantised tensors lies in tests/fixtures or ../shared/fixtures (or VITRINE_SHARED)");
        using var meta = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "meta.json")));
        var hash = meta.RootElement.GetProperty("gguf_sha256").GetString();
        var models = Material.Shared is null ? "" : Path.Combine(Material.Shared, "models");
        var path = Directory.Exists(models) ? Directory.GetFiles(models, "*.gguf", SearchOption.AllDirectories).FirstOrDefault(f => Hash(f) == hash) : null;
        Assert.SkipUnless(path is not null, $"no .gguf file with the hash {hash} lies in ../shared/models (or VITRINE_SHARED)");
        return (path!,
            [.. meta.RootElement.GetProperty("cases").EnumerateArray().Select(c => c.GetProperty("case").GetString()!)
                .Where(c => c.StartsWith("dequantised/", StringComparison.Ordinal)).Select(c => c["dequantised/".Length..])]);
    }

    private static string Hash(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
