using Vitrine.Mechanisms.Pictures;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Lenses;

/// <summary>Numbers of a prediction, all in nats.</summary>
public static class Trajectory
{
    /// <summary>Entropy of softmax(logits): (..., V) to (...).</summary>
    public static Tensor Entropy(Tensor logits)
    {
        ArgumentNullException.ThrowIfNull(logits);
        var logs = logits.log_softmax(-1);
        return (logs.exp() * logs).sum(-1).neg();
    }

    /// <summary>KL(p || q) of two sets of logits: (..., V) to (...).</summary>
    public static Tensor Divergence(Tensor of, Tensor from)
    {
        ArgumentNullException.ThrowIfNull(of);
        ArgumentNullException.ThrowIfNull(from);
        var p = of.log_softmax(-1);
        return (p.exp() * p.Minus(from.log_softmax(-1))).sum(-1);
    }

    /// <summary>Jensen-Shannon divergence: the mean of the divergences of both from their mean.</summary>
    public static Tensor JensenShannon(Tensor a, Tensor b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        var (p, q) = (a.log_softmax(-1), b.log_softmax(-1));
        var mean = logsumexp(stack([p, q]), 0).sub(Math.Log(2));
        return ((p.exp() * p.Minus(mean)).sum(-1) + (q.exp() * q.Minus(mean)).sum(-1)) / 2;
    }

    /// <summary>How many answers score above the target: (..., V) and (...) to (...) whole numbers.</summary>
    public static Tensor Rank(Tensor logits, Tensor targets)
    {
        ArgumentNullException.ThrowIfNull(logits);
        ArgumentNullException.ThrowIfNull(targets);
        return logits.gt(logits.gather(-1, targets.unsqueeze(-1))).sum(-1);
    }
}
