using System.Text.Json.Serialization;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>Sets neurons to constants, as Haon et al. 2025 (eq. 3) do.</summary>
/// <param name="Neurons">Which ones.</param>
/// <param name="Values">One value for each, in its own units, or one for all; none where <see cref="PerRow"/> has them.</param>
[method: JsonConstructor]
public sealed record Clamp(NeuronSet Neurons, IReadOnlyList<float> Values) : Edit
{
    /// <summary>One value for all.</summary>
    public Clamp(NeuronSet neurons, double value) : this(neurons, [(float)value])
    {
    }

    /// <summary>[row][neuron, or one for all]: each row is an experiment of its own; null leaves the neuron alone in that row.</summary>
    public IReadOnlyList<IReadOnlyList<float?>>? PerRow { get; init; }

    internal override IEnumerable<AddressPattern> Places() => Neurons.Layers.Select(l => AddressPattern.Parse($"{Neurons.Stack}.{l}.mlp.neurons"));

    internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        if (PerRow is not null && Values.Count > 0)
        {
            throw new VitrineException("clamp: has values for all rows and values per row; expected one of the two.");
        }

        var rows = PerRow ?? [[.. Values.Select(v => (float?)v)]];
        foreach (var row in rows)
        {
            if (row.Count != 1 && row.Count != Neurons.Count)
            {
                throw new VitrineException($"clamp: {row.Count} values for {Neurons.Count} neurons; expected one for each, or one for all.");
            }
        }

        var layer = site.Address.Layer!.Value;
        var width = site.Shape.Neurons;
        site.Require(Neurons.Neurons.Where(n => n.Layer == layer).Select(n => n.Index), width, "neuron");
        var chosen = new bool[rows.Count * width];
        var values = new float[rows.Count * width];
        for (var row = 0; row < rows.Count; row++)
        {
            for (var i = 0; i < Neurons.Count; i++)
            {
                if (Neurons.Neurons[i].Layer == layer && rows[row][rows[row].Count == 1 ? 0 : i] is { } value)
                {
                    (chosen[(row * width) + Neurons.Neurons[i].Index], values[(row * width) + Neurons.Neurons[i].Index]) = (true, value);
                }
            }
        }

        var region = new Region(Scope, site);
        if (PerRow is null)
        {
            var (mask, value) = (tensor(chosen), tensor(values).to(site.Dtype));
            return (x, pass) => where(region.Within(pass, mask), value, x);
        }

        site.RequireRows(rows.Count, site.Rows);
        long[] shape = [rows.Count, 1, width];
        var (masks, each) = (tensor(chosen, shape), tensor(values, shape).to(site.Dtype));
        return (x, pass) =>
        {
            site.RequireRows(rows.Count, pass.Rows);
            return where(region.Within(pass, masks), each, x);
        };
    }

    /// <inheritdoc/>
    public bool Equals(Clamp? other)
        => other is not null && Scope.Equals(other.Scope) && Neurons.Equals(other.Neurons) && Values.SequenceEqual(other.Values)
            && (PerRow is null ? other.PerRow is null : other.PerRow is { } rows && PerRow.Count == rows.Count && PerRow.Zip(rows).All(p => p.First.SequenceEqual(p.Second)));

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Neurons, Values.Count, PerRow?.Count);
}
