using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>A text stack: token embedding, blocks, final norm, head.</summary>
public sealed class TextStack
{
    private readonly TextEmbedding embedding;

    internal TextStack(Stack stack, TextEmbedding embedding) => (Stack, this.embedding) = (stack, embedding);

    /// <summary>The blocks.</summary>
    public Stack Stack { get; }

    /// <summary>Token embeddings of ids, scaled where the family scales them; positions come in behind.</summary>
    /// <param name="ids">(B,T) int64.</param>
    /// <returns>(B,T,d), owned by the caller.</returns>
    /// <exception cref="VitrineException">An id lies outside the vocabulary.</exception>
    public Tensor Embed(Tensor ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        using var scope = NewDisposeScope();
        var (low, high) = (ids.min().item<long>(), ids.max().item<long>());
        return low < 0 || high >= embedding.Words.shape[0]
            ? throw new VitrineException($"token {(low < 0 ? low : high)} lies outside the vocabulary of {embedding.Words.shape[0]}.")
            : Rows(ids).MoveToOuterDisposeScope();
    }

    /// <summary>The pass that reads whole prompts.</summary>
    internal Pass NewPass(TokenBatch batch, BoundPlan plan, Dictionary<Address, Tensor> kept)
    {
        var positions = Arrays(batch.Positions)!;
        return NewPass(0, positions, [], positions, plan, kept, Arrays(batch.PositionIds));
    }

    /// <summary>One pass over embedded prompts.</summary>
    /// <param name="embedded">(B,T,d).</param>
    /// <param name="pass">Of the stack.</param>
    /// <param name="segments">(B,T) of an encoder that tells texts apart; null where all are 0.</param>
    /// <returns>The normed residual of every position (B,T,d).</returns>
    internal Tensor Forward(Tensor embedded, Pass pass, Tensor? segments = null)
        => Stack.FinalNorm(Stack.Forward(embedding.Placed(embedded, pass, segments), pass).Residual, pass);

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
            var normed = Stack.FinalNorm(Stack.Forward(embedding.Placed(input, pass, null), pass, cache).Residual, pass);
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
        var rows = tensor(Enumerable.Range(0, queries.Length).Select(i => (long)i).ToArray());
        return pass.Plan.Of(Stack.Shape.Name).Wants(Point.Logits)
            ? Stack.Logits(normed, pass).index(TensorIndex.Tensor(rows), TensorIndex.Tensor(newest))
            : Stack.Logits(normed.index(TensorIndex.Tensor(rows), TensorIndex.Tensor(newest)), pass);
    }

    private Tensor Rows(Tensor ids)
    {
        var rows = embedding.Words.index_select(0, ids.flatten()).view(ids.shape[0], ids.shape[1], -1);
        return embedding.Scale is null ? rows : rows * embedding.Scale;
    }

    private Pass NewPass(int step, long[][] queries, long[][] earlier, long[][] prompt, BoundPlan plan, Dictionary<Address, Tensor> kept, long[][]? positionIds = null)
        => new(step, queries, earlier, [.. prompt.Select(row => row.LongCount(p => p >= 0))], Stack.Spec.Attention.Causal, plan, kept) { GivenPositionIds = positionIds };

    private static long[][]? Arrays(IReadOnlyList<IReadOnlyList<long>>? rows) => rows is null ? null : [.. rows.Select(r => r.ToArray())];
}
