using Vitrine.Mechanisms.ValueVectors;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms;

/// <summary>Value vectors and a vocabulary made of given numbers.</summary>
internal sealed class RandomVectors(Tensor[] layers, Tensor tokens, string fingerprint = "random") : IValueVectorSource, IDisposable
{
    public string Name => fingerprint;

    public string Fingerprint => fingerprint;

    public int Layers => layers.Length;

    public int Neurons => (int)layers[0].shape[0];

    public int Width => (int)tokens.shape[1];

    public int Vocabulary => (int)tokens.shape[0];

    /// <summary>Normal numbers.</summary>
    public static RandomVectors Draw(int seed, int layers, int neurons, int vocabulary, int width)
    {
        using var generator = new Generator((ulong)seed, CPU);
        return new RandomVectors(
            [.. Enumerable.Range(0, layers).Select(_ => randn([neurons, width], generator: generator))], randn([vocabulary, width], generator: generator));
    }

    public Tensor Vectors(int layer) => layers[layer].alias();

    public Tensor Unembedding() => tokens.alias();

    public Tensor Gain() => arange(1, tokens.shape[1] + 1).to(float32);

    public void Dispose()
    {
        tokens.Dispose();
        Array.ForEach(layers, l => l.Dispose());
    }
}
