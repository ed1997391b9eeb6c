using static TorchSharp.torch;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>Where value vectors come from, and the vocabulary that they are read in where there is one.</summary>
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

    /// <summary>Numbers of a value vector (d).</summary>
    int Width { get; }

    /// <summary>Rows of the unembedding (V); 0 where there is none, as in an image tower.</summary>
    int Vocabulary { get; }

    /// <summary>
    /// Which vectors these are where a norm or a LayerScale stands between neurons and residual stream: <c>raw</c>, or what they stand behind; null where
    /// nothing stands there.
    /// </summary>
    string? Form => null;

    /// <summary>Value vectors of a layer.</summary>
    /// <returns>(F,d), row i the direction in which neuron i writes; owned by the caller.</returns>
    /// <exception cref="VitrineException">There is no such layer, or what neurons write has no fixed direction.</exception>
    Tensor Vectors(int layer);

    /// <summary>Value vectors of some neurons of a layer.</summary>
    /// <returns>(n,d), in the order asked; owned by the caller.</returns>
    /// <exception cref="VitrineException">There is no such layer, or what neurons write has no fixed direction.</exception>
    Tensor Vectors(int layer, IReadOnlyList<int> neurons)
    {
        using var all = Vectors(layer);
        using var places = tensor([.. neurons.Select(n => (long)n)]);
        return all.index_select(0, places);
    }

    /// <summary>The unembedding.</summary>
    /// <returns>(V,d), owned by the caller.</returns>
    /// <exception cref="VitrineException">There is none.</exception>
    Tensor Unembedding();

    /// <summary>What the final norm multiplies each coordinate with.</summary>
    /// <returns>(d), owned by the caller.</returns>
    Tensor Gain();
}
