using Vitrine.Transformers;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>What to read of a picture.</summary>
public sealed record ReadingOptions
{
    /// <summary>Who looks, as <see cref="PictureQuery.Parse"/> reads it; null for the class token, or the mean of patches.</summary>
    public string? Query { get; init; }

    /// <summary>One layer instead of all, for heads and neurons.</summary>
    public int? Layer { get; init; }

    /// <summary>One head instead of all.</summary>
    public int? Head { get; init; }

    /// <summary>Neurons to show; the ones that write most where empty.</summary>
    public IReadOnlyList<Neuron> Neurons { get; init; } = [];

    /// <summary>How many neurons to choose where none is named.</summary>
    public int NeuronCount { get; init; } = 12;

    /// <summary>How many weights <see cref="PictureReading.Table"/> may hold; 0 for no table.</summary>
    public long TableWeights { get; init; }

    /// <summary>When a norm is out of line.</summary>
    public NormRule Norms { get; init; } = new();
}
