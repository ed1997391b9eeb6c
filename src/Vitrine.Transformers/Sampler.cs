namespace Vitrine.Transformers;

/// <summary>Draws tokens: pure functions of logits, settings and a seed.</summary>
public static class Sampler
{
    /// <summary>What a token is drawn from.</summary>
    /// <param name="logits">One for each token; minus infinity excludes one.</param>
    /// <param name="sampling">The filters.</param>
    /// <returns>Probabilities that sum to 1; 0 where a filter took the token away.</returns>
    /// <exception cref="VitrineException">There is nothing to draw: no logit is finite, or one is NaN.</exception>
    public static double[] Probabilities(ReadOnlySpan<float> logits, Sampling sampling)
    {
        ArgumentNullException.ThrowIfNull(sampling);
        sampling.Check();
        var scores = new double[logits.Length];
        for (var i = 0; i < scores.Length; i++)
        {
            scores[i] = float.IsNaN(logits[i]) || float.IsPositiveInfinity(logits[i])
                ? throw new VitrineException($"sampling: the logit of token {i} is {logits[i]}.")
                : logits[i] / sampling.Temperature;
        }

        if (sampling.TopK is { } k && k < scores.Length)
        {
            KeepLargest(scores, k);
        }

        if (sampling.TopP is { } p && p < 1)
        {
            KeepNucleus(scores, p);
        }

        if (sampling.MinP is { } floor && floor > 0)
        {
            var best = Max(scores) + Math.Log(floor);
            Remove(scores, s => s < best);
        }

        if (sampling.TypicalP is { } mass && mass < 1)
        {
            KeepTypical(scores, mass);
        }

        if (sampling.EpsilonCutoff is { } epsilon && epsilon > 0)
        {
            KeepProbable(scores, _ => epsilon);
        }

        if (sampling.EtaCutoff is { } eta && eta > 0)
        {
            KeepProbable(scores, entropy => Math.Min(eta, Math.Sqrt(eta) * Math.Exp(-entropy)));
        }

        return Softmax(scores);
    }

    /// <summary>The token at a place of the cumulated probabilities.</summary>
    /// <param name="probabilities">They sum to 1.</param>
    /// <param name="uniform">From 0, below 1.</param>
    public static int Draw(ReadOnlySpan<double> probabilities, double uniform)
    {
        var (sum, last) = (0.0, -1);
        for (var i = 0; i < probabilities.Length; i++)
        {
            if (probabilities[i] > 0)
            {
                (sum, last) = (sum + probabilities[i], i);
                if (uniform < sum)
                {
                    return i;
                }
            }
        }

        return last;   // the sum of rounded probabilities may stay a little below 1
    }

    /// <summary>The uniform number of one draw, from 0, below 1: a function of its place, so that no draw depends on how many were made before.</summary>
    /// <remarks>SplitMix64 (Steele, Lea, Flood 2014) on the seed, the row and the step in turn.</remarks>
    public static double Uniform(ulong seed, int row, int step)
        => (Mix(Mix(Mix(seed) ^ (uint)row) ^ (uint)step) >> 11) * (1.0 / (1UL << 53));

    private static ulong Mix(ulong z)
    {
        z += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    private static void KeepLargest(double[] scores, int k)
    {
        var largest = new PriorityQueue<double, double>(k);
        foreach (var score in scores)
        {
            if (largest.Count < k)
            {
                largest.Enqueue(score, score);
            }
            else if (score > largest.Peek())
            {
                largest.EnqueueDequeue(score, score);
            }
        }

        var least = largest.Peek();
        Remove(scores, s => s < least);
    }

    /// <summary>From the most probable downward, keeps tokens until their mass reaches p; among equals those with smaller ids.</summary>
    private static void KeepNucleus(double[] scores, double p)
    {
        var probabilities = Softmax(scores);
        var queue = new PriorityQueue<int, (double, int)>(scores.Select((s, i) => (i, (-s, i))));
        var kept = new bool[scores.Length];
        for (var mass = 0.0; mass < p && queue.TryDequeue(out var best, out _); mass += probabilities[best])
        {
            kept[best] = true;
        }

        for (var i = 0; i < scores.Length; i++)
        {
            scores[i] = kept[i] ? scores[i] : double.NegativeInfinity;
        }
    }

    /// <summary>From the nearest to the entropy outward, keeps tokens until their mass reaches that wanted, and whatever is as near as the last.</summary>
    private static void KeepTypical(double[] scores, double mass)
    {
        var probabilities = Softmax(scores);
        var entropy = Entropy(probabilities);
        var distances = Array.ConvertAll(probabilities, p => Math.Abs(-Math.Log(p) - entropy));
        var (farthest, sum) = (0.0, 0.0);
        foreach (var id in Enumerable.Range(0, scores.Length).OrderBy(i => distances[i]).TakeWhile(_ => sum < mass))
        {
            (farthest, sum) = (distances[id], sum + probabilities[id]);
        }

        for (var i = 0; i < scores.Length; i++)
        {
            scores[i] = distances[i] > farthest ? double.NegativeInfinity : scores[i];
        }
    }

    /// <summary>Keeps tokens of at least a probability that may depend on the entropy, and the best.</summary>
    private static void KeepProbable(double[] scores, Func<double, double> least)
    {
        var probabilities = Softmax(scores);
        var (cutoff, best) = (least(Entropy(probabilities)), Max(scores));
        for (var i = 0; i < scores.Length; i++)
        {
            scores[i] = probabilities[i] < cutoff && scores[i] < best ? double.NegativeInfinity : scores[i];
        }
    }

    /// <summary>In nats.</summary>
    private static double Entropy(double[] probabilities) => -probabilities.Sum(p => p > 0 ? p * Math.Log(p) : 0);

    private static void Remove(double[] scores, Predicate<double> gone)
    {
        for (var i = 0; i < scores.Length; i++)
        {
            scores[i] = gone(scores[i]) ? double.NegativeInfinity : scores[i];
        }
    }

    private static double Max(double[] scores)
    {
        var max = scores.Length == 0 ? double.NegativeInfinity : scores.Max();
        return double.IsNegativeInfinity(max) ? throw new VitrineException("sampling: no token has a finite logit.") : max;
    }

    private static double[] Softmax(double[] scores)
    {
        var max = Max(scores);
        var probabilities = Array.ConvertAll(scores, s => Math.Exp(s - max));
        var sum = probabilities.Sum();
        return Array.ConvertAll(probabilities, e => e / sum);
    }
}
