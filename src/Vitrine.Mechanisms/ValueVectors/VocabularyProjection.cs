using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>Both ends of one neuron's value vector, read in the vocabulary.</summary>
/// <param name="TopIds">Tokens with the largest logits, largest first.</param>
/// <param name="TopScores">Their logits.</param>
/// <param name="BottomIds">Tokens with the smallest logits, smallest first: what the neuron writes when its activation is negative.</param>
/// <param name="BottomScores">Their logits.</param>
public sealed record NeuronReading(IReadOnlyList<int> TopIds, IReadOnlyList<float> TopScores, IReadOnlyList<int> BottomIds, IReadOnlyList<float> BottomScores);

/// <summary>Reads what feed-forward neurons write: logits = E w, where w is the neuron's value vector and E the unembedding, no norm applied.</summary>
/// <remarks>Geva et al. 2022; Haon et al. 2025, section 3. Equal logits are ordered by id.</remarks>
public static class VocabularyProjection
{
    private const int TileRows = 256;
    private const int BlockWidth = 64;

    /// <summary>Reads every neuron of some layers, layer by layer.</summary>
    /// <param name="stack">Speaks a language.</param>
    /// <param name="layers">From 0.</param>
    /// <param name="count">Tokens to keep at each end.</param>
    /// <param name="tokens">Ids to read in; every row of the unembedding when null.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between tiles.</param>
    /// <returns>[layer in the given order][neuron].</returns>
    public static IReadOnlyList<IReadOnlyList<NeuronReading>> Read(
        Stack stack, IReadOnlyList<int> layers, int count = 30, IReadOnlyList<int>? tokens = null, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(stack);
        ArgumentNullException.ThrowIfNull(layers);
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var unembedding = stack.Unembedding();
        if (tokens is not null)
        {
            unembedding = unembedding.index_select(0, tensor(tokens.Select(t => (long)t).ToArray()));
        }

        var readings = new List<IReadOnlyList<NeuronReading>>();
        foreach (var layer in layers)
        {
            using var vectors = stack.ValueVectors(layer);
            readings.Add(Read(vectors, unembedding, count, tokens, p => progress?.Report((readings.Count + p) / layers.Count), cancellation));
        }

        return readings;
    }

    /// <summary>Reads vectors (n,d) against an unembedding (V,d).</summary>
    internal static IReadOnlyList<NeuronReading> Read(Tensor vectors, Tensor unembedding, int count, IReadOnlyList<int>? ids, Action<double>? progress, CancellationToken cancellation)
    {
        var kept = (int)Math.Min(count, unembedding.shape[0]);
        using var scope = NewDisposeScope();
        var transposed = unembedding.t();
        var result = new List<NeuronReading>((int)vectors.shape[0]);
        for (long start = 0; start < vectors.shape[0]; start += TileRows)
        {
            cancellation.ThrowIfCancellationRequested();
            using var tile = NewDisposeScope();
            var rows = (int)Math.Min(TileRows, vectors.shape[0] - start);
            var logits = vectors.narrow(0, start, rows).contiguous().matmul(transposed);                   // (rows, V)
            var (topScores, topIds) = Ends(logits, kept, largest: true);
            var (bottomScores, bottomIds) = Ends(logits, kept, largest: false);
            for (var row = 0; row < rows; row++)
            {
                var (top, bottom) = (Ordered(topScores, topIds, row, kept, -1), Ordered(bottomScores, bottomIds, row, kept, 1));
                result.Add(new NeuronReading(Named(top, ids), [.. top.Select(t => t.Score)], Named(bottom, ids), [.. bottom.Select(t => t.Score)]));
            }

            progress?.Invoke((double)(start + rows) / vectors.shape[0]);
        }

        return result;
    }

    /// <remarks>The k largest numbers of a row lie in the k blocks with the largest maxima, so only those are searched.</remarks>
    private static (float[] Scores, long[] Ids) Ends(Tensor logits, int count, bool largest)
    {
        var (rows, width) = (logits.shape[0], logits.shape[1]);
        var blocks = width / BlockWidth;
        if (blocks <= count)
        {
            var (values, ids) = logits.topk(count, -1, largest, sorted: true);
            return (values.to(float32).contiguous().data<float>().ToArray(), ids.contiguous().data<long>().ToArray());
        }

        var whole = logits.narrow(1, 0, blocks * BlockWidth).view(rows, blocks, BlockWidth);
        var extremes = largest ? whole.amax([2]) : whole.amin([2]);                                        // (rows, blocks)
        var (_, chosen) = extremes.topk(count, -1, largest, sorted: false);                                // (rows, k)
        var members = whole.gather(1, chosen.unsqueeze(-1).expand(-1, -1, BlockWidth)).view(rows, -1);     // (rows, 64 k)
        var tail = width - (blocks * BlockWidth);
        var candidates = tail == 0 ? members : cat([members, logits.narrow(1, blocks * BlockWidth, tail)], 1);
        var (best, at) = candidates.topk(count, -1, largest, sorted: true);
        var (blockOf, places, scores) = (chosen.contiguous().data<long>().ToArray(), at.contiguous().data<long>().ToArray(), best.to(float32).contiguous().data<float>().ToArray());
        for (var i = 0; i < places.Length; i++)
        {
            var place = places[i];
            places[i] = place >= (long)count * BlockWidth
                ? (blocks * BlockWidth) + place - ((long)count * BlockWidth)
                : (blockOf[(i / count * count) + (int)(place / BlockWidth)] * BlockWidth) + (place % BlockWidth);
        }

        return (scores, places);
    }

    private static (float Score, int Id)[] Ordered(float[] scores, long[] ids, int row, int count, int sign)
        => [.. Enumerable.Range(row * count, count).Select(i => (Score: scores[i], Id: (int)ids[i])).OrderBy(t => sign * t.Score).ThenBy(t => t.Id)];

    private static int[] Named((float Score, int Id)[] ends, IReadOnlyList<int>? ids) => [.. ends.Select(t => ids is null ? t.Id : ids[t.Id])];
}
