using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>A head or neuron with what attribution says of it.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Index">From 0.</param>
/// <param name="Direct">Direct logit attribution; null where there is none.</param>
/// <param name="Gradient">Gradient x (activation - what stands there when it is ablated).</param>
/// <param name="Map">Its map over the picture.</param>
internal sealed record UnitReading(int Layer, int Index, double? Direct, double Gradient, Func<PatchMap> Map)
{
    public double Strength => Math.Abs(Direct ?? Gradient);
}

/// <summary>One pass with gradients: attribution of the class measure to patches, heads and neurons.</summary>
/// <remarks>
/// gradient x (activation - fill) estimates, to first order, the measure minus what it were with the fill in the activation's place (gradient x input against a
/// baseline, Shrikumar et al. 2017, section 2). Whether the class head is linear on normed tokens is not assumed but tried: with final_norm halved, the measure
/// must move as the gradient says.
/// </remarks>
internal sealed class GradientReading
{
    private const double Linear = 1e-4;
    private const int Kept = 200;

    private readonly AblationFill fill;

    public GradientReading(VisionModel model, Tensor pixels, PictureTokens tokens, ClassContrast contrast, AblationFill fill)
    {
        this.fill = fill;
        var shape = model.Tower.Shape;
        var (embed, norm) = ($"{shape.Name}.embed", $"{shape.Name}.final_norm");
        var normed = shape.Points.Contains(Point.FinalNorm);
        using var run = model.Run(pixels, new RunPlan
        {
            Capture = DirectEvidence.Needs(shape),
            Gradients = [embed, $"{shape.Name}.*.attn.z", $"{shape.Name}.*.mlp.neurons", .. normed ? [norm] : Array.Empty<string>()],
        });
        using var scope = NewDisposeScope();
        var gradients = run.GradientsOf(r => contrast.Of(r.Logits).sum()).ToDictionary(g => g.Key.ToString(), g => g.Value);
        using var mode = no_grad();
        var measure = contrast.Of(run.Logits.detach()).to(float64).item<double>();
        Patches = OfPatches(run[embed][0].detach(), gradients[embed][0], tokens);
        NotDirect = normed
            ? WhyNotDirect(model, pixels, contrast, run[norm].detach(), gradients[norm], measure)
            : $"stack '{shape.Name}' has no norm behind its last block";
        Direct = NotDirect is null ? DirectEvidence.Of(run, model.Tower, tokens, PerToken(gradients[norm], tokens), measure) : null;
        Heads = [.. Strongest(Enumerable.Range(0, shape.Layers).SelectMany(layer => OfHeads(run, gradients, shape, layer, tokens)))];
        Neurons = [.. Strongest(Enumerable.Range(0, shape.Layers).SelectMany(layer => OfNeurons(run, gradients, shape, layer, tokens)))];
        foreach (var gradient in gradients.Values)
        {
            gradient.Dispose();
        }
    }

    /// <summary>Patch by patch.</summary>
    public PatchMap Patches { get; }

    /// <summary>Null where <see cref="NotDirect"/> says why.</summary>
    public DirectEvidence? Direct { get; }

    /// <summary>Why there is no direct attribution; null where there is.</summary>
    public string? NotDirect { get; }

    /// <summary>The strongest first.</summary>
    public IReadOnlyList<UnitReading> Heads { get; }

    /// <summary>The strongest first.</summary>
    public IReadOnlyList<UnitReading> Neurons { get; }

    private static IEnumerable<UnitReading> Strongest(IEnumerable<UnitReading> units)
        => units.OrderByDescending(u => u.Strength).ThenBy(u => u.Layer).ThenBy(u => u.Index).Take(Kept);

    private PatchMap OfPatches(Tensor embedded, Tensor gradient, PictureTokens tokens)
    {
        var patches = embedded.narrow(0, tokens.Prefix.Count, tokens.Patches).Widened();
        var values = (BesideFill(patches) * gradient.narrow(0, tokens.Prefix.Count, tokens.Patches)).sum(-1);
        return new PatchMap(tokens.Rows, tokens.Columns, values.Flat());
    }

    /// <returns>Null where the measure is linear in the normed tokens.</returns>
    private static string? WhyNotDirect(VisionModel model, Tensor pixels, ClassContrast contrast, Tensor normed, Tensor gradient, double measure)
    {
        var shape = model.Tower.Shape;
        if (model.Tower.Specs.Any(s => s.Norms != NormPlaces.PreNorm) || model.Tower.Spec.Norm.Kind != NormKind.LayerNorm || shape.Heads != shape.KeyValueHeads)
        {
            return $"the blocks of stack '{shape.Name}' do not add to the stream what heads and neurons write";
        }

        var reach = (normed.Widened() * gradient).to(float64).sum().item<double>();
        using var halved = model.Run(pixels, new RunPlan { Edits = [new Scale($"{shape.Name}.final_norm", .5)], ExplicitAttention = true });
        var moved = contrast.Of(halved.Logits).to(float64).item<double>();
        return Math.Abs(moved - (measure - (reach / 2))) <= Linear * Math.Max(1, Math.Max(Math.Abs(measure), Math.Abs(reach)))
            ? null
            : "the class head is not linear on the normed tokens";
    }

    /// <summary>(T,d). A norm of the class token alone (CLIP) gives (B,d): nothing reads the other tokens.</summary>
    private static Tensor PerToken(Tensor gradient, PictureTokens tokens)
        => gradient.dim() == 3 ? gradient[0] : cat([gradient, zeros([tokens.Count - 1, gradient.shape[1]], dtype: gradient.dtype, device: gradient.device)], 0);

    private IEnumerable<UnitReading> OfHeads(Run run, Dictionary<string, Tensor> gradients, StackShape shape, int layer, PictureTokens tokens)
    {
        var estimates = Estimate(run, gradients, $"{shape.Name}.{layer}.attn.z").sum([-1]);                // (T, H)
        var (sums, byToken) = (estimates.sum([0]).Flat(), estimates.t().Rows());
        return sums.Select((sum, head) =>
        {
            var direct = Direct?.Heads[(layer * shape.Heads) + head];
            return new UnitReading(layer, head, direct?.Value, sum, () => direct?.Map ?? tokens.MapOf(byToken[head]));
        });
    }

    private IEnumerable<UnitReading> OfNeurons(Run run, Dictionary<string, Tensor> gradients, StackShape shape, int layer, PictureTokens tokens)
    {
        var place = $"{shape.Name}.{layer}.mlp.neurons";
        var sums = Estimate(run, gradients, place).sum([0]).Flat();                                        // (F)
        var strengths = Direct?.Layers[layer].Neurons ?? sums;
        return strengths.Index().OrderByDescending(s => Math.Abs(s.Item)).Take(Kept).Select(s =>
        {
            var activations = run[place][0].detach().select(1, s.Index).Flat();
            return new UnitReading(layer, s.Index, Direct is null ? null : s.Item, sums[s.Index], () => tokens.MapOf(activations));
        }).ToArray();
    }

    private Tensor BesideFill(Tensor values) => fill == AblationFill.Mean ? values.Minus(values.mean([0], keepdim: true)) : values;

    private Tensor Estimate(Run run, Dictionary<string, Tensor> gradients, string place)
    {
        var values = run[place][0].detach().Widened();
        return BesideFill(values) * gradients[place][0];
    }
}
