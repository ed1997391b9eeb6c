using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>A language decoder: token embedding, blocks, final norm, head.</summary>
public sealed class TextStack
{
    private readonly Tensor embedding;

    internal TextStack(Stack stack, Tensor embedding) => (Stack, this.embedding) = (stack, embedding);

    /// <summary>The blocks.</summary>
    public Stack Stack { get; }

    /// <summary>Token embeddings of ids.</summary>
    /// <param name="ids">(B,T) int64.</param>
    /// <returns>(B,T,d), owned by the caller.</returns>
    /// <exception cref="VitrineException">An id lies outside the vocabulary.</exception>
    public Tensor Embed(Tensor ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        using var scope = NewDisposeScope();
        var (low, high) = (ids.min().item<long>(), ids.max().item<long>());
        return low < 0 || high >= embedding.shape[0]
            ? throw new VitrineException($"token {(low < 0 ? low : high)} lies outside the vocabulary of {embedding.shape[0]}.")
            : Rows(ids).MoveToOuterDisposeScope();
    }

    /// <summary>One pass over embedded prompts.</summary>
    /// <returns>Logits of every position (B,T,V).</returns>
    internal Tensor Prefill(Tensor embedded, long[][] positions, BoundPlan plan, Dictionary<Address, Tensor> kept)
    {
        using var pass = NewPass(0, positions, [], positions, plan, kept);
        return Stack.Logits(Stack.FinalNorm(Stack.Forward(embedded, pass).Residual, pass), pass);
    }

    /// <summary>Greedy decoding with a key/value cache: the prefill, then one pass for each token but the last.</summary>
    /// <param name="embedded">(B,T,d).</param>
    /// <param name="positions">[row][token], -1 for padding.</param>
    /// <param name="count">Tokens to generate.</param>
    /// <param name="plan">Acts in every pass that its scopes name.</param>
    /// <param name="kept">Receives what is captured.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <returns>Ids (B,count), and the logits that each was taken from (B,count,V); owned by the caller.</returns>
    /// <remarks>Edits of the logits act before the choice.</remarks>
    internal (long[][] Ids, Tensor Logits) Decode(Tensor embedded, long[][] positions, int count, BoundPlan plan, Dictionary<Address, Tensor> kept, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using var cache = new KeyValueCache(Stack.Shape.Layers, (int)embedded.shape[1] + count);
        var rows = positions.Length;
        var ids = Enumerable.Range(0, rows).Select(_ => new long[count]).ToArray();
        var steps = new List<Tensor>();
        var (input, queries, earlier) = (embedded, positions, Array.Empty<long[]>());
        for (var step = 0; step < count; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            using var pass = NewPass(step, queries, earlier, positions, plan, kept);
            var normed = Stack.FinalNorm(Stack.Forward(input, pass, cache).Residual, pass);
            var logits = Newest(normed, pass, queries);                                                    // (B, V)
            steps.Add(logits.MoveToOuterDisposeScope());
            var next = logits.argmax(-1).data<long>().ToArray();
            for (var row = 0; row < rows; row++)
            {
                ids[row][step] = next[row];
            }

            earlier = pass.Keys;
            queries = [.. earlier.Select(row => new[] { row.Max() + 1 })];
            input = Rows(tensor(next, [rows, 1])).MoveToOuterDisposeScope();
        }

        return (ids, stack([.. steps], 1).MoveToOuterDisposeScope());
    }

    /// <summary>Only the newest token's logits are computed, unless the plan asks for all.</summary>
    private Tensor Newest(Tensor normed, Pass pass, long[][] queries)
    {
        var newest = tensor(queries.Select(row => (long)Array.FindLastIndex(row, p => p >= 0)).ToArray());
        var rows = arange(queries.Length, ScalarType.Int64);
        return pass.Plan.Of(Stack.Shape.Name).Wants(Point.Logits)
            ? Stack.Logits(normed, pass).index(TensorIndex.Tensor(rows), TensorIndex.Tensor(newest))
            : Stack.Logits(normed.index(TensorIndex.Tensor(rows), TensorIndex.Tensor(newest)), pass);
    }

    private Tensor Rows(Tensor ids) => embedding.index_select(0, ids.flatten()).view(ids.shape[0], ids.shape[1], -1);

    private static Pass NewPass(int step, long[][] queries, long[][] earlier, long[][] prompt, BoundPlan plan, Dictionary<Address, Tensor> kept)
        => new(step, queries, earlier, [.. prompt.Select(row => row.LongCount(p => p >= 0))], causal: true, plan, kept);
}
