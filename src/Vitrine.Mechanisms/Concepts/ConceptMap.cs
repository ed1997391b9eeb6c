using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Concepts;

/// <summary>A neuron on the map.</summary>
/// <param name="Neuron">Which one.</param>
/// <param name="X">First principal coordinate.</param>
/// <param name="Y">Second principal coordinate.</param>
/// <param name="Cluster">Name of its group.</param>
/// <param name="Label">What it writes, in a few tokens.</param>
public sealed record MapPoint(Neuron Neuron, double X, double Y, string Cluster, string Label);

/// <summary>Neurons as points in the plane of their two principal directions.</summary>
/// <param name="Points">The neurons.</param>
/// <param name="Explained">Share of the variance that each direction holds; what is missing is not seen on the map.</param>
public sealed record ConceptMap(IReadOnlyList<MapPoint> Points, IReadOnlyList<double> Explained)
{
    /// <summary>Draws the map.</summary>
    /// <param name="space">Their meanings.</param>
    /// <param name="groups">Neurons by group, at least two in all.</param>
    /// <param name="label">What a neuron writes, in a few tokens.</param>
    /// <remarks>
    /// Principal components of the centred points, computed in float64; the sign of a direction is such that its largest coordinate is positive, so that a map
    /// looks the same wherever it is made.
    /// </remarks>
    public static ConceptMap Of(SemanticSpace space, IReadOnlyList<(string Name, IReadOnlyList<Neuron> Neurons)> groups, Func<Neuron, string> label)
    {
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(label);
        var neurons = groups.SelectMany(g => g.Neurons.Select(n => (n, g.Name))).DistinctBy(p => p.n).ToArray();
        if (neurons.Length < 2)
        {
            throw new VitrineException($"map: {neurons.Length} neurons; expected at least two.");
        }

        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var points = space.PointsOf([.. neurons.Select(p => p.n)]).to(float64);
        var centred = points - points.mean([0], keepdim: true);
        var (values, vectors) = linalg.eigh(centred.t().mm(centred));                                      // ascending
        var width = (int)values.shape[0];
        var total = Math.Max(values.sum().item<double>(), 1e-300);
        var axes = Enumerable.Range(1, Math.Min(2, width)).Select(i => vectors.select(1, width - i)).Select(Upright).ToArray();
        var coordinates = axes.Select(a => centred.mv(a).data<double>().ToArray()).ToArray();
        return new ConceptMap(
            [.. neurons.Select((p, i) => new MapPoint(p.n, coordinates[0][i], coordinates.Length > 1 ? coordinates[1][i] : 0, p.Name, label(p.n)))],
            [.. axes.Select((_, i) => Math.Max(0, values[width - 1 - i].item<double>()) / total)]);
    }

    private static Tensor Upright(Tensor axis)
    {
        var numbers = axis.contiguous().data<double>().ToArray();
        return numbers.MaxBy(Math.Abs) < 0 ? -axis : axis;
    }
}
