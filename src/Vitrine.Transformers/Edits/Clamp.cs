using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>Sets neurons to constants, as Haon et al. 2025 (eq. 3) do.</summary>
/// <param name="Neurons">Which ones.</param>
/// <param name="Values">One value for each, in its own units, or one for all.</param>
[EditName("clamp")]
[method: System.Text.Json.Serialization.JsonConstructor]
public sealed record Clamp(NeuronSet Neurons, IReadOnlyList<float> Values) : Edit
{
    /// <summary>One value for all.</summary>
    public Clamp(NeuronSet neurons, double value) : this(neurons, [(float)value])
    {
    }

    /// <inheritdoc/>
    public override IEnumerable<string> Places() => Neurons.Layers.Select(l => $"{Neurons.Stack}.{l}.mlp.neurons");

    /// <inheritdoc/>
    protected internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var (chosen, values) = (new bool[site.Width], new float[site.Width]);
        Fill(chosen, values, site, at: 0);
        var region = site.RegionOf(Scope);
        var (mask, value) = (site.Own(tensor(chosen)), site.Own(tensor(values)));
        return (x, pass) => OnAnyDevice.Where(region.Within(pass, mask), value, x);
    }

    internal override string? NamesNothing
        => Neurons.Count == 0 ? "it names no neuron"
            : Scope.Neurons is { Count: > 0 } own && !Neurons.Neurons.Any(n => own.Contains(n.Index)) ? "its scope holds none of its neurons"
            : base.NamesNothing;

    /// <remarks>A scope that names neurons of its own leaves those of both.</remarks>
    internal override bool Touches(Address place, Pass pass)
        => base.Touches(place, pass) && (Scope.Neurons is not { } own || Neurons.Neurons.Any(n => n.Layer == place.Layer && own.Contains(n.Index)));

    private protected override bool IsRowByRowWith(Edit other)
        => other is Clamp clamp && clamp.Neurons.Stack == Neurons.Stack && AlikeButRows(Scope, other.Scope);

    /// <remarks>Neurons and values may differ.</remarks>
    internal override Func<Tensor, Pass, Tensor> BindRowByRow(IReadOnlyList<Edit> edits, int rows, EditSite site)
    {
        var (chosen, values) = (new bool[rows * site.Width], new float[rows * site.Width]);
        foreach (var clamp in edits.Cast<Clamp>())
        {
            site.Require(clamp.Scope.Rows, rows, "row");
            foreach (var row in clamp.Scope.Rows!)
            {
                clamp.Fill(chosen, values, site, row * site.Width);
            }
        }

        var region = site.RegionOf(RowsOf(edits));
        long[] shape = [rows, 1, site.Width];
        var (masks, each) = (site.Own(tensor(chosen, shape)), site.Own(tensor(values, shape)));
        return (x, pass) => OnAnyDevice.Where(region.Within(pass, masks), each, x);
    }

    /// <inheritdoc/>
    public bool Equals(Clamp? other) => other is not null && Scope.Equals(other.Scope) && Neurons.Equals(other.Neurons) && Values.SequenceEqual(other.Values);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Neurons, Values.Count);

    private void Fill(bool[] chosen, float[] values, EditSite site, int at)
    {
        if (Values.Count != 1 && Values.Count != Neurons.Count)
        {
            throw new VitrineException($"clamp: {Values.Count} values for {Neurons.Count} neurons; expected one for each, or one for all.");
        }

        var layer = site.Address.Layer!.Value;
        site.Require(Neurons.Neurons.Where(n => n.Layer == layer).Select(n => n.Index), site.Width, "neuron");
        for (var i = 0; i < Neurons.Count; i++)
        {
            if (Neurons.Neurons[i].Layer == layer)
            {
                (chosen[at + Neurons.Neurons[i].Index], values[at + Neurons.Neurons[i].Index]) = (true, Values[Values.Count == 1 ? 0 : i]);
            }
        }
    }
}
