using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>Keeps chosen queries from attending to chosen keys: their scores become minus infinity before the softmax.</summary>
/// <param name="At">Address of <c>attn.scores</c>, wildcards allowed in stack and layer.</param>
/// <param name="Keys">Key positions; the scope's positions are the queries, its heads the heads.</param>
[EditName("knock_out")]
public sealed record KnockOut(string At, Positions Keys) : Edit
{
    /// <inheritdoc/>
    public override IEnumerable<string> Places() => [At];

    internal override string? NamesNothing => Keys.NamesNothing ? "it names no key" : base.NamesNothing;

    internal override bool Touches(Address place, Pass pass) => pass.Names(Scope.Rows, Scope.Positions, Keys) && NamesNothing is null;

    /// <inheritdoc/>
    protected internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        if (site.Address.Point != Point.AttnScores)
        {
            throw new VitrineException(
                $"knock-out at '{site.Address}': attention is cut at its scores; expected '{site.Address with { Point = Point.AttnScores }}'.");
        }

        site.Require(Keys);
        var region = site.RegionOf(Scope);
        return (x, pass) => x.masked_fill(region.Within(pass, pass.KeyMask(Keys)), Pass.MaskedScalar);
    }
}
