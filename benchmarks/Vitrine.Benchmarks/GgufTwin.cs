using Vitrine.Checkpoints.Gguf;

namespace Vitrine.Benchmarks;

/// <summary>Writes .gguf files for the benchmarks: a model's own with its matrices in float16, and one of any Llama shape of random blocks.</summary>
internal static class GgufTwin
{
    /// <summary>The same model with every matrix in float16: like for like with a peer that computes in it.</summary>
    /// <param name="source">A .gguf file.</param>
    /// <param name="target">Written unless it is there.</param>
    public static void WriteHalves(string source, string target)
    {
        if (File.Exists(target))
        {
            return;
        }

        using var file = GgufFile.Open(source);
        var tensors = file.Tensors.Values.OrderBy(t => t.Begin)
            .Select(t => (t.Name, t.Shape, Type: t.Shape.Count == 2 ? GgufType.F16 : GgufType.F32)).ToArray();
        GgufWriter.Write(target, GgufPairs.Of(source), tensors, (stream, name) =>
        {
            using var scope = TorchSharp.torch.NewDisposeScope();
            var values = file.Read(name).to(TorchSharp.torch.ScalarType.Float32).contiguous().data<float>().ToArray();
            var type = tensors.First(t => t.Name == name).Type;
            var bytes = type == GgufType.F16 ? new byte[values.Length * 2] : new byte[values.Length * 4];
            for (var i = 0; i < values.Length; i++)
            {
                _ = type == GgufType.F16
                    ? BitConverter.TryWriteBytes(bytes.AsSpan(2 * i), (Half)values[i])
                    : BitConverter.TryWriteBytes(bytes.AsSpan(4 * i), values[i]);
            }

            stream.Write(bytes);
        });
    }

    /// <summary>Llama 3.1 8B's shape in Q4_K, of random codes from one seed and scales of the size that weights have: 4.7 GB. It says nothing.</summary>
    /// <param name="target">Written unless it is there.</param>
    /// <param name="layers">Blocks; 32 in the model.</param>
    public static void WriteLlama8B(string target, int layers = 32)
    {
        if (File.Exists(target))
        {
            return;
        }

        const long Width = 4096, Neurons = 14336, Vocabulary = 128256, Keys = 1024;
        (string, long[])[] ofBlock =
        [
            ("attn_norm", [Width]), ("attn_q", [Width, Width]), ("attn_k", [Keys, Width]), ("attn_v", [Keys, Width]), ("attn_output", [Width, Width]),
            ("ffn_norm", [Width]), ("ffn_gate", [Neurons, Width]), ("ffn_up", [Neurons, Width]), ("ffn_down", [Width, Neurons]),
        ];
        (string Name, IReadOnlyList<long> Shape, GgufType Type)[] tensors =
        [
            .. new (string, long[])[] { ("token_embd.weight", [Vocabulary, Width]), ("output_norm.weight", [Width]), ("output.weight", [Vocabulary, Width]) }
                .Concat(Enumerable.Range(0, layers).SelectMany(l => ofBlock.Select(p => ($"blk.{l}.{p.Item1}.weight", p.Item2))))
                .Select(t => (t.Item1, (IReadOnlyList<long>)t.Item2, t.Item2.Length == 2 ? GgufType.Q4_K : GgufType.F32)),
        ];
        (string Key, object Value)[] metadata =
        [
            ("general.architecture", "llama"), ("llama.block_count", (uint)layers), ("llama.context_length", 8192u), ("llama.embedding_length", (uint)Width),
            ("llama.feed_forward_length", (uint)Neurons), ("llama.attention.head_count", 32u), ("llama.attention.head_count_kv", 8u),
            ("llama.rope.freq_base", 500000f), ("llama.attention.layer_norm_rms_epsilon", 1e-5f), ("llama.vocab_size", (uint)Vocabulary),
        ];
        var random = new Random(17);
        GgufWriter.Write(target, GgufPairs.Of(metadata), tensors, (stream, name) =>
        {
            var (_, shape, type) = tensors.First(t => t.Name == name);
            if (type == GgufType.F32)
            {
                stream.Write([.. Enumerable.Repeat(BitConverter.GetBytes(1f), (int)shape[0]).SelectMany(b => b)]);
                return;
            }

            var (scale, minimum) = (BitConverter.GetBytes((Half)(0.06f / 1024)), BitConverter.GetBytes((Half)(0.45f / 1024)));
            var row = new byte[shape[1] / 256 * 144];
            for (long r = 0; r < shape[0]; r++)
            {
                random.NextBytes(row);
                for (var at = 0; at < row.Length; at += 144)
                {
                    scale.CopyTo(row, at);
                    minimum.CopyTo(row, at + 2);
                }

                stream.Write(row);
            }
        });
    }
}
