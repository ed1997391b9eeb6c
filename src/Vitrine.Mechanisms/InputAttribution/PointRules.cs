using TorchSharp;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>
/// A rule of differentiation in the blocks of a model: edits that keep every value and give each non-linear step another derivative. Linear steps (projections,
/// rotations, sums) need none.
/// </summary>
/// <remarks>
/// Slopes (DeepLIFT): a product changes by (mean of a) (change of b) + (mean of b) (change of a), exactly; a norm is a product of the centred stream and its
/// scale; all else works element by element, a softmax of scores less the logarithm of their sum. So scores sum to the change of what the last block writes.
/// Relevance: the scale of norms and the pattern of attention are held fixed (Ali et al. 2022, section 3), a gate and what it gates share alike, an activation
/// hands on, and the sums of projections are damped by epsilon. One pass alone: it is made for each.
/// </remarks>
internal sealed class PointRules : IDisposable
{
    private static readonly Scalar Half = .5, Two = 2, One = 1, Nothing = 0, Lowest = double.NegativeInfinity;

    private readonly Dictionary<(string Stack, int Layer, Point Point), Tensor> seen = [];
    private readonly Dictionary<string, Stack> stacks;
    private readonly GradientRule rule;

    private readonly bool isOfPixels;

    private PointRules(GradientRule rule, IEnumerable<Stack> stacks, bool isOfPixels)
        => (this.rule, this.stacks, this.isOfPixels) = (rule, stacks.ToDictionary(s => s.Shape.Name), isOfPixels);

    /// <summary>What a plan does for the rule; none where the derivative is the true one.</summary>
    public static PointRules? Of(GradientRule rule, Subject subject)
    {
        if (rule is GradientRule.TrueRule)
        {
            return null;
        }

        Require(rule, subject);
        return new PointRules(rule, [subject.Stack], subject.Pixels is not null);
    }

    /// <summary>Refuses a rule that the subject's blocks cannot follow.</summary>
    /// <exception cref="VitrineException">It says why.</exception>
    public static void Require(GradientRule rule, Subject subject)
    {
        var (name, shape, specs) = (subject.Model.Name, subject.Stack.Shape, subject.Stack.Specs);
        if (rule is GradientRule.ReluRule && specs.FirstOrDefault(s => s.Mlp.Gated || s.Mlp.Activation != Activation.Relu) is { } other)
        {
            throw new VitrineException(
                $"{name}: guided backpropagation and deconvolution are rules of ReLUs; the neurons of stack '{shape.Name}' have "
                + $"{(other.Mlp.Gated ? "gates of " : "")}{other.Mlp.Activation}.");
        }

        var what = rule is GradientRule.SecantRule ? "DeepLIFT" : "relevance propagation";
        if (rule is GradientRule.RelevanceRule { Gamma: not 0 })
        {
            throw new VitrineException($"{name}: the gamma rule is one of layers whose activations are not negative; use the epsilon rule.");
        }

        if (rule is GradientRule.SecantRule or GradientRule.RelevanceRule && subject.Reader != subject.Stack)
        {
            throw new VitrineException(
                $"{name}: {what} goes through one stack; stack '{shape.Name}' reads keys and values of '{subject.Reader.Shape.Name}' step by step.");
        }

        if (rule is not GradientRule.ReluRule
            && specs.Any(s => s.Attention.Keys != KeySource.Own || s.Cross is not null || s.Attention.AddsPositions || s.Norm.Kind == NormKind.AdaptiveRms
                || s.Norms == NormPlaces.PostNormOfSums))
        {
            throw new VitrineException($"{name}: {what} has no rule for blocks that read more than their own stream, as those of '{shape.Name}' do.");
        }
    }

    /// <summary>The changes, in the order of the pass.</summary>
    public IEnumerable<Edit> Edits => At(Visit);

    /// <summary>Remembers what the points hold, for the changes of later points; behind all other edits of a plan.</summary>
    public IEnumerable<Edit> Keeping => At(Keep);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in seen.Values)
        {
            tensor.Dispose();
        }
    }

    private IEnumerable<Edit> At(Func<Tensor, Address, Tensor> visit) => stacks.Values.SelectMany(stack =>
        stack.Shape.Points.Where(IsVisited).Order().Select(point => (Edit)new CallbackEdit(
            point.IsInBlock ? $"{stack.Shape.Name}.*.{point.Name}" : $"{stack.Shape.Name}.{point.Name}", visit)));

    private bool IsVisited(Point point) => rule is GradientRule.ReluRule
        ? point == Point.MlpUp || point == Point.MlpNeurons
        : (point.IsInBlock && point.Axes is PointAxes.Stream or PointAxes.Heads or PointAxes.Attention) || point == Point.EntryNormIn || point == Point.Embed
            || point == Point.FinalNorm || point == Point.Logits;

    private Tensor Visit(Tensor x, Address at)
    {
        using var scope = NewDisposeScope();
        var stack = stacks[at.Stack];
        var changed = x.requires_grad ? Changed(x, at, stack) : x;
        return ReferenceEquals(changed, x) ? x : changed.MoveToOuterDisposeScope();
    }

    private Tensor Changed(Tensor y, Address at, Stack stack)
    {
        var point = at.Point;
        if (rule is GradientRule.ReluRule relu)
        {
            return point == Point.MlpNeurons ? ReluBackward.Of(Before(at, Point.MlpUp)!, relu.IsGuided) : y;
        }

        if (point == Point.Embed)
        {
            // Embeddings that are the inputs themselves have no norm in front of them.
            return !isOfPixels ? y : Normed(y, Before(at, Point.EntryNormIn), stack.EntryNorm);
        }

        if (point == Point.FinalNorm)
        {
            var last = Before(at with { Layer = stack.Shape.Layers - 1 }, Point.ResidPost);
            return Normed(y, last is not null && y.dim() == 2 ? last.select(1, 0) : last, stack.LastNorm);
        }

        if (point == Point.Logits)
        {
            return Capped(y, at, stack);
        }

        if (at.Layer is not { } layer)
        {
            return y;
        }

        var (block, weights) = (stack.At(layer).Spec, stack.At(layer).Weights);
        return point.Name switch
        {
            "attn.in" => Normed(y, Before(at, Point.ResidPre), weights.AttentionNorm),
            "attn.q_norm" => Normed(y, Before(at, Point.AttnQ), weights.QueryNorm),
            "attn.k_norm" => Normed(y, Before(at, Point.AttnK), weights.KeyNorm),
            "attn.v" or "mlp.gate" or "mlp.up" or "attn.out" or "mlp.out" => Damped(y),
            "attn.scores" when rule is GradientRule.SecantRule => Scores(y, at, block.Attention),
            "attn.pattern" => rule is GradientRule.SecantRule ? Pattern(y, Before(at, Point.AttnScores)!) : y.detach(),
            "attn.z" when rule is GradientRule.SecantRule => Weighted(y, at, block.Attention),
            "attn.out_post" => Normed(y, Before(at, Point.AttnOut), weights.AttentionOutputNorm),
            "resid_mid" => Normed(y, Sum(at, Point.ResidPre, Point.AttnOutPost, Point.AttnOut), weights.AttentionPostNorm),
            "mlp.in" => Normed(y, Before(at, block.Parallel ? Point.ResidPre : Point.ResidMid), weights.MlpNorm),
            "mlp.neurons" => Neurons(y, at, block.Mlp),
            "mlp.out_post" => Normed(y, Before(at, Point.MlpOut), weights.MlpOutputNorm),
            "resid_post" => Normed(y, weights.MlpPostNorm is null ? null : Sum(at, Point.ResidMid, Point.MlpOutPost, Point.MlpOut), weights.MlpPostNorm),
            _ => y,
        };
    }

    private Tensor Normed(Tensor y, Tensor? x, Norm? norm)
    {
        if (norm is null || x is null)
        {
            return y;
        }

        if (rule is GradientRule.RelevanceRule)
        {
            return y.WithDerivativeOf(new FrozenNorm(norm, x.detach()).Apply(x, gain: true).RoundedAs(y));
        }

        var c = norm.Centred(x.Widened());
        Scalar epsilon = norm.Spec.Epsilon;
        var square = (c.detach() * c.detach()).mean([-1], keepdim: true);                                  // (..., 1)
        var scale = square.add(epsilon, One).rsqrt();
        GC.KeepAlive(epsilon);
        var slope = Slopes.Secant(square, scale, (scale * scale * scale * Half).neg());
        var change = (c.Middle() * c * Two).mean([-1], keepdim: true) * slope;
        return y.WithDerivativeOf(((scale.Middle() * c).Plus(c.Middle() * change) * norm.Gain.Widened()).RoundedAs(y));
    }

    private Tensor Damped(Tensor y) => rule is GradientRule.RelevanceRule relevance
        ? y.WithDerivativeOf(y * Slopes.Damped(y.detach(), relevance.Epsilon))
        : y;

    private Tensor Capped(Tensor y, Address at, Stack stack)
    {
        if (stack.LogitCap is not null && Before(at with { Layer = null }, Point.FinalNorm) is { } normed && normed.shape[..^1].SequenceEqual(y.shape[..^1]))
        {
            var raw = stack.HeadAsRun()!.Apply(normed);
            var capped = stack.LogitCap.Apply(raw);
            y = y.WithDerivativeOf(raw * Ratio(raw, capped));
        }

        return Damped(y);
    }

    private Tensor Scores(Tensor y, Address at, AttentionSpec attention)
    {
        var q = (Before(at, Point.AttnQRot) ?? Before(at, Point.AttnQNorm) ?? Before(at, Point.AttnQ))!.transpose(1, 2).Widened();
        var k = (Before(at, Point.AttnKRot) ?? Before(at, Point.AttnKNorm) ?? Before(at, Point.AttnK))!;
        k = ForEachHead(k, attention).transpose(1, 2).Widened();
        Scalar scale = attention.Scale;
        var change = q.matmul(k.Middle().transpose(2, 3)).Plus(q.Middle().matmul(k.transpose(2, 3))) * scale;
        if (attention.SoftCap is { } limit)
        {
            var raw = q.detach().matmul(k.detach().transpose(2, 3)) * scale;
            Scalar most = limit, inverse = 1 / limit;
            var share = (raw * inverse).tanh();
            change = change * Slopes.Secant(raw, share * most, (share * share).neg().add(One, One));
            GC.KeepAlive((most, inverse));
        }

        GC.KeepAlive(scale);
        return y.WithDerivativeOf(change.RoundedAs(y));
    }

    /// <remarks>
    /// p_i = exp(s_i - L) with L = ln sum exp s. The slope of an exponential between two points is the logarithmic mean M_i of p_i and p0_i, and since both
    /// patterns sum to 1, L changes by the mean of the scores' changes with weights M_i / sum M. No step is larger than 1, however sharp the pattern is.
    /// </remarks>
    private static Tensor Pattern(Tensor y, Tensor scores)
    {
        var hidden = y.detach().eq(Nothing);
        var wide = scores.to(float64);
        var logs = wide.detach().masked_fill(hidden, Lowest).log_softmax(-1).masked_fill(hidden, Nothing); // (B, H, Tq, Tk)
        var p = logs.exp();
        var mean = Slopes.Secant(logs, p, p).masked_fill(hidden, Nothing);
        var shift = (wide * mean).masked_fill(hidden, Nothing).sum(-1, keepdim: true) / mean.sum(-1, keepdim: true);
        return y.WithDerivativeOf((mean * wide.Minus(shift)).masked_fill(hidden, Nothing).to(y.dtype));
    }

    private Tensor Weighted(Tensor y, Address at, AttentionSpec attention)
    {
        var pattern = Before(at, Point.AttnPattern)!;
        var v = ForEachHead(Before(at, Point.AttnV)!, attention).transpose(1, 2);
        return y.WithDerivativeOf(pattern.Middle().matmul(v).Plus(pattern.matmul(v.Middle())).transpose(1, 2));
    }

    private Tensor Neurons(Tensor y, Address at, MlpSpec mlp)
    {
        var up = Before(at, Point.MlpUp)!;
        var opened = mlp.Gated ? Before(at, Point.MlpGate)! : up;
        var active = mlp.Activation.Apply(opened);
        var open = opened * Ratio(opened, active);
        return !mlp.Gated ? y.WithDerivativeOf(open)
            : rule is GradientRule.SecantRule ? y.WithDerivativeOf((active.Middle() * up).Plus(up.Middle() * open))
            : y.WithDerivativeOf((active.detach() * up).Plus(up.detach() * open) * Half);
    }

    /// <summary>What an element-by-element step is taken to multiply with: its slope to the reference, or what it makes of its input.</summary>
    private Tensor Ratio(Tensor x, Tensor y)
        => rule is GradientRule.SecantRule ? Slopes.Secant(x, y) : y.detach().Over(x.detach(), zeros_like(x));

    private Tensor? Sum(Address at, Point stream, Point written, Point plain)
        => Before(at, stream) is { } x && (Before(at, written) ?? Before(at, plain)) is { } added ? x.Plus(added) : null;

    private static Tensor ForEachHead(Tensor shared, AttentionSpec attention) => attention.Heads == attention.KeyValueHeads
        ? shared
        : shared.repeat_interleave(attention.Heads / attention.KeyValueHeads, dim: 2);

    private Tensor? Before(Address at, Point point) => seen.GetValueOrDefault((at.Stack, point.IsInBlock ? at.Layer ?? -1 : -1, point));

    /// <remarks>Keys and values of later passes stand behind those of the earlier ones, as in the cache.</remarks>
    private Tensor Keep(Tensor x, Address at)
    {
        using var scope = NewDisposeScope();
        var key = (at.Stack, at.Layer ?? -1, at.Point);
        var isCached = at.Step > 0 && (at.Point == Point.AttnV || at.Point == Point.AttnK || at.Point == Point.AttnKNorm || at.Point == Point.AttnKRot);
        var kept = isCached ? cat([seen[key], x], 1) : x.alias();
        if (seen.Remove(key, out var before))
        {
            before.Dispose();
        }

        seen[key] = kept.DetachFromDisposeScope();
        return x;
    }
}
