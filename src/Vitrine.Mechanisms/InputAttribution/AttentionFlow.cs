using TorchSharp;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>What could have come from where, read off attention: rollout, and value zeroing.</summary>
public static class AttentionFlow
{
    /// <summary>Attention rollout to each position from where the answer is read (<see cref="AttentionRollout"/>; Abnar and Zuidema 2020).</summary>
    /// <param name="function">A metric of a model; the metric itself is not asked.</param>
    /// <param name="row">Of its inputs.</param>
    /// <param name="residual">Share of the residual stream.</param>
    /// <returns>[position]; a row of the rollout sums to 1.</returns>
    /// <exception cref="VitrineException">Another stack decides than the one that reads.</exception>
    public static double[] Rollout(AttributedSubject function, int row = 0, double residual = .5)
    {
        ArgumentNullException.ThrowIfNull(function);
        var (subject, queries) = (function.Subject, Queries(function, row, "attention rollout"));
        using var scope = NewDisposeScope();
        var shape = subject.Stack.Shape;
        using var run = subject.Take([row]).Run(RunPlan.Capturing($"{shape.Name}.*.attn.pattern"), cancellation: function.Cancellation);
        using var rollout = new AttentionRollout(residual);
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            rollout.Add(run.Run[$"{shape.Name}.{layer}.attn.pattern"][0]);
        }

        return From(rollout.Matrix, queries);
    }

    /// <summary>
    /// Value zeroing (Mohebbi et al. 2023): in each layer the value vectors of one token at a time are 0, and the share of a token is how far the layer's
    /// output turns, 1 - cosine; the layers' matrices, rows summing to 1, are multiplied as in a rollout.
    /// </summary>
    /// <param name="function">A metric of a model; the metric itself is not asked.</param>
    /// <param name="row">Of its inputs.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <returns>[position].</returns>
    /// <exception cref="VitrineException">Another stack decides than the one that reads.</exception>
    public static double[] ValueZeroing(AttributedSubject function, int row = 0, IProgress<double>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(function);
        var (subject, queries) = (function.Subject, Queries(function, row, "value zeroing"));
        var shape = subject.Stack.Shape;
        using var scope = NewDisposeScope();
        Tensor? product = null;
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            var (values, output) = ($"{shape.Name}.{layer}.attn.v", $"{shape.Name}.{layer}.resid_post");
            using var plain = subject.Take([row]).Run(RunPlan.Capturing(output), cancellation: function.Cancellation);
            var own = plain.Run[output][0].Widened();                                                      // (T, d)
            var tokens = (int)own.shape[0];
            var turned = new List<Tensor>();
            foreach (var some in Enumerable.Range(0, tokens).Chunk(function.RowsPerPass))
            {
                function.Cancellation.ThrowIfCancellationRequested();
                Edit[] edits =
                [
                    .. some.Select((position, r) => new Zero(values) { Scope = new EditScope { Rows = [r], Positions = Positions.At(position), Steps = [0] } }),
                ];
                using var run = subject.Take([.. some.Select(_ => row)]).Run(
                    new RunPlan { Capture = [output], Edits = edits }, cancellation: function.Cancellation);
                turned.Add(nn.functional.cosine_similarity(run.Run[output].Widened(), own.unsqueeze(0), dim: -1));   // (some, T)
                progress?.Report((layer + ((some[^1] + 1.0) / tokens)) / shape.Layers);
            }

            // [t][j]: how far token t turns without token j.
            Scalar one = 1, nothing = 0, least = 1e-12;
            var share = cat([.. turned], 0).t().neg().add(one).clamp_min(nothing);
            share = share / share.sum(-1, keepdim: true).clamp_min(least);
            GC.KeepAlive((one, nothing, least));
            product = product is null ? share : share.matmul(product);
        }

        return From(product!, queries);
    }

    /// <summary>Refuses models in which attention of one stack does not lead from the inputs to the answer.</summary>
    internal static void Require(Metrics.Subject subject, string what)
    {
        if (subject.ReadAt(0).Count == 0)
        {
            throw new VitrineException(
                $"{subject.Model.Name}: {what} goes through one stack; stack '{subject.Stack.Shape.Name}' decides on what "
                + $"'{subject.Reader.Shape.Name}' has read.");
        }

        if (subject.Stack.Specs.Any(s => s.Cross is not null || s.Attention.Keys != KeySource.Own))
        {
            throw new VitrineException($"{subject.Model.Name}: {what} follows a stack's own tokens; '{subject.Stack.Shape.Name}' reads others.");
        }
    }

    private static IReadOnlyList<int> Queries(AttributedSubject function, int row, string what)
    {
        Require(function.Subject, what);
        return function.Subject.ReadAt(row);
    }

    private static double[] From(Tensor matrix, IReadOnlyList<int> queries)
        => matrix.index_select(0, tensor(queries.Select(q => (long)q).ToArray(), device: matrix.device)).mean([0]).to(float64).cpu().data<double>().ToArray();
}
