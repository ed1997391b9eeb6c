using static TorchSharp.torch;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>How far a fast logit can be from the exact one.</summary>
/// <remarks>
/// <para>
/// Claim: |a - c| is at most m + r |a|, where a is the logit that the fast product gave, c the exact product x y summed in float64 and rounded to float32, r =
/// <see cref="Relative"/>, and m = |r_x| |y| + (|x| + |r_x|) |r_y| + (d u' + 2^-22) (|x| + |r_x|) (|y| + |r_y|). Here x is the vector, y the token, x~ and y~
/// what is multiplied, r_x = x - x~, r_y = y - y~ (zero in float32), | | Euclidean norms, d the width and u' = 2^-22.
/// </para>
/// <para>
/// Proof. (1) x y - x~ y~ = r_x y + x~ r_y; by Cauchy and Schwarz that is at most |r_x| |y| + |x~| |r_y|, and |x~| is at most |x| + |r_x|. (2) Summing d
/// products in float32 in any order, fused or not, is off by at most d u / (1 - d u) sum |x~_i y~_i| with u = 2^-24 (Higham 2002, section 3.1); u' = 4 u leaves
/// room for hardware that truncates, as long as d is below 2^21; sum |x~_i y~_i| is at most |x~| |y~|. (3) A product kept in bfloat16 is rounded to 8 bits: |a
/// - s| is at most 2^-8 |s|, hence at most 2^-8 / (1 - 2^-8) |a|, which is below r = 2^-8 + 2^-15. In float32 nothing is rounded twice. (4) The exact product,
/// summed in float64 and rounded to float32, is off by less than 2^-23 |x| |y|, which 2^-22 covers. (5) The bounds themselves are computed in float32 with a
/// few roundings of 2^-24 each, relative to m, a and their sum; r holds 2^-20 more and m is multiplied by 1 + 2^-16 for that. Numbers that underflow count as
/// zero; 2^-100 is added for them. Products of bfloat16 in lower precision than float32 sums would break (2): <see cref="ScreenTrial"/> looks for that on real
/// numbers.
/// </para>
/// <para>Norms of tokens are taken as the largest of a block of neighbours, so that a block's extremes bound all of its tokens.</para>
/// </remarks>
internal sealed class ScreenMargin
{
    private const double PerTerm = 1.0 / (1 << 22), Slack = 1 + (1.0 / (1 << 16)), Underflow = 1e-30;
    private readonly double[] norms;
    private readonly double[] lost;
    private readonly double sums;

    private ScreenMargin(double[] norms, double[] lost, int width, bool coarse)
    {
        (this.norms, this.lost) = (norms, lost);
        sums = (width + 1) * PerTerm;
        Relative = (coarse ? (1f / 256) + (1f / 32768) : 0) + (1f / (1 << 20));
    }

    /// <summary>The part of the margin that grows with the logit: r.</summary>
    public float Relative { get; }

    /// <summary>Measures the tokens.</summary>
    /// <param name="tokens">(V,d) float32.</param>
    /// <param name="blockWidth">Neighbours that share a bound.</param>
    /// <param name="coarse">Whether products are taken in bfloat16.</param>
    public static ScreenMargin Of(Tensor tokens, int blockWidth, bool coarse)
    {
        var (norms, lost) = (new List<double>(), new List<double>());
        var step = 4096 / blockWidth * blockWidth;
        for (long start = 0; start < tokens.shape[0]; start += step)
        {
            using var scope = NewDisposeScope();
            var some = tokens.narrow(0, start, Math.Min(step, tokens.shape[0] - start));
            norms.AddRange(Largest(some, blockWidth));
            lost.AddRange(coarse ? Largest(some - some.to(bfloat16).to(float32), blockWidth) : Enumerable.Repeat(0.0, norms.Count - lost.Count));
        }

        return new ScreenMargin([.. norms], [.. lost], (int)tokens.shape[1], coarse);
    }

    /// <summary>The part of the margin that does not depend on the logit (m), block by block.</summary>
    /// <param name="norm">|x|.</param>
    /// <param name="lostOfVector">|r_x|.</param>
    /// <param name="margins">Receives m.</param>
    public void Write(double norm, double lostOfVector, float[] margins)
    {
        for (var block = 0; block < margins.Length; block++)
        {
            var (x, rx, y, ry) = (norm, lostOfVector, norms[block], lost[block]);
            margins[block] = (float)(Slack * ((rx * y) + ((x + rx) * ry) + (sums * (x + rx) * (y + ry)) + Underflow));
        }
    }

    /// <summary>Norms of the rows of a matrix.</summary>
    public static double[] Norms(Tensor rows)
    {
        using var wide = rows.to(float64);
        using var norms = wide.norm(1);
        return norms.data<double>().ToArray();
    }

    private static IEnumerable<double> Largest(Tensor rows, int blockWidth)
    {
        var norms = Norms(rows);
        return Array.TrueForAll(norms, double.IsFinite)
            ? norms.Chunk(blockWidth).Select(b => b.Max())
            : throw new VitrineException("value vectors: the unembedding holds values that are no finite numbers. Is the checkpoint broken?");
    }
}
