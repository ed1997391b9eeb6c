using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using Vitrine.Transformers.Caches;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Attribution.Direct;

/// <summary>What one layer says to a metric directly.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Attention">All heads, and biases behind them.</param>
/// <param name="FeedForward">All neurons, and biases behind them.</param>
/// <param name="Heads">Each head.</param>
/// <param name="Neurons">Each neuron.</param>
public sealed record DirectLayer(int Layer, double Attention, double FeedForward, IReadOnlyList<float> Heads, IReadOnlyList<float> Neurons);

/// <summary>Direct attribution: a metric of one row as an exact sum over everything that was written into the residual that it is read from.</summary>
/// <remarks>
/// metric = constant + sum over passes and positions t of u_t . x_t, x the residual behind the last block, u_t the metric's gradient at the normed residual
/// through the last norm held at its scale (Elhage et al. 2021, "direct path"; TransformerLens' logit_attrs for any metric). x is the sum of what embedding,
/// heads and neurons wrote. What a part does by way of later parts is not in it. Of a flow the samples between steps are held, so that each step's velocity
/// counts once.
/// </remarks>
/// <param name="Metric">Its name.</param>
/// <param name="Row">Of the inputs.</param>
/// <param name="Measure">The metric.</param>
/// <param name="Constant">
/// What no part of the residual can change: biases of norm and head, the noise of a flow; of a metric that is not linear also what its gradient does not tell.
/// </param>
/// <param name="Embedding">What the embedding says, and what a model adds behind blocks beside what they write.</param>
/// <param name="Layers">Layer by layer.</param>
/// <param name="Remainder">Measure minus constant and all parts: rounding.</param>
/// <param name="IsLinear">Whether the metric moves as its gradient says when what it is read from is taken away.</param>
public sealed record DirectAttribution(
    string Metric, int Row, double Measure, double Constant, double Embedding, IReadOnlyList<DirectLayer> Layers, double Remainder, bool IsLinear)
{
    private const string Chunk = "action.chunk";

    /// <summary>Attributes a metric to the parts of every row.</summary>
    /// <param name="subject">Who is asked.</param>
    /// <param name="metric">Of what.</param>
    /// <param name="plan">What to change meanwhile; nothing when null.</param>
    /// <param name="cancellation">Stops between layers.</param>
    /// <exception cref="VitrineException">The residual is no sum of what its blocks write, or the stack has no last norm; or as the metric says.</exception>
    public static IReadOnlyList<DirectAttribution> Of(Subject subject, Metric metric, RunPlan? plan = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(metric);
        var (shape, flow) = (subject.Shape, subject.Flow);
        if (ActivationCache.Added(subject.Stack).LastNorm is null)
        {
            throw new VitrineException($"direct attribution: stack '{shape.Name}' has no norm behind its last block.");
        }

        var read = flow is null ? $"{shape.Name}.{Point.FinalNorm.Name}@*" : Chunk;
        using var run = subject.Run((plan ?? RunPlan.Empty).Then(new RunPlan { Capture = Needs(subject), Gradients = [read] }), cancellation: cancellation);
        using var scope = NewDisposeScope();
        var gradients = run.Run.GradientsOf(_ => metric.Of(run).sum());
        var measures = metric.Values(run);
        using var mode = no_grad();
        var isLinear = IsLinearIn(subject, metric, plan, read, measures, Reach(run.Run, gradients), cancellation);
        var rows = measures.Select(_ => new Sums(shape)).ToArray();
        foreach (var step in Steps(run.Run, shape))
        {
            using var inner = NewDisposeScope();
            var gradient = flow is not null
                ? flow.AtNormed(gradients.Values.Single())
                : gradients[new Address(shape.Name, null, Point.FinalNorm, step)];
            Add(subject, run.Run, step, gradient, flow?.ConditionAt(step), rows, cancellation);
        }

        return [.. rows.Select((row, r) => row.Of(metric.Name, subject.Origins[r], measures[r], isLinear[r]))];
    }

    private static IReadOnlyList<string> Needs(Subject subject)
    {
        var (shape, blocks) = (subject.Shape, subject.Stack.Blocks);
        Point[] points =
        [
            Point.AttnZ, Point.MlpNeurons,
            .. blocks.Any(b => b.Weights.AttentionWriting.OutputNorm is not null) ? [Point.AttnOut] : Array.Empty<Point>(),
            .. blocks.Any(b => b.Weights.MlpWriting.OutputNorm is not null) ? [Point.MlpOut] : Array.Empty<Point>(),
        ];
        return
        [
            .. points.Select(p => $"{shape.Name}.*.{p.Name}@*"), new Address(shape.Name, shape.Layers - 1, Point.ResidPost) + "@*",
            new Address(shape.Name, null, Point.Embed) + "@*",
            .. AddedBehind(shape).Select(p => new Address(shape.Name, null, p).ToString()),
        ];
    }

    private static IEnumerable<Point> AddedBehind(StackShape shape)
        => Enumerable.Range(0, shape.Layers).Select(l => PictureSide.DeepStack(l, shape.Width)).Where(shape.Points.Contains);

    private static IEnumerable<int> Steps(Run run, StackShape shape)
        => run.Activations.Keys.Where(k => k.Stack == shape.Name && k.Layer == shape.Layers - 1 && k.Point == Point.ResidPost).Select(k => k.Step).Order();

    /// <summary>[row]: gradient times what the metric is read from.</summary>
    private static double[] Reach(Run run, IReadOnlyDictionary<Address, Tensor> gradients)
    {
        using var scope = NewDisposeScope();
        var sums = gradients.Select(g => (run.Activations[g.Key].detach().to(float64) * g.Value.to(float64)).flatten(1).sum(1L)).ToArray();
        return stack(sums).sum(0L).cpu().data<double>().ToArray();
    }

    private static bool[] IsLinearIn(
        Subject subject, Metric metric, RunPlan? plan, string read, IReadOnlyList<double> measures, double[] reach, CancellationToken cancellation)
    {
        const double Near = 1e-3, Least = 1e-3;
        var nothing = RunPlan.Editing(new Zero(read.Replace("@*", "", StringComparison.Ordinal)));
        using var without = subject.Run((plan ?? RunPlan.Empty).Then(nothing), cancellation: cancellation);
        return
        [
            .. metric.Values(without).Select((left, r)
                => Math.Abs(left - (measures[r] - reach[r])) <= Near * Math.Max(Least, Math.Max(Math.Abs(measures[r]), Math.Abs(reach[r])))),
        ];
    }

    private static void Add(Subject subject, Run run, int step, Tensor gradient, Tensor? condition, Sums[] rows, CancellationToken cancellation)
    {
        var (shape, stack) = (subject.Shape, subject.Stack);
        var whole = At(shape.Layers - 1, Point.ResidPost);                                                 // (B, T, d)
        if (gradient.dim() == 2)
        {
            gradient = cat([gradient.unsqueeze(1), zeros_like(whole.narrow(1, 1, whole.shape[1] - 1))], 1);  // CLIP norms the class token alone
        }

        long[] columns = [.. gradient.abs().amax([0, 2]).cpu().to(float64).data<double>().ToArray().Index().Where(c => c.Item != 0).Select(c => (long)c.Index)];
        if (columns.Length == 0)
        {
            return;
        }

        var places = tensor(columns, device: whole.device);
        var residual = Own(whole);
        var towards = new FrozenNorm(stack.LastNorm!, residual, condition).Pulled(gradient.index_select(1, places));   // (B, n, d)
        Each(rows, Sum(towards * residual), (row, value) => row.Reach += value);
        Each(rows, Sum(towards * Own(At(null, Point.Embed))), (row, value) => row.Embedding += value);
        foreach (var point in step == 0 ? AddedBehind(shape) : [])
        {
            Each(rows, Sum(towards * Own(At(null, point))), (row, value) => row.Embedding += value);
        }

        for (var layer = 0; layer < shape.Layers; layer++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            var (own, weights) = (layer, stack.At(layer).Weights);
            var (heads, shift) = Shares(weights.AttentionWriting, weights.Output, weights.AttentionNorm, Point.AttnOut, Point.AttnZ);
            heads = heads.reshape(heads.shape[0], heads.shape[1], shape.Heads, shape.HeadWidth).sum([1, 3]);
            Parts(rows, heads, shift, (row, parts, bias) => row.Attention(own, parts, bias));
            var (neurons, moved) = Shares(weights.MlpWriting, weights.Down, weights.MlpNorm, Point.MlpOut, Point.MlpNeurons);
            Parts(rows, neurons.sum([1]), moved, (row, parts, bias) => row.FeedForward(own, parts, bias));

            // What each coordinate that a part writes says, and what the biases behind it say.
            (Tensor Each, double[] Biases) Shares(Writing writing, Linear output, Norm? gating, Point written, Point part)
            {
                var gate = gating?.GateUnder(condition);
                var pulled = writing.Pulled(towards, () => Own(At(own, written)), gate);
                var bias = output.Bias is { } b ? Sum(pulled * b.Widened()) : new double[rows.Length];
                var behind = writing.OutputNorm?.Bias is { } c ? Sum(towards * c.Widened()) : new double[rows.Length];
                return (pulled.matmul(output.Weight.Widened()) * Own(At(own, part).flatten(2)), [.. bias.Zip(behind, (x, y) => x + y)]);
            }
        }

        Tensor At(int? layer, Point point) => run[new Address(shape.Name, layer, point, step).ToString()].detach();

        Tensor Own(Tensor x) => x.index_select(1, places).Widened();
    }

    private static double[] Sum(Tensor x)
    {
        using var sums = x.to(float64).sum([1, 2]).cpu();
        return sums.data<double>().ToArray();
    }

    private static void Each(Sums[] rows, double[] values, Action<Sums, double> add)
    {
        foreach (var (row, value) in rows.Zip(values))
        {
            add(row, value);
        }
    }

    private static void Parts(Sums[] rows, Tensor parts, double[] biases, Action<Sums, float[], double> add)
    {
        var each = Pictures.Numbers.Rows(parts);
        foreach (var (r, row) in rows.Index())
        {
            add(row, each[r], biases[r]);
        }
    }

    /// <summary>What was summed of a row so far.</summary>
    private sealed class Sums(StackShape shape)
    {
        private readonly float[][] heads = [.. Enumerable.Range(0, shape.Layers).Select(_ => new float[shape.Heads])];
        private readonly float[][] neurons = [.. Enumerable.Range(0, shape.Layers).Select(_ => new float[shape.Neurons])];
        private readonly double[] attention = new double[shape.Layers], feedForward = new double[shape.Layers];

        public double Reach { get; set; }

        public double Embedding { get; set; }

        public void Attention(int layer, float[] parts, double bias) => attention[layer] += Kept(heads[layer], parts) + bias;

        public void FeedForward(int layer, float[] parts, double bias) => feedForward[layer] += Kept(neurons[layer], parts) + bias;

        public DirectAttribution Of(string metric, int row, double measure, bool isLinear) => new(
            metric, row, measure, measure - Reach, Embedding,
            [.. Enumerable.Range(0, shape.Layers).Select(l => new DirectLayer(l, attention[l], feedForward[l], heads[l], neurons[l]))],
            Reach - Embedding - attention.Sum() - feedForward.Sum(), isLinear);

        private static double Kept(float[] kept, float[] parts)
        {
            var sum = 0.0;
            for (var i = 0; i < parts.Length; i++)
            {
                kept[i] += parts[i];
                sum += parts[i];
            }

            return sum;
        }
    }
}
