using System.Diagnostics;
using CsCheck;
using Vitrine.Checkpoints;
using Vitrine.Checkpoints.Gguf;
using Vitrine.Checkpoints.Numpy;
using Vitrine.Checkpoints.PyTorch;
using static TorchSharp.torch;

namespace Vitrine.Tests.Checkpoints;

/// <summary>
/// Valid files with bytes changed, cut or repeated, and bytes of no kind: a reader reads or refuses, in time, within memory that the file's size bounds.
/// </summary>
public sealed class HostileFileTests
{
    private const int Seconds = 2, AtLeast = 20, AtMost = 2000;

    [Fact]
    public void Safetensors() => Fuzz("models", "*.safetensors", ["golden.safetensors"], path =>
    {
        using var file = SafetensorsFile.Open(path);
        ReadAll(path, file.Tensors.Keys, file.Read);
    });

    [Fact]
    public void Gguf() => Fuzz("gguf", "*.gguf", [], path =>
    {
        using var file = GgufFile.Open(path);
        ReadAll(path, file.Tensors.Keys, file.Read);
    });

    [Fact]
    public void Gguf_as_a_model() => Fuzz("gguf", "", [], path =>
    {
        using var checkpoint = Checkpoint.Open(path);
        _ = GgufConfig.ToConfigJson(checkpoint.Gguf!);
        ReadAll(path, checkpoint.Names, checkpoint.Read);
    });

    [Fact]
    public void Control_vectors() => Fuzz("gguf", "control-*.gguf", [], path => ControlVector.Read(path));

    [Fact]
    public void Npy() => Fuzz("numpy", "*.npy", [], path => ReadAll(path, ["array"], _ => NpyFile.Read(path)));

    [Fact]
    public void Npz() => Fuzz("numpy", "*.npz", [], path =>
    {
        var file = NpzFile.Open(path);
        ReadAll(path, file.Names, file.Read, unpacked: 1032);
    });

    [Fact]
    public void Torch() => Fuzz("torch", "*.pt", [], path =>
    {
        using var file = TorchFile.Open(path);
        ReadAll(path, file.Tensors.Keys, file.Read);
    });

    private static void Fuzz(string folder, string pattern, string[] except, Action<string> read)
    {
        using var place = new Workplace();
        var seeds = Seeds(folder, pattern, except);
        var extension = pattern.Length > 0 ? Path.GetExtension(pattern) : ".gguf";
        var edits = Gen.Select(Gen.Int[0, int.MaxValue],
            Gen.OneOf(Gen.Byte, Gen.Int[0, 4].Select(i => (byte)(i switch { 0 => 0, 1 => 1, 2 => 127, 3 => 128, _ => 255 }))), Gen.Int[0, 3]).Array[0, 6];
        var mutated = Gen.Select(
            Gen.Int[0, seeds.Length - 1], edits, Gen.Int[0, 9], Gen.Double[0, 1], (seed, changes, cut, at) => Mutated(seeds[seed], changes, cut, at));
        var noise = Gen.Byte.Array[0, 300];
        var (n, clock) = (0, Stopwatch.StartNew());
        Gen.Frequency((9, mutated), (1, noise)).Sample(
            bytes =>
            {
                if (n >= AtLeast && clock.Elapsed.TotalSeconds > Seconds)
                {
                    return;
                }

                var path = place.Write($"{n++}{extension}", bytes);
                var before = GC.GetAllocatedBytesForCurrentThread();
                try
                {
                    read(path);
                }
                catch (VitrineException e)
                {
                    e.Message.ShouldNotContain('\n');
                }

                (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan((200L * bytes.Length) + 8_000_000, "managed memory is bounded by the file");
                File.Delete(path);
            },
            iter: AtMost,
            threads: 1,
            print: bytes => $"{bytes.Length} bytes: {Convert.ToBase64String(bytes.AsSpan(0, Math.Min(bytes.Length, 4000)))}");
    }

    /// <summary>
    /// Changes near the beginning are likelier: heads are there. In archives and pickles the end matters as much, so half of them go anywhere.
    /// </summary>
    private static byte[] Mutated(byte[] seed, (int At, byte Value, int Kind)[] changes, int cut, double where)
    {
        var bytes = seed.ToArray();
        foreach (var (at, value, kind) in changes)
        {
            var reach = kind switch { 0 => bytes.Length, 1 => Math.Min(bytes.Length, 600), 2 => Math.Min(bytes.Length, 64), _ => bytes.Length };
            var place = kind == 3 ? bytes.Length - 1 - (at % Math.Min(bytes.Length, 400)) : at % reach;
            bytes[place] = value;
        }

        var length = (int)(bytes.Length * where);
        return cut switch
        {
            0 => bytes[..length],
            1 => [.. bytes, .. bytes[..length]],
            2 => [.. bytes[..length], .. bytes.AsSpan(Math.Min(bytes.Length, length + 8))],
            _ => bytes,
        };
    }

    private static byte[][] Seeds(string folder, string pattern, string[] except)
    {
        if (pattern.Length == 0)
        {
            return [SmallModel()];
        }

        var root = folder == "models" ? Fixtures.Of("models") : Fixtures.Of("checkpoints", folder);
        var files = Directory.GetFiles(root, pattern, SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Where(f => !except.Contains(Path.GetFileName(f)) && new FileInfo(f).Length < 1_500_000).Select(File.ReadAllBytes).ToArray();
        byte[] all = Material.Safetensors("""{"__metadata__":{"a":"b"},"x":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[0,4]},"y":{"dtype":"U64","shape":"""
            + """[1],"data_offsets":[4,12]},"z":{"dtype":"F32","shape":[],"data_offsets":[12,16]}}""", new byte[16]);
        return folder == "models" ? [all, all, all, .. files.OrderBy(f => f.Length).Take(2)] : files;
    }

    private static byte[] SmallModel() => new GgufBuilder()
        .Meta("general.architecture", "llama").Meta("llama.block_count", 1u).Meta("llama.context_length", 8u).Meta("llama.embedding_length", 32u)
        .Meta("llama.feed_forward_length", 32u)
        .Meta("llama.attention.head_count", 2u).Meta("llama.attention.head_count_kv", 1u).Meta("llama.attention.layer_norm_rms_epsilon", 1e-5f)
        .Meta("tokenizer.ggml.tokens", new[] { "a", "b" })
        .Tensor("token_embd.weight", [32, 2], 8, new byte[68]).Tensor("blk.0.attn_q.weight", [32, 32], 2, new byte[576])
        .Tensor("blk.0.attn_k.weight", [32, 16], 3, new byte[320]).Tensor("blk.0.attn_norm.weight", [32], 0, new byte[128]).Build();

    private static void ReadAll(string path, IEnumerable<string> names, Func<string, Tensor> read, int unpacked = 1)
    {
        var length = new FileInfo(path).Length;
        foreach (var name in names)
        {
            using var tensor = read(name);
            // Widest of all: an 8-bit float becomes 4 bytes, a 4-bit code 7 times its own size.
            (tensor.numel() * tensor.element_size()).ShouldBeLessThanOrEqualTo(8 * unpacked * length, "tensors are bounded by the file");
            using var touched = tensor.clone();
        }
    }
}
