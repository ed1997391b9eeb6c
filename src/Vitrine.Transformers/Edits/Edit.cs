using System.Text.Json.Serialization;
using TorchSharp;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>A change of activations while a model runs: data, not code. Edits of a plan are applied in the order of its list.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "edit")]
[JsonDerivedType(typeof(Clamp), "clamp")]
[JsonDerivedType(typeof(Add), "add")]
[JsonDerivedType(typeof(Scale), "scale")]
[JsonDerivedType(typeof(Zero), "zero")]
[JsonDerivedType(typeof(Mean), "mean")]
[JsonDerivedType(typeof(Replace), "replace")]
[JsonDerivedType(typeof(KnockOut), "knock_out")]
public abstract record Edit
{
    /// <summary>Where within the point it acts; everywhere by default.</summary>
    public EditScope Scope { get; init; } = EditScope.Everywhere;

    /// <summary>The places it names, wildcards allowed; their steps are those of <see cref="Scope"/>.</summary>
    internal abstract IEnumerable<AddressPattern> Places();

    /// <summary>Prepares the edit for one place.</summary>
    /// <returns>What to do with the tensor there in each pass: the argument stays as it is.</returns>
    internal abstract Func<Tensor, Pass, Tensor> Bind(EditSite site);
}

/// <summary>One place that an edit is bound to.</summary>
/// <param name="Address">The place.</param>
/// <param name="Shape">The stack that holds it.</param>
/// <param name="Dtype">What the stack computes in.</param>
internal sealed record EditSite(Address Address, StackShape Shape, ScalarType Dtype)
{
    public void Require(IEnumerable<int>? indices, int size, string what)
    {
        foreach (var index in indices ?? [])
        {
            if (index < 0 || index >= size)
            {
                throw new VitrineException($"edit at '{Address}': {what} {index} lies outside; there are {size}, counted from 0.");
            }
        }
    }
}

/// <summary>Sets neurons to constants, as Haon et al. 2025 (eq. 3) do.</summary>
/// <param name="Neurons">Which ones.</param>
/// <param name="Values">One value for each, in its own units, or one for all.</param>
[method: JsonConstructor]
public sealed record Clamp(NeuronSet Neurons, IReadOnlyList<float> Values) : Edit
{
    /// <summary>One value for all.</summary>
    public Clamp(NeuronSet neurons, double value) : this(neurons, [(float)value])
    {
    }

    internal override IEnumerable<AddressPattern> Places() => Neurons.Layers.Select(l => AddressPattern.Parse($"{Neurons.Stack}.{l}.mlp.neurons"));

    internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        if (Values.Count != 1 && Values.Count != Neurons.Count)
        {
            throw new VitrineException($"clamp: {Values.Count} values for {Neurons.Count} neurons; expected one for each, or one for all.");
        }

        var layer = site.Address.Layer!.Value;
        site.Require(Neurons.Neurons.Where(n => n.Layer == layer).Select(n => n.Index), site.Shape.Neurons, "neuron");
        var chosen = new bool[site.Shape.Neurons];
        var values = new float[site.Shape.Neurons];
        for (var i = 0; i < Neurons.Count; i++)
        {
            if (Neurons.Neurons[i].Layer == layer)
            {
                (chosen[Neurons.Neurons[i].Index], values[Neurons.Neurons[i].Index]) = (true, Values[Values.Count == 1 ? 0 : i]);
            }
        }

        var (mask, value, region) = (tensor(chosen), tensor(values).to(site.Dtype), new Region(Scope, site));
        return (x, pass) => where(region.Within(pass, mask), value, x);
    }

    /// <inheritdoc/>
    public bool Equals(Clamp? other) => other is not null && Scope.Equals(other.Scope) && Neurons.Equals(other.Neurons) && Values.SequenceEqual(other.Values);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Neurons, Values.Count);
}

/// <summary>Adds a vector (or a whole tensor that broadcasts) times a factor.</summary>
/// <param name="At">Address, wildcards allowed.</param>
/// <param name="Value">Broadcasts to the point's tensor.</param>
/// <param name="Factor">Multiplies the value; 0 is the zero dose.</param>
public sealed record Add(string At, EditValue Value, double Factor = 1) : Edit
{
    internal override IEnumerable<AddressPattern> Places() => [AddressPattern.Parse(At)];

    internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var (region, value) = (new Region(Scope, site), Dose(site));
        return (x, pass) => region.Write(x, pass, x.Plus(Fits.Broadcast(site, value, x)));
    }

    private Tensor Dose(EditSite site)
    {
        using var value = Value.ToTensor(site.Dtype);
        Scalar factor = Factor;
        var dose = value * factor;
        GC.KeepAlive(factor);
        return dose;
    }
}

/// <summary>Multiplies.</summary>
/// <param name="At">Address, wildcards allowed.</param>
/// <param name="Factor">1 changes nothing.</param>
public sealed record Scale(string At, double Factor) : Edit
{
    internal override IEnumerable<AddressPattern> Places() => [AddressPattern.Parse(At)];

    internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var region = new Region(Scope, site);
        Scalar factor = Factor;
        return (x, pass) => region.Write(x, pass, x * factor);
    }
}

/// <summary>Sets to zero (zero ablation).</summary>
/// <param name="At">Address, wildcards allowed.</param>
public sealed record Zero(string At) : Edit
{
    internal override IEnumerable<AddressPattern> Places() => [AddressPattern.Parse(At)];

    internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var region = new Region(Scope, site);
        return (x, pass) => region.Write(x, pass, zeros_like(x));
    }
}

/// <summary>Replaces by the mean over the row's own positions of the same pass (mean ablation).</summary>
/// <param name="At">Address of a point with a position axis, wildcards allowed.</param>
public sealed record Mean(string At) : Edit
{
    internal override IEnumerable<AddressPattern> Places() => [AddressPattern.Parse(At)];

    internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        if (site.Address.Point.Axes() == PointAxes.Attention)
        {
            throw new VitrineException($"mean at '{site.Address}': scores and patterns have no mean over positions; choose a point such as attn.z.");
        }

        var region = new Region(Scope, site);
        return (x, pass) =>
        {
            if (x.dim() < 3 || x.shape[1] != pass.Length)
            {
                throw new VitrineException($"mean at '{site.Address}': the point has no positions to average over.");
            }

            var own = pass.OwnPositions(x.dim()).to(x.dtype);                              // (B, T, 1...)
            var mean = (x * own).sum(1, keepdim: true) / own.sum(1, keepdim: true);        // (B, 1, ...)
            return region.Write(x, pass, mean.expand_as(x));
        };
    }
}

/// <summary>Puts other values in: those of another run (activation patching), or any that broadcast.</summary>
/// <param name="At">Address, wildcards allowed.</param>
/// <param name="Value">Broadcasts to the point's tensor.</param>
[method: JsonConstructor]
public sealed record Replace(string At, EditValue Value) : Edit
{
    /// <summary>Values of a captured tensor, copied.</summary>
    public Replace(Address at, Tensor value) : this((at with { Step = 0 }).ToString(), EditValue.Of(value)) => Scope = new EditScope { Steps = [at.Step] };

    internal override IEnumerable<AddressPattern> Places() => [AddressPattern.Parse(At)];

    internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var (region, value) = (new Region(Scope, site), Value.ToTensor(site.Dtype));
        return (x, pass) => region.Write(x, pass, Fits.Broadcast(site, value, x).expand_as(x));
    }
}

/// <summary>Keeps chosen queries from attending to chosen keys: their scores become minus infinity before the softmax.</summary>
/// <param name="At">Address of <c>attn.scores</c>, wildcards allowed in stack and layer.</param>
/// <param name="Keys">Key positions; the scope's positions are the queries, its heads the heads.</param>
public sealed record KnockOut(string At, Positions Keys) : Edit
{
    internal override IEnumerable<AddressPattern> Places() => [AddressPattern.Parse(At)];

    internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        if (site.Address.Point != Point.AttnScores)
        {
            throw new VitrineException($"knock-out at '{site.Address}': attention is cut at its scores; expected '{site.Address with { Point = Point.AttnScores }}'.");
        }

        var region = new Region(Scope, site);
        return (x, pass) => x.masked_fill(region.Within(pass, pass.KeyMask(Keys)), Pass.MaskedScalar);
    }
}

/// <summary>Any change that no record says. It cannot be saved.</summary>
/// <param name="At">Address, wildcards allowed.</param>
/// <param name="Change">From the tensor at the point (not to be written in place) and its address to the new one, of the same shape.</param>
public sealed record CallbackEdit(string At, Func<Tensor, Address, Tensor> Change) : Edit
{
    internal override IEnumerable<AddressPattern> Places() => [AddressPattern.Parse(At)];

    internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var region = new Region(Scope, site);
        return (x, pass) =>
        {
            var changed = Change(x, site.Address with { Step = pass.Step });
            return changed.shape.SequenceEqual(x.shape)
                ? region.Write(x, pass, changed)
                : throw new VitrineException($"callback at '{site.Address}': returned [{string.Join(", ", changed.shape)}]; expected [{string.Join(", ", x.shape)}].");
        };
    }
}

file static class Fits
{
    public static Tensor Broadcast(EditSite site, Tensor value, Tensor x)
    {
        var fits = value.dim() <= x.dim();
        for (var i = 1; fits && i <= value.dim(); i++)
        {
            fits = value.shape[^i] == 1 || value.shape[^i] == x.shape[^i];
        }

        return fits ? value : throw new VitrineException(
            $"edit at '{site.Address}': a value of shape [{string.Join(", ", value.shape)}] does not fit [{string.Join(", ", x.shape)}].");
    }
}
