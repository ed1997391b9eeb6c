using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>Takes patches away where they enter block 0.</summary>
/// <remarks>Zeiler and Fergus 2014 grey out a part of the picture and watch the class; here the patch's embedding is replaced, position included.</remarks>
public sealed class Occlusion
{
    private readonly string place;
    private readonly PictureTokens tokens;
    private readonly EditValue? mean;

    private Occlusion(string place, PictureTokens tokens, EditValue? mean) => (this.place, this.tokens, this.mean) = (place, tokens, mean);

    /// <summary>Prepares the occlusion of one picture.</summary>
    /// <param name="model">Whose tower.</param>
    /// <param name="pixels">(1,3,H,W).</param>
    /// <param name="fill">What stands there instead.</param>
    public static Occlusion Of(VisionModel model, Tensor pixels, AblationFill fill)
    {
        ArgumentNullException.ThrowIfNull(model);
        var (place, tokens) = ($"{model.Tower.Shape.Name}.embed", PictureTokens.Of(model.Tower, pixels));
        if (fill == AblationFill.Zero)
        {
            return new Occlusion(place, tokens, null);
        }

        using var run = model.Run(pixels, RunPlan.Capturing(place));
        using var scope = NewDisposeScope();
        return new Occlusion(place, tokens, EditValue.Of(run[place][0].narrow(0, tokens.Prefix.Count, tokens.Patches).Widened().mean([0])));
    }

    /// <summary>Takes a set of patches away; none gives no edit.</summary>
    /// <param name="patches">From 0, row by row.</param>
    public IReadOnlyList<Edit> Without(IReadOnlyCollection<int> patches)
    {
        ArgumentNullException.ThrowIfNull(patches);
        var scope = new EditScope { Positions = Positions.At([.. patches.Select(p => p + tokens.Prefix.Count)]) };
        return patches.Count == 0 ? [] : mean is null ? [new Zero(place) { Scope = scope }] : [new Replace(place, mean) { Scope = scope }];
    }

    /// <summary>Every patch alone, with its neighbours up to a distance.</summary>
    /// <param name="reach">0 for single patches, 1 for 3 x 3 squares ...</param>
    public IEnumerable<IReadOnlyList<Edit>> OneByOne(int reach = 0)
        => Enumerable.Range(0, tokens.Patches).Select(p => Without(
        [
            .. Enumerable.Range(0, tokens.Patches)
            .Where(o => Math.Abs((o / tokens.Columns) - (p / tokens.Columns)) <= reach && Math.Abs((o % tokens.Columns) - (p % tokens.Columns)) <= reach),
        ]));
}
