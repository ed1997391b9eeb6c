using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using Vitrine.Transformers.Weights;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>A text stack: token embedding, blocks, final norm, head.</summary>
public sealed class TextStack
{
    private readonly TextEmbedding embedding;

    internal TextStack(Stack stack, TextEmbedding embedding) => (Stack, this.embedding) = (stack, embedding);

    /// <summary>The blocks.</summary>
    public Stack Stack { get; }

    internal TextEmbedding Embedding => embedding;

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

    /// <summary>The same stack with weights that are folded when they are asked for.</summary>
    internal TextStack Processed(ProcessedWeights weights) => new(
        new Stack(Stack.Shape, Stack.Blocks)
        {
            EntryNorm = Stack.EntryNorm,
            LastNorm = weights.LastNorm,
            Head = Stack.Head,
            LogitCap = Stack.LogitCap,
            FeaturesAfter = Stack.FeaturesAfter,
            PrefixTokens = Stack.PrefixTokens,
            Processing = weights,
        },
        embedding with { IsCentred = weights.Folding.CentreWriting });

    /// <summary>The pass that reads prompts from a column on; what stands before is in a cache.</summary>
    internal Pass NewPass(TokenBatch batch, int column, BoundPlan plan, Dictionary<Address, Tensor> kept)
    {
        var positions = Arrays(batch.Positions)!;
        var ids = Arrays(batch.PositionIds);
        return NewPass(0, [.. positions.Select(r => r[column..])], column == 0 ? [] : [.. positions.Select(r => r[..column])], positions, plan, kept, ids is null ? null : [.. ids.Select(r => r[column..])]);
    }

    /// <summary>The residual in front of block 0 (B,T,d).</summary>
    /// <param name="embedded">(B,T,d).</param>
    /// <param name="pass">Of the stack.</param>
    /// <param name="segments">(B,T) of an encoder that tells texts apart; null where all are 0.</param>
    internal Tensor Enter(Tensor embedded, Pass pass, Tensor? segments = null) => Stack.Enter(embedding.Placed(embedded, pass, segments), pass);

    /// <summary>One pass over whole embedded prompts.</summary>
    /// <param name="embedded">(B,T,d).</param>
    /// <param name="pass">Of the stack.</param>
    /// <returns>The normed residual of every position (B,T,d).</returns>
    internal Tensor Forward(Tensor embedded, Pass pass)
        => Stack.FinalNorm(Stack.Through(Enter(embedded, pass), pass, null, 0, Stack.Shape.Layers - 1).Residual, pass);

    /// <summary>Greedy decoding; see <see cref="Decode(Tensor, long[][], TokenChoice, BoundPlan, Dictionary{Address, Tensor}, CancellationToken)"/>.</summary>
    internal (long[][] Ids, Tensor Logits) Decode(Tensor embedded, long[][] positions, int count, BoundPlan plan, Dictionary<Address, Tensor> kept, CancellationToken cancellation)
    {
        var (ids, logits) = Decode(embedded, positions, new TokenChoice(new GenerationOptions(count), positions.Length), plan, kept, cancellation);
        return (ids, logits!);
    }

    /// <summary>Decoding with a key/value cache: the prefill, then one pass for each token but the last.</summary>
    /// <param name="embedded">(B,T,d).</param>
    /// <param name="positions">[row][token], -1 for padding.</param>
    /// <param name="choice">Takes a token of each row from its logits, and tells when all rows have stopped.</param>
    /// <param name="plan">Acts in every pass that its scopes name.</param>
    /// <param name="kept">Receives what is captured.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <returns>Ids (B,steps), and the logits that each was taken from (B,steps,V), null where they are not wanted; owned by the caller.</returns>
    /// <remarks>Edits of the logits act before the choice. Rows that have stopped read their padding on, so that the others' numbers do not move.</remarks>
    internal (long[][] Ids, Tensor? Logits) Decode(Tensor embedded, long[][] positions, TokenChoice choice, BoundPlan plan, Dictionary<Address, Tensor> kept, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using var cache = new KeyValueCache(Stack.Shape.Layers, (int)embedded.shape[1] + choice.Count);
        var rows = positions.Length;
        var (chosen, steps) = (new List<long[]>(), new List<Tensor>());
        var (input, queries, earlier) = (embedded, positions, Array.Empty<long[]>());
        for (var step = 0; step < choice.Count && !choice.IsDone; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            using var pass = NewPass(step, queries, earlier, positions, plan, kept);
            var normed = Stack.FinalNorm(Stack.Forward(embedding.Placed(input, pass, null), pass, cache).Residual, pass);
            var logits = Newest(normed, pass, queries);                                                    // (B, V)
            if (choice.KeepsLogits)
            {
                steps.Add(logits.MoveToOuterDisposeScope());
            }

            chosen.Add(choice.Next(logits, step));
            earlier = pass.Keys;
            queries = [.. earlier.Select(row => new[] { row.Max() + 1 })];
            input = Rows(tensor(chosen[^1], [rows, 1])).MoveToOuterDisposeScope();
        }

        long[][] ids = [.. Enumerable.Range(0, rows).Select(row => chosen.Select(c => c[row]).ToArray())];
        return (ids, choice.KeepsLogits ? stack([.. steps], 1).MoveToOuterDisposeScope() : null);
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
        var rows = embedding.WordRows(ids.flatten()).view(ids.shape[0], ids.shape[1], -1);
        return embedding.Table(embedding.Scale is null ? rows : rows * embedding.Scale);
    }

    private Pass NewPass(int step, long[][] queries, long[][] earlier, long[][] prompt, BoundPlan plan, Dictionary<Address, Tensor> kept, long[][]? positionIds = null)
        => new(step, queries, earlier, [.. prompt.Select(row => row.LongCount(p => p >= 0))], Stack.Spec.Attention.Causal, plan, kept) { GivenPositionIds = positionIds };

    private static long[][]? Arrays(IReadOnlyList<IReadOnlyList<long>>? rows) => rows is null ? null : [.. rows.Select(r => r.ToArray())];
}
