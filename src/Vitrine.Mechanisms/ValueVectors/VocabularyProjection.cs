using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>Reads what feed-forward neurons write: logits = E w, where w is the neuron's value vector and E the unembedding.</summary>
/// <remarks>
/// Geva et al. 2022; Haon et al. 2025, section 3. A logit is the exact product summed in float64 and rounded to float32 once, so that the same weights give the
/// same answer on every machine, with any number of threads and with or without screening; equal logits are ordered by id. How it stays fast:
/// <see cref="VocabularyReader"/>.
/// </remarks>
public static class VocabularyProjection
{
    /// <summary>Reads every neuron of some layers of a stack, no norm applied.</summary>
    /// <param name="stack">Speaks a language.</param>
    /// <param name="layers">From 0.</param>
    /// <param name="count">Tokens to keep at each end.</param>
    /// <param name="tokens">Ids to read in; every row of the unembedding when null.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between tiles.</param>
    /// <returns>[layer in the given order][neuron].</returns>
    public static IReadOnlyList<IReadOnlyList<NeuronReading>> Read(
        Stack stack, IReadOnlyList<int> layers, int count = 30, IReadOnlyList<int>? tokens = null, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
        => Read(new StackValueVectors(stack, fingerprint: ""), layers, new ProjectionSettings { Count = count, Tokens = tokens }, progress, cancellation);

    /// <summary>Reads every neuron of some layers.</summary>
    /// <param name="source">Value vectors and vocabulary.</param>
    /// <param name="layers">From 0.</param>
    /// <param name="settings">How they are read; as the published method does when null.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between tiles.</param>
    /// <returns>[layer in the given order][neuron].</returns>
    public static IReadOnlyList<IReadOnlyList<NeuronReading>> Read(
        IValueVectorSource source, IReadOnlyList<int> layers, ProjectionSettings? settings = null, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(layers);
        using var reader = VocabularyReader.Open(source, settings ?? new());
        var readings = new List<IReadOnlyList<NeuronReading>>();
        foreach (var layer in layers)
        {
            using var vectors = source.Vectors(layer);
            readings.Add(reader.Read(vectors, share => progress?.Report((readings.Count + share) / layers.Count), cancellation));
        }

        return readings;
    }

    /// <summary>Reads some neurons.</summary>
    /// <param name="source">Value vectors and vocabulary.</param>
    /// <param name="neurons">Which ones.</param>
    /// <param name="settings">How they are read; as the published method does when null.</param>
    /// <param name="cancellation">Stops between tiles.</param>
    /// <returns>A reading each, in their order.</returns>
    /// <exception cref="VitrineException">The source has no such neuron.</exception>
    public static IReadOnlyList<NeuronReading> Read(
        IValueVectorSource source, IReadOnlyList<Neuron> neurons, ProjectionSettings? settings = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(neurons);
        if (neurons.Cast<Neuron?>().FirstOrDefault(n => n!.Value.Layer >= source.Layers || n.Value.Index >= source.Neurons) is { } outside)
        {
            throw new VitrineException($"{source.Name}: has no neuron {outside}; there are {source.Layers} layers of {source.Neurons}.");
        }

        if (neurons.Count == 0)
        {
            return [];
        }

        // To find out whether a product in bfloat16 pays would take longer than to do without.
        using var reader = VocabularyReader.Open(source, (settings ?? new()) with { Screening = Screening.Never });
        using var scope = NewDisposeScope();
        var vectors = neurons.Select(n => n.Layer).Distinct().ToDictionary(layer => layer, source.Vectors);
        return reader.Read(stack([.. neurons.Select(n => vectors[n.Layer][n.Index])]), cancellation: cancellation);
    }
}
