using TorchSharp;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Concepts;

/// <summary>Scores value vectors by a weighted mean of their logits, in deviations of all their logits.</summary>
/// <remarks>
/// Score of w: sum_t weight_t (E_t w - mean) / sd, mean and sd over the tokens; 0 where all logits are alike, as of a vector of zeros. Mean and sd of E w
/// follow from the mean m and the covariance C of the rows of E: they are m w and sqrt(w C w), so that no logit need be made. That picks the candidates; their
/// scores are then made from their logits, and candidates are added until no other can be among the best, so that the result is that of making every logit.
/// </remarks>
internal sealed class LogitScores : IDisposable
{
    private const int Block = 8192;
    private static readonly Scalar Least = 1e-30, LeastSquare = 1e-60;
    private readonly Tensor unembedding;                                                                  // (V, d), the source's
    private readonly bool isWhole;                                                                        // whether every row counts
    private readonly Tensor ids;                                                                          // (n)
    private readonly Tensor weights;                                                                      // (n)
    private readonly Tensor direction;                                                                    // (d): sum_t weight_t (E_t - m)
    private readonly Tensor covariance;                                                                   // (d, d)

    public LogitScores(Tensor unembedding, IReadOnlyList<int> tokens, IReadOnlyList<double> weights)
    {
        using var scope = NewDisposeScope();
        this.unembedding = unembedding;
        isWhole = VocabularyReader.IsAll(tokens, (int)unembedding.shape[0]);
        ids = tensor(tokens.Select(t => (long)t).ToArray(), device: unembedding.device);
        this.weights = tensor(weights.Select(w => (float)w).ToArray(), device: unembedding.device);
        var width = unembedding.shape[1];
        var (sum, square, aimed) = (zeros(width, float64, unembedding.device), zeros([width, width], float64, unembedding.device),
            zeros(width, float64, unembedding.device));
        foreach (var (rows, weight) in Blocks())
        {
            using var inner = NewDisposeScope();
            var row = rows();
            sum = (sum + row.sum(0, type: ScalarType.Float64)).MoveToOuterDisposeScope();
            square = (square + row.t().matmul(row).to(float64)).MoveToOuterDisposeScope();
            aimed = (aimed + weight.matmul(row).to(float64)).MoveToOuterDisposeScope();
        }

        var mean = sum / (double)tokens.Count;
        covariance = ((square / (double)tokens.Count) - mean.outer(mean)).to(float32);
        direction = (aimed - (mean * this.weights.sum(ScalarType.Float64))).to(float32);
        _ = (ids.DetachFromDisposeScope(), this.weights.DetachFromDisposeScope(), covariance.DetachFromDisposeScope(), direction.DetachFromDisposeScope());
    }

    /// <summary>The neurons of some layers with the largest scores; equal ones in order.</summary>
    public IReadOnlyList<ScoredNeuron> Best(
        StackValueVectors source, IReadOnlyList<int> layers, int count, IProgress<double>? progress, CancellationToken cancellation)
    {
        var near = new List<ScoredNeuron>();
        foreach (var (i, layer) in layers.Index())
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var vectors = source.Vectors(layer).to(float32);                                               // (F, d)
            var spread = (vectors.matmul(covariance) * vectors).sum(1).clamp_min(LeastSquare).sqrt();    // (F)
            near.AddRange(Scored(layer, [.. Enumerable.Range(0, (int)vectors.shape[0])], vectors.matmul(direction) / spread));
            progress?.Report(0.9 * (i + 1) / layers.Count);
        }

        near.Sort((a, b) => (b.Score, a.Neuron).CompareTo((a.Score, b.Neuron)));
        for (var candidates = Math.Max(64, 2 * count); ; candidates *= 4)
        {
            cancellation.ThrowIfCancellationRequested();
            var exact = Exactly(source, [.. near.Take(candidates)]);
            var best = exact.Values.OrderByDescending(s => s.Score).ThenBy(s => s.Neuron).Take(count).ToArray();
            var error = near.Take(candidates).Max(n => Math.Abs(n.Score - exact[n.Neuron].Score));
            if (near.Count <= candidates || near[candidates].Score + (8 * error) < best[^1].Score)
            {
                progress?.Report(1);
                return best;
            }
        }
    }

    /// <summary>Scores from the logits themselves.</summary>
    /// <param name="vectors">(F, d) float32.</param>
    /// <returns>(F).</returns>
    public Tensor Exactly(Tensor vectors)
    {
        using var scope = NewDisposeScope();
        var logits = cat([.. Blocks().Select(b => vectors.matmul(b.Rows().t()))], 1);                      // (F, n)
        var scores = (logits - logits.mean([1], keepdim: true)).matmul(weights) / logits.std(1, unbiased: false).clamp_min(Least);
        return scores.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var tensor in (Tensor[])[ids, weights, direction, covariance])
        {
            tensor.Dispose();
        }
    }

    private static IEnumerable<ScoredNeuron> Scored(int layer, int[] indices, Tensor scores)
        => scores.cpu().data<float>().ToArray().Zip(indices, (score, index) => new ScoredNeuron(new Neuron(layer, index), score));

    private Dictionary<Neuron, ScoredNeuron> Exactly(StackValueVectors source, IReadOnlyList<ScoredNeuron> candidates)
    {
        var exact = new Dictionary<Neuron, ScoredNeuron>();
        foreach (var layer in candidates.GroupBy(c => c.Neuron.Layer))
        {
            using var scope = NewDisposeScope();
            int[] indices = [.. layer.Select(c => c.Neuron.Index)];
            var all = source.Vectors(layer.Key);
            var vectors = all.index_select(0, tensor(indices.Select(i => (long)i).ToArray(), device: all.device)).to(float32);
            foreach (var scored in Scored(layer.Key, indices, Exactly(vectors)))
            {
                exact[scored.Neuron] = scored;
            }
        }

        return exact;
    }

    /// <summary>The rows of the vocabulary that count, in parts that are widened one after another.</summary>
    private IEnumerable<(Func<Tensor> Rows, Tensor Weights)> Blocks()
    {
        var count = ids.shape[0];
        for (var from = 0L; from < count; from += Block)
        {
            var (start, length) = (from, Math.Min(Block, count - from));
            yield return (
                () => (isWhole ? unembedding.narrow(0, start, length) : unembedding.index_select(0, ids.narrow(0, start, length))).to(float32),
                weights.narrow(0, start, length));
        }
    }
}
