using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>Keeps chosen queries from attending to chosen keys: their scores become minus infinity before the softmax.</summary>
/// <param name="At">Address of <c>attn.scores</c> or <c>cross.scores</c>, wildcards allowed in stack and layer.</param>
/// <param name="Keys">
/// Key positions; the scope's positions are the queries, its heads the heads. Kinds may be those of the stack whose keys are read: <c>expert</c> reads the
/// <c>image</c> and <c>text</c> of <c>language</c>.
/// </param>
[EditName("knock_out")]
public sealed record KnockOut(string At, Positions Keys) : Edit
{
    /// <summary>Whether single positions of <see cref="Keys"/> count the tokens of the stack whose keys are read, and not the own ones.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingDefault)]
    public bool OfPrefix { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<string> Places() => [At];

    /// <inheritdoc/>
    protected internal override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var isCross = site.Address.Point == Point.CrossScores;
        if (site.Address.Point != Point.AttnScores && !isCross)
        {
            throw new VitrineException(
                $"knock-out at '{site.Address}': attention is cut at its scores; expected '{site.Address with { Point = Point.AttnScores }}'.");
        }

        site.Require(Keys, ofOthers: true);
        var (region, stack) = (site.RegionOf(Scope), site.Address.Stack);
        return (x, pass) => x.masked_fill(region.Within(pass, Named(x, pass)), Pass.MaskedScalar);

        Tensor Named(Tensor x, Pass pass)
            => isCross ? pass.Memory!.Pass.KeyMask(Keys, stack, ofPrefix: false, x.shape[3]) : pass.KeyMask(Keys, stack, OfPrefix, x.shape[3]);
    }
}
