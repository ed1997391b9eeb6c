using TorchSharp;
using static TorchSharp.torch;

namespace Vitrine.Worlds.Training;

/// <summary>Adam with weight decay that does not pass through the moments.</summary>
/// <remarks>
/// p := p (1 - rate decay) - rate m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps), with m and v the decaying means of the gradient and of its square
/// (Loshchilov and Hutter 2019). Only matrices decay. A weight that the loss does not reach stays as it is.
/// </remarks>
internal sealed class AdamW(IReadOnlyDictionary<string, Tensor> leaves, double weightDecay, double clip) : IDisposable
{
    private const double First = .9, Second = .95, Epsilon = 1e-8;

    /// <summary>Decaying means by the leaf's name; both owned by this.</summary>
    public Dictionary<string, (Tensor Mean, Tensor Square)> Moments { get; } = new(StringComparer.Ordinal);

    /// <summary>How many steps each leaf has taken.</summary>
    public Dictionary<string, int> Taken { get; } = new(StringComparer.Ordinal);

    /// <summary>One step down.</summary>
    /// <param name="loss">A scalar.</param>
    /// <param name="rateOf">Learning rate of a leaf.</param>
    /// <returns>Length of the gradient before it was clipped.</returns>
    public double Step(Tensor loss, Func<string, double> rateOf)
    {
        using var scope = NewDisposeScope();
        var named = leaves.OrderBy(l => l.Key, StringComparer.Ordinal).ToArray();
        var gradients = autograd.grad([loss], [.. named.Select(l => l.Value)], allow_unused: true);
        using var mode = no_grad();
        var reached = named.Zip(gradients).Where(l => l.Second is { IsInvalid: false }).Select(l => (l.First.Key, l.First.Value, Gradient: l.Second)).ToArray();
        var length = Math.Sqrt(reached.Sum(l => (l.Gradient * l.Gradient).sum().Value()));
        var share = Math.Min(1, clip / (length + 1e-6));
        foreach (var (name, leaf, gradient) in reached)
        {
            using var inner = NewDisposeScope();
            Step(name, leaf, gradient.Times(share), rateOf(name));
        }

        return length;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (mean, square) in Moments.Values)
        {
            mean.Dispose();
            square.Dispose();
        }

        Moments.Clear();
    }

    private void Step(string name, Tensor leaf, Tensor gradient, double rate)
    {
        if (!Moments.TryGetValue(name, out var moments))
        {
            moments = Moments[name] = (zeros_like(leaf).DetachFromDisposeScope(), zeros_like(leaf).DetachFromDisposeScope());
        }

        var t = Taken[name] = Taken.GetValueOrDefault(name) + 1;
        using Scalar first = First, second = Second, newer = 1 - First, newerSquare = 1 - Second;
        moments.Mean.mul_(first).add_(gradient, newer);
        moments.Square.mul_(second).addcmul_(gradient, gradient, newerSquare);
        using Scalar inverse = 1 / Math.Sqrt(1 - Math.Pow(Second, t)), epsilon = Epsilon, one = 1, down = -rate / (1 - Math.Pow(First, t));
        var size = moments.Square.sqrt().mul_(inverse).add_(epsilon, one);
        if (leaf.dim() > 1)
        {
            using Scalar kept = 1 - (rate * weightDecay);
            leaf.mul_(kept);
        }

        leaf.addcdiv_(moments.Mean, size, down);
    }
}
