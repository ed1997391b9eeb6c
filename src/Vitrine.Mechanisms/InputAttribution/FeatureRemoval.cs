using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>A function of which features are there: the others have the baseline's numbers.</summary>
/// <param name="function">What is attributed.</param>
/// <param name="features">What is taken away together.</param>
/// <param name="baseline">What stands there instead; broadcasts to the inputs.</param>
/// <remarks>Taking nothing away is no change, exactly: its value is read off the inputs' own pass.</remarks>
public sealed class FeatureRemoval(Attributed function, InputFeatures features, Tensor baseline)
{
    private readonly Dictionary<(int Row, string Off), double> known = [];

    /// <summary>What is taken away together.</summary>
    public InputFeatures Features => features;

    /// <summary>Where the values of the first row are kept; null for nowhere.</summary>
    internal RemovalFile? Kept { get; init; }

    /// <summary>Rows of the function.</summary>
    public int Rows => function.Rows;

    /// <summary>The function's number where some features are taken away.</summary>
    /// <param name="sets">The row of the function's inputs, and for each feature whether it is taken away.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <returns>One number a set, in their order; equal sets are computed once.</returns>
    public double[] Values(IReadOnlyList<(int Row, bool[] Off)> sets, IProgress<double>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(sets);
        var keys = sets.Select(s => (s.Row, Off: Key(s.Off))).ToArray();
        foreach (var (row, off) in keys.Where(k => k.Row == 0 && !known.ContainsKey(k)))
        {
            if (Kept?.Find(off) is { } before)
            {
                known[(row, off)] = before;
            }
        }

        var missing = sets.Zip(keys).Where(s => !known.ContainsKey(s.Second)).DistinctBy(s => s.Second).Select(s => s.First).ToArray();
        var done = 0;
        foreach (var some in missing.Chunk(function.RowsPerPass))
        {
            using var scope = NewDisposeScope();
            var rows = some.Select(s => s.Row).ToArray();
            var at = tensor(rows.Select(r => (long)r).ToArray(), device: function.Inputs.device);
            var x = features.Without(
                function.Inputs.index_select(0, at), function.Spread(baseline).index_select(0, at), [.. some.Select(s => s.Off)]);
            var values = function.Values(x, rows).to(float64).cpu().data<double>().ToArray();
            foreach (var ((row, off), value) in some.Zip(values))
            {
                known[(row, Key(off))] = value;
                if (row == 0)
                {
                    Kept?.Add(Key(off), value);
                }
            }

            progress?.Report((double)(done += some.Length) / missing.Length);
        }

        return [.. keys.Select(k => known[k])];
    }

    /// <summary>What each feature does when it is taken away alone: f(x) - f(x without it), (B,F).</summary>
    /// <param name="progress">From 0 to 1.</param>
    /// <remarks>Feature ablation, and with <see cref="InputFeatures.OfWindows"/> occlusion (Zeiler and Fergus 2014, section 4.2).</remarks>
    public double[][] Ablation(IProgress<double>? progress = null)
    {
        var values = Values([.. Enumerable.Range(0, Rows).SelectMany(row => Enumerable.Range(-1, features.Count + 1).Select(f => (row, Only(f))))], progress);
        return [.. values.Chunk(features.Count + 1).Select(v => v[1..].Select(without => v[0] - without).ToArray())];

        bool[] Only(int feature) => [.. Enumerable.Range(0, features.Count).Select(f => f == feature)];
    }

    private static string Key(bool[] off) => string.Create(off.Length, off, (text, set) =>
    {
        for (var i = 0; i < set.Length; i++)
        {
            text[i] = set[i] ? '1' : '0';
        }
    });
}
