using static TorchSharp.torch;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>Where value vectors and the vocabulary that they are read in come from: a model in memory, or a checkpoint of which one layer is read at a time.</summary>
public interface IValueVectorSource
{
    /// <summary>What errors call it.</summary>
    string Name { get; }

    /// <summary>Identifies the weights.</summary>
    string Fingerprint { get; }

    /// <summary>Blocks.</summary>
    int Layers { get; }

    /// <summary>Neurons of a block (F).</summary>
    int Neurons { get; }

    /// <summary>Rows of the unembedding (V).</summary>
    int Vocabulary { get; }

    /// <summary>Value vectors of a layer.</summary>
    /// <returns>(F,d), row i what neuron i writes; owned by the caller.</returns>
    /// <exception cref="VitrineException">There is no such layer.</exception>
    Tensor Vectors(int layer);

    /// <summary>The unembedding.</summary>
    /// <returns>(V,d), owned by the caller.</returns>
    Tensor Unembedding();

    /// <summary>What the final norm multiplies each coordinate with.</summary>
    /// <returns>(d), owned by the caller.</returns>
    Tensor Gain();
}
