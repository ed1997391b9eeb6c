using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>Finds the tokens with the largest and with the smallest logits of one vector after another. One for each worker: it keeps its buffers.</summary>
/// <remarks>
/// Given approximate logits a_j with |a_j - c_j| at most m_j (<see cref="ScreenMargin"/>), c_j the exact ones. The k-th largest of max(a_j - m_j) over blocks
/// of tokens is a bound L that k different tokens reach, so that a token with a_j + m_j below L cannot be among the k largest c. The others are computed
/// exactly in the order of a_j + m_j, until that falls below the k-th best found. Both comparisons are strict, so that tokens that tie are never dropped. The
/// answer is therefore that of computing all c, whatever the margin was.
/// </remarks>
internal sealed class TopBottomSearch
{
    private readonly ScreenMargin margin;
    private readonly int width;
    private readonly int count;
    private readonly int blockWidth;
    private readonly int blocks;
    private readonly float[] margins;
    private readonly float[] largest;                                                                      // [row, block]
    private readonly float[] smallest;
    private readonly float[] bounds;
    private readonly double[] vector;
    private readonly float[] bestScores;
    private readonly int[] bestIds;
    private float[] candidateBounds = new float[1024];
    private int[] candidates = new int[1024];
    private int current;

    public TopBottomSearch(ScreenMargin margin, int rows, int vocabulary, int width, int count)
    {
        (this.margin, this.width, this.count) = (margin, width, count);
        blockWidth = BlockWidth(vocabulary, count);
        blocks = (vocabulary + blockWidth - 1) / blockWidth;
        (margins, largest, smallest) = (new float[blocks], new float[rows * blocks], new float[rows * blocks]);
        (bounds, bestScores, bestIds) = (new float[count], new float[count], new int[count]);
        vector = new double[width];
    }

    /// <summary>Tokens of a block: so many that there are still several times as many blocks as tokens wanted.</summary>
    public static int BlockWidth(int vocabulary, int count) => vocabulary / 64 >= 4 * count ? 64 : vocabulary / 8 >= 4 * count ? 8 : 1;

    /// <summary>Notes the extremes of a part of a row's logits.</summary>
    /// <param name="row">Of the tile.</param>
    /// <param name="from">Where the part begins, a multiple of the block width.</param>
    /// <param name="logits">The part.</param>
    public void Scan(int row, int from, ReadOnlySpan<float> logits)
    {
        var at = (row * blocks) + (from / blockWidth);
        for (; logits.Length >= blockWidth; logits = logits[blockWidth..], at++)
        {
            (smallest[at], largest[at]) = Extremes(logits[..blockWidth]);
        }

        if (logits.Length > 0)
        {
            (smallest[at], largest[at]) = Extremes(logits);
        }
    }

    /// <summary>Takes the next vector.</summary>
    /// <param name="row">Of the tile.</param>
    /// <param name="exact">(d).</param>
    /// <param name="lost">Norm of what rounding to bfloat16 took from it; 0 in float32.</param>
    /// <returns>False where it is not finite.</returns>
    public bool Begin(int row, ReadOnlySpan<float> exact, double lost)
    {
        current = row;
        var (square, i) = (Vector<double>.Zero, 0);
        for (; i <= exact.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(exact[i..]), out var low, out var high);
            square += (low * low) + (high * high);
            low.CopyTo(vector, i);
            high.CopyTo(vector, i + Vector<double>.Count);
        }

        var norm = Vector.Sum(square);
        for (; i < exact.Length; i++)
        {
            vector[i] = exact[i];
            norm += vector[i] * vector[i];
        }

        margin.Write(Math.Sqrt(norm), lost, margins);
        return double.IsFinite(norm);
    }

    /// <summary>The tokens with the largest logits, largest first.</summary>
    /// <param name="logits">(V), approximate, all parts scanned.</param>
    /// <param name="tokens">First number of the unembedding (V,d).</param>
    public (int[] Ids, float[] Scores) Largest(ReadOnlySpan<float> logits, ref float tokens)
        => BestTokens(logits, largest.AsSpan(current * blocks, blocks), 1, ref tokens);

    /// <summary>The tokens with the smallest logits, smallest first.</summary>
    /// <inheritdoc cref="Largest"/>
    public (int[] Ids, float[] Scores) Smallest(ReadOnlySpan<float> logits, ref float tokens)
        => BestTokens(logits, smallest.AsSpan(current * blocks, blocks), -1, ref tokens);

    /// <param name="logits">Approximate.</param>
    /// <param name="extremes">Of each block, at the side that is searched.</param>
    /// <param name="sign">1 for the largest; -1 for the smallest, which are the largest of the negated.</param>
    /// <param name="tokens">First number of the unembedding.</param>
    private (int[] Ids, float[] Scores) BestTokens(ReadOnlySpan<float> logits, ReadOnlySpan<float> extremes, float sign, ref float tokens)
    {
        var found = Candidates(logits, extremes, sign);
        Array.Sort(candidateBounds, candidates, 0, found);                                                 // negated, so the largest bound comes first
        var kept = 0;
        for (var i = 0; i < found; i++)
        {
            if (kept == count && -candidateBounds[i] < bestScores[^1])
            {
                break;
            }

            var id = candidates[i];
            Keep(sign * Dot(ref Unsafe.Add(ref tokens, (nint)id * width)), id, ref kept);
        }

        return (bestIds[..kept], Array.ConvertAll(bestScores[..kept], s => sign * s));
    }

    private int Candidates(ReadOnlySpan<float> logits, ReadOnlySpan<float> extremes, float sign)
    {
        var kept = 0;
        for (var block = 0; block < extremes.Length; block++)
        {
            Insert(bounds, (sign * extremes[block]) - Margin(extremes[block], block), ref kept);
        }

        var least = kept == count ? bounds[^1] : float.NegativeInfinity;
        var found = 0;
        for (var block = 0; block < extremes.Length; block++)
        {
            if (!((sign * extremes[block]) + Margin(extremes[block], block) >= least))
            {
                continue;
            }

            for (var id = block * blockWidth; id < Math.Min(logits.Length, (block + 1) * blockWidth); id++)
            {
                var bound = (sign * logits[id]) + Margin(logits[id], block);
                if (bound >= least)
                {
                    if (found == candidates.Length)
                    {
                        Array.Resize(ref candidates, 2 * found);
                        Array.Resize(ref candidateBounds, 2 * found);
                    }

                    (candidates[found], candidateBounds[found++]) = (id, -bound);
                }
            }
        }

        return found;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private float Margin(float logit, int block) => margins[block] + (margin.Relative * Math.Abs(logit));

    /// <remarks>Keeps a descending list of the largest.</remarks>
    private static void Insert(float[] best, float value, ref int kept)
    {
        if (kept == best.Length && !(value > best[^1]))
        {
            return;
        }

        var at = kept < best.Length ? kept++ : best.Length - 1;
        for (; at > 0 && best[at - 1] < value; at--)
        {
            best[at] = best[at - 1];
        }

        best[at] = value;
    }

    /// <remarks>Largest first, equal ones by id.</remarks>
    private void Keep(float score, int id, ref int kept)
    {
        if (kept == count && !Precedes(score, id, count - 1))
        {
            return;
        }

        var at = kept < count ? kept++ : count - 1;
        for (; at > 0 && Precedes(score, id, at - 1); at--)
        {
            (bestScores[at], bestIds[at]) = (bestScores[at - 1], bestIds[at - 1]);
        }

        (bestScores[at], bestIds[at]) = (score, id);
    }

    private bool Precedes(float score, int id, int at) => score > bestScores[at] || (score == bestScores[at] && id < bestIds[at]);

    private static (float Smallest, float Largest) Extremes(ReadOnlySpan<float> block)
    {
        ref var first = ref MemoryMarshal.GetReference(block);
        var (low, high, i) = (first, first, 0);
        if (block.Length >= 8)
        {
            var (lows, highs) = (Vector256.LoadUnsafe(ref first), Vector256.LoadUnsafe(ref first));
            for (i = 8; i <= block.Length - 8; i += 8)
            {
                var next = Vector256.LoadUnsafe(ref first, (nuint)i);
                (lows, highs) = (Vector256.MinNative(lows, next), Vector256.MaxNative(highs, next));
            }

            var (l, h) = (Vector128.MinNative(lows.GetLower(), lows.GetUpper()), Vector128.MaxNative(highs.GetLower(), highs.GetUpper()));
            (l, h) = (Vector128.MinNative(l, Vector128.Shuffle(l, Vector128.Create(2, 3, 0, 1))),
                Vector128.MaxNative(h, Vector128.Shuffle(h, Vector128.Create(2, 3, 0, 1))));
            (low, high) = (Vector128.MinNative(l, Vector128.Shuffle(l, Vector128.Create(1, 0, 3, 2)))[0],
                Vector128.MaxNative(h, Vector128.Shuffle(h, Vector128.Create(1, 0, 3, 2)))[0]);
        }

        for (; i < block.Length; i++)
        {
            (low, high) = (Math.Min(low, block[i]), Math.Max(high, block[i]));
        }

        return (low, high);
    }

    /// <remarks>
    /// Products of two float32 are exact in float64, fused with their sum or not; the sums run in 16 lanes whose order is fixed here, so that every machine
    /// rounds alike.
    /// </remarks>
    private float Dot(ref float token)
    {
        var (a, b, c, d) = (Vector256<double>.Zero, Vector256<double>.Zero, Vector256<double>.Zero, Vector256<double>.Zero);
        ref var own = ref vector[0];
        var i = 0;
        for (; i <= width - 16; i += 16)
        {
            var (x, y) = (Vector256.LoadUnsafe(ref token, (nuint)i), Vector256.LoadUnsafe(ref token, (nuint)i + 8));
            a = Vector256.MultiplyAddEstimate(Vector256.WidenLower(x), Vector256.LoadUnsafe(ref own, (nuint)i), a);
            b = Vector256.MultiplyAddEstimate(Vector256.WidenUpper(x), Vector256.LoadUnsafe(ref own, (nuint)i + 4), b);
            c = Vector256.MultiplyAddEstimate(Vector256.WidenLower(y), Vector256.LoadUnsafe(ref own, (nuint)i + 8), c);
            d = Vector256.MultiplyAddEstimate(Vector256.WidenUpper(y), Vector256.LoadUnsafe(ref own, (nuint)i + 12), d);
        }

        var lanes = a + b + (c + d);
        var sum = lanes[0] + lanes[1] + (lanes[2] + lanes[3]);
        for (; i < width; i++)
        {
            sum += vector[i] * Unsafe.Add(ref token, i);
        }

        return (float)sum;
    }
}
