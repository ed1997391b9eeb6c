using System.Text.Json.Serialization;
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
[JsonDerivedType(typeof(Project), "project")]
[JsonDerivedType(typeof(KnockOut), "knock_out")]
[JsonDerivedType(typeof(Conceptor), "conceptor")]
[JsonDerivedType(typeof(Constrain), "constrain")]
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

        site.Require(Keys);
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
