using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>Where a function passes its inner layers: they are read, replaced, and differentiated by the rule that was asked for.</summary>
public sealed class LayerVisits
{
    private readonly EvaluationQuery query;
    private readonly long rows;
    private Tensor? seen;

    internal LayerVisits(EvaluationQuery query, long rows) => (this.query, this.rows) = (query, rows);

    /// <summary>A named layer.</summary>
    /// <param name="name">What methods ask for it by.</param>
    /// <param name="x">(N,...): its activation.</param>
    /// <returns>What the function goes on with.</returns>
    public Tensor Layer(string name, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (name != query.Layer)
        {
            return x;
        }

        if (seen is not null)
        {
            throw new VitrineException($"attribution: the function has two layers '{name}'.");
        }

        // A tensor of its own, which outlives the model's pass.
        x = query.LayerValue is { } given ? given.detach().to(x.dtype, x.device) : x;
        seen = (query.NeedsGradients && !x.requires_grad ? x.detach().requires_grad_() : x.alias()).DetachFromDisposeScope();
        return seen;
    }

    /// <summary>A linear layer, x W^T + b, by name.</summary>
    /// <param name="name">What methods ask for it by.</param>
    /// <param name="x">(N,...,in).</param>
    /// <param name="weight">[out,in].</param>
    /// <param name="bias">(out); null for none.</param>
    public Tensor Linear(string name, Tensor x, Tensor weight, Tensor? bias)
    {
        var z = nn.functional.linear(x, weight, bias);
        if (query.Rule is GradientRule.RelevanceRule rule)
        {
            var (favoured, sum) = (nn.functional.linear(x, weight), z);
            if (rule.Gamma != 0)
            {
                TorchSharp.Scalar gamma = rule.Gamma, nothing = 0;
                var raised = weight.Plus(weight.clamp_min(nothing) * gamma);
                GC.KeepAlive((gamma, nothing));
                (favoured, sum) = (nn.functional.linear(x, raised), nn.functional.linear(x, raised, bias));
            }

            z = z.WithDerivativeOf(favoured * Slopes.Damped(sum.detach(), rule.Epsilon, of: z.detach()));
        }

        return Layer(name, z);
    }

    /// <summary>max(x, 0), by name.</summary>
    public Tensor Relu(string name, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        TorchSharp.Scalar nothing = 0;
        var y = query.Rule is GradientRule.ReluRule rule && x.requires_grad
            ? Layer(name, ReluBackward.Of(x, rule.IsGuided))
            : Nonlinear(name, x, v => v.clamp_min(nothing));
        GC.KeepAlive(nothing);
        return y;
    }

    /// <summary>A non-linear step that works element by element, by name.</summary>
    /// <param name="name">What methods ask for it by.</param>
    /// <param name="x">(N,...).</param>
    /// <param name="step">Its formula.</param>
    /// <exception cref="VitrineException">The rule of differentiation is one of ReLUs.</exception>
    public Tensor Nonlinear(string name, Tensor x, Func<Tensor, Tensor> step)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(step);
        var y = step(x);
        if (!x.requires_grad)
        {
            return Layer(name, y);
        }

        return Layer(name, query.Rule switch
        {
            GradientRule.ReluRule => throw new VitrineException(
                $"attribution: layer '{name}' is no ReLU; guided backpropagation and deconvolution are rules of ReLUs."),
            GradientRule.SecantRule => y.WithDerivativeOf(x * Slopes.Secant(x, y)),
            GradientRule.RelevanceRule => y.WithDerivativeOf(x * y.detach().Over(x.detach(), zeros_like(x))),
            _ => y,
        });
    }

    /// <summary>What was asked.</summary>
    /// <param name="values">(N).</param>
    /// <param name="inputs">The differentiable leaf.</param>
    /// <exception cref="VitrineException">The layer was not passed, or has no such coordinate.</exception>
    internal Evaluation Answer(Tensor values, Tensor inputs)
    {
        if (query.Layer is { } name && seen is null)
        {
            throw new VitrineException($"attribution: the function has no layer '{name}'.");
        }

        var own = seen?.narrow(0, 0, rows);
        values = query.Neuron is null ? values : Coordinate(own ?? throw new VitrineException("attribution: a neuron needs the layer it is of."), query.Neuron);
        Tensor?[] gradients = [null, null];
        if (query.NeedsGradients)
        {
            Tensor[] wanted = [.. query.Gradient ? [inputs] : Array.Empty<Tensor>(), .. query.LayerGradient ? [seen!] : Array.Empty<Tensor>()];
            if (values.requires_grad)
            {
                var found = autograd.grad([values.sum()], wanted, retain_graph: true, allow_unused: true);
                for (var i = 0; i < wanted.Length; i++)
                {
                    gradients[query.Gradient ? i : 1] = found[i] is { IsInvalid: false } g ? g : zeros_like(wanted[i]);
                }
            }
            else
            {
                gradients = [query.Gradient ? zeros_like(inputs) : null, query.LayerGradient ? zeros_like(seen!) : null];
            }
        }

        var answer = new Evaluation(values)
        {
            Gradient = gradients[0],
            Activation = own,
            ReferenceActivation = query.References is null ? null : seen?.narrow(0, rows, seen.shape[0] - rows),
            LayerGradient = gradients[1]?.narrow(0, 0, rows),
        };
        seen?.Dispose();
        return answer;
    }

    private static Tensor Coordinate(Tensor layer, IReadOnlyList<int> at)
    {
        if (at.Count != layer.dim() - 1 || at.Index().Any(c => c.Item < 0 || c.Item >= layer.shape[c.Index + 1]))
        {
            throw new VitrineException(
                $"attribution: a layer of [{string.Join(", ", layer.shape)}] has no coordinate [{string.Join(", ", at)}] behind its rows.");
        }

        return at.Aggregate(layer, (x, index) => x.select(1, index));
    }
}
