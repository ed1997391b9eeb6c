using TorchSharp;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>Keeps chosen queries from attending to chosen keys: their scores become minus infinity before the softmax.</summary>
/// <param name="At">Address of <c>attn.scores</c>, wildcards allowed in stack and layer.</param>
/// <param name="Keys">Key positions; the scope's positions are the queries, its heads the heads.</param>
/// <remarks>
/// Keys that a query does not see (later ones, padding) stay unseen. A query whose every key is knocked out attends to nothing: its row of the pattern is
/// zeros, and of attention only the bias of the output projection is left.
/// </remarks>
[EditName("knock_out")]
public sealed record KnockOut(string At, Positions Keys) : Edit
{
    private static readonly Scalar Cut = double.NegativeInfinity;

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
        return (x, pass) => x.masked_fill(region.Within(pass, pass.KeyMask(Keys)), Cut);
    }
}
