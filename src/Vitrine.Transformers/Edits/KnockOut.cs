using TorchSharp;
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
/// <remarks>
/// Keys that a query does not see (later ones, padding) stay unseen. A query whose every key is knocked out attends to nothing: its row of the pattern is
/// zeros, and of attention only the bias of the output projection is left.
/// </remarks>
[EditName("knock_out")]
public sealed record KnockOut(string At, Positions Keys) : Edit
{
    private static readonly Scalar Cut = double.NegativeInfinity;

    /// <summary>Whether single positions of <see cref="Keys"/> count the tokens of the stack whose keys are read, and not the own ones.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingDefault)]
    public bool OfPrefix { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<string> Places() => [At];

    internal override string? NamesNothing => Keys.NamesNothing ? "it names no key" : base.NamesNothing;

    internal override bool Touches(Address place, Tensor x, Pass pass)
        => NamesNothing is null && pass.Names(Scope, place.Stack, row => PassOf(place, pass).NamedOf(row, KeysIn(place, x)).Contains(true));

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
        var region = site.RegionOf(Scope);
        return (x, pass) => x.masked_fill(region.Within(pass, PassOf(site.Address, pass).KeyMask(KeysIn(site.Address, x))), Cut);
    }

    /// <summary>The pass whose tokens the keys are.</summary>
    private static Pass PassOf(Address place, Pass pass) => place.Point == Point.CrossScores ? pass.Memory!.Pass : pass;

    private NamedKeys KeysIn(Address place, Tensor scores)
        => new(Keys, place.Stack, OfPrefix && place.Point != Point.CrossScores, scores.shape[3]);
}
