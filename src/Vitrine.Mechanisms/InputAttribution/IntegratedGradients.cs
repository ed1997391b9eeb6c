using TorchSharp;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>How the integral along a path becomes a sum.</summary>
public enum PathSum
{
    /// <summary>Nodes and weights of Gauss and Legendre on [0, 1].</summary>
    GaussLegendre,

    /// <summary>Left ends of equal parts.</summary>
    Left,

    /// <summary>Right ends of equal parts.</summary>
    Right,

    /// <summary>Middles of equal parts.</summary>
    Middle,

    /// <summary>Equal steps from end to end, as Captum weighs them: 1 / n each, half of it at the ends, so that all weigh (n - 1) / n together.</summary>
    Trapezoid,
}

/// <summary>
/// Integrated gradients: (x - x') times the mean derivative on the straight path from a baseline x' to the input x (Sundararajan et al. 2017, eq. 1), and what
/// follows from it for layers and neurons.
/// </summary>
public sealed record IntegratedGradients
{
    /// <summary>Points on the path.</summary>
    public int Steps { get; init; } = 20;

    /// <summary>How the integral becomes a sum.</summary>
    public PathSum Sum { get; init; } = PathSum.GaussLegendre;

    /// <summary>Whether the mean derivative is multiplied by x - x'.</summary>
    public bool TimesInput { get; init; } = true;

    /// <summary>Scores of the inputs (B,...). Their sum tends to f(x) - f(x') as steps grow.</summary>
    /// <param name="function">What is attributed.</param>
    /// <param name="baseline">x'; broadcasts to the inputs.</param>
    public Tensor Of(Attributed function, Tensor baseline) => OfNeuron(function, baseline, layer: null, neuron: null);

    /// <summary>Scores of the inputs for one neuron instead of the function's value (B,...).</summary>
    /// <param name="function">What is attributed.</param>
    /// <param name="baseline">x'; broadcasts to the inputs.</param>
    /// <param name="layer">Whose neuron.</param>
    /// <param name="neuron">Its coordinates behind the rows, e.g. [token, neuron].</param>
    public Tensor OfNeuron(Attributed function, Tensor baseline, string? layer, IReadOnlyList<int>? neuron)
    {
        ArgumentNullException.ThrowIfNull(function);
        using var scope = NewDisposeScope();
        var from = function.Spread(baseline);
        var query = new EvaluationQuery { Gradient = true, Layer = layer, Neuron = neuron };
        return Along(function, from, function.Inputs, Weights(Steps, Sum), (points, rows) => function.Evaluate(points, rows, query).Gradient!)
            .MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Scores of a layer's activations (B,...): the path runs between what the layer holds at the baseline and at the input, and all below it is left out.
    /// </summary>
    /// <param name="function">What is attributed.</param>
    /// <param name="baseline">x'; broadcasts to the inputs.</param>
    /// <param name="layer">By name.</param>
    public Tensor OfLayer(Attributed function, Tensor baseline, string layer)
    {
        ArgumentNullException.ThrowIfNull(function);
        using var scope = NewDisposeScope();
        var ask = new EvaluationQuery { Layer = layer };
        var from = function.Evaluate(function.Spread(baseline), function.AllRows, ask).Activation!;
        var to = function.Evaluate(function.Inputs, function.AllRows, ask).Activation!;
        return Along(function, from, to, Weights(Steps, Sum), (points, rows) => function.Evaluate(
            function.Inputs.index_select(0, tensor(rows.Select(r => (long)r).ToArray(), device: function.Inputs.device)), rows,
            new EvaluationQuery { Layer = layer, LayerGradient = true, LayerValue = points }).LayerGradient!).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Conductance of a layer (B,...): how much of the path's change of f goes through each of its activations (Dhamdhere et al. 2019, eq. 2), from
    /// step to step: derivative at a point times what the activation changes to the next. One point more than <see cref="Steps"/> is computed.
    /// </summary>
    /// <param name="function">What is attributed.</param>
    /// <param name="baseline">x'; broadcasts to the inputs.</param>
    /// <param name="layer">By name.</param>
    public Tensor Conductance(Attributed function, Tensor baseline, string layer)
    {
        ArgumentNullException.ThrowIfNull(function);
        using var scope = NewDisposeScope();
        var points = Weights(Steps + 1, Sum);
        Tensor? before = null, slope = null, sum = null;
        foreach (var (alpha, _) in points)
        {
            var at = function.Evaluate(
                Between(function.Spread(baseline), function.Inputs, alpha), function.AllRows, new EvaluationQuery { Layer = layer, LayerGradient = true });
            if (before is not null)
            {
                var part = slope! * at.Activation!.Minus(before);
                sum = sum is null ? part : sum.Plus(part);
            }

            (before, slope) = (at.Activation!, at.LayerGradient!);
        }

        return sum!.MoveToOuterDisposeScope();
    }

    /// <summary>Conductance through one neuron, for each input (B,...): the inner derivative is that of the neuron with respect to the input.</summary>
    /// <param name="function">What is attributed.</param>
    /// <param name="baseline">x'; broadcasts to the inputs.</param>
    /// <param name="layer">Whose neuron.</param>
    /// <param name="neuron">Its coordinates behind the rows.</param>
    /// <remarks>Dhamdhere et al. 2019, eq. 1.</remarks>
    public Tensor Conductance(Attributed function, Tensor baseline, string layer, IReadOnlyList<int> neuron)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(neuron);
        using var scope = NewDisposeScope();
        return Along(function, function.Spread(baseline), function.Inputs, Weights(Steps, Sum), (points, rows) =>
        {
            var outer = function.Evaluate(points, rows, new EvaluationQuery { Layer = layer, LayerGradient = true }).LayerGradient!;
            var inner = function.Evaluate(points, rows, new EvaluationQuery { Layer = layer, Neuron = neuron, Gradient = true }).Gradient!;
            var factor = neuron.Aggregate(outer, (x, index) => x.select(1, index));                                    // (N)
            return inner * factor.reshape([factor.shape[0], .. Enumerable.Repeat(1L, (int)inner.dim() - 1)]);
        }).MoveToOuterDisposeScope();
    }

    /// <summary>Internal influence of a layer (B,...): its mean derivative on the path (Leino et al. 2018, definition 1, the path's distribution).</summary>
    /// <param name="function">What is attributed.</param>
    /// <param name="baseline">x'; broadcasts to the inputs.</param>
    /// <param name="layer">By name.</param>
    public Tensor InternalInfluence(Attributed function, Tensor baseline, string layer)
    {
        ArgumentNullException.ThrowIfNull(function);
        using var scope = NewDisposeScope();
        var query = new EvaluationQuery { Layer = layer, LayerGradient = true };
        return (this with { TimesInput = false }).Along(
            function, function.Spread(baseline), function.Inputs, Weights(Steps, Sum), (points, rows) => function.Evaluate(points, rows, query).LayerGradient!)
            .MoveToOuterDisposeScope();
    }

    /// <summary>Points on [0, 1] and their weights.</summary>
    /// <exception cref="VitrineException">There is no point.</exception>
    public static IReadOnlyList<(double At, double Weight)> Weights(int steps, PathSum sum)
    {
        if (steps < (sum == PathSum.Trapezoid ? 2 : 1))
        {
            throw new VitrineException($"integrated gradients: {steps} steps; expected at least {(sum == PathSum.Trapezoid ? 2 : 1)}.");
        }

        var even = Enumerable.Range(0, steps);
        return sum switch
        {
            PathSum.Left => [.. even.Select(k => ((double)k / steps, 1.0 / steps))],
            PathSum.Right => [.. even.Select(k => ((k + 1.0) / steps, 1.0 / steps))],
            PathSum.Middle => [.. even.Select(k => ((k + .5) / steps, 1.0 / steps))],
            PathSum.Trapezoid => [.. even.Select(k => (k / (steps - 1.0), (k == 0 || k == steps - 1 ? .5 : 1.0) / steps))],
            PathSum.GaussLegendre => [.. even.Select(k => GaussLegendre(steps, k)).OrderBy(p => p.At)],
            _ => throw new ArgumentOutOfRangeException(nameof(sum)),
        };
    }

    /// <summary>The k-th zero of the Legendre polynomial by Newton's method, on [0, 1], with its weight 1 / ((1 - z^2) P'(z)^2).</summary>
    private static (double At, double Weight) GaussLegendre(int steps, int k)
    {
        var z = Math.Cos(Math.PI * (k + .75) / (steps + .5));
        double slope = 0;
        for (var round = 0; round < 100; round++)
        {
            var (last, value) = (1.0, z);
            for (var degree = 2; degree <= steps; degree++)
            {
                (last, value) = (value, ((((2 * degree) - 1) * z * value) - ((degree - 1) * last)) / degree);
            }

            slope = steps * ((z * value) - last) / ((z * z) - 1);
            var step = value / slope;
            z -= step;
            if (Math.Abs(step) < 1e-15)
            {
                break;
            }
        }

        return (.5 * (1 + z), 1 / ((1 - (z * z)) * slope * slope));
    }

    private Tensor Along(
        Attributed function, Tensor from, Tensor to, IReadOnlyList<(double At, double Weight)> points, Func<Tensor, IReadOnlyList<int>, Tensor> derivative)
    {
        Tensor? sum = null;
        foreach (var some in points.Chunk(Math.Max(1, function.RowsPerPass / Math.Max(1, function.Rows))))
        {
            using var scope = NewDisposeScope();
            int[] rows = [.. some.SelectMany(_ => function.AllRows)];
            var gradients = derivative(cat([.. some.Select(p => Between(from, to, p.At))], 0), rows);              // (points B, ...)
            var weights = tensor(some.Select(p => p.Weight).ToArray(), gradients.dtype, gradients.device);
            var part = (gradients.reshape([some.Length, -1]) * weights.unsqueeze(1)).sum([0]).reshape([function.Rows, .. gradients.shape[1..]]);
            sum = (sum is null ? part : sum.Plus(part)).MoveToOuterDisposeScope();
        }

        return TimesInput ? sum! * to.Minus(from) : sum!;
    }

    private static Tensor Between(Tensor from, Tensor to, double alpha)
    {
        Scalar share = alpha;
        var point = from.Plus(to.Minus(from) * share);
        GC.KeepAlive(share);
        return point;
    }
}
