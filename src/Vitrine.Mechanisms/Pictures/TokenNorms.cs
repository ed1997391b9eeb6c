namespace Vitrine.Mechanisms.Pictures;

/// <summary>When the norm of a patch token is out of line with its layer's.</summary>
/// <param name="Deviations">An outlier lies above median + Deviations x 1.4826 x MAD of the layer's patches (1.4826 MAD estimates a normal deviation).</param>
/// <param name="CutOff">From which norm a token counts as high-norm; null finds the cut in each layer.</param>
/// <remarks>
/// Darcet et al. 2024 call tokens high-norm beyond a fixed cut-off (150 for DINOv2-g) that they read off a histogram with two modes. Without a cut-off the
/// second mode is looked for: among the cuts that leave at most a tenth of the patches above, the one with the largest ratio between the two neighbouring
/// norms; it holds where that ratio is at least 1.25 and the norms above are at least twice the median.
/// </remarks>
public sealed record NormRule(double Deviations = 6, double? CutOff = null)
{
    private const double Share = .1, Gap = 1.25, Times = 2;

    /// <summary>The rule in words.</summary>
    public string Text => FormattableString.Invariant($"outlier: norm above median + {Deviations} x 1.4826 MAD of the layer's patches; high-norm: ")
        + (CutOff is { } cut
            ? FormattableString.Invariant($"norm of at least {cut}")
            : FormattableString.Invariant(
                $"a second mode of at most {Share * 100} % of the patches, at least {Times} medians high, above a gap of at least {(Gap - 1) * 100} %"));

    /// <summary>Norm above which a patch is an outlier.</summary>
    /// <param name="patches">Norms of a layer's patches.</param>
    public double Threshold(IReadOnlyList<float> patches)
    {
        ArgumentNullException.ThrowIfNull(patches);
        var median = Numbers.Median(patches);
        return median + (Deviations * 1.4826 * Numbers.Median(patches.Select(n => (float)Math.Abs(n - median))));
    }

    /// <summary>Norm from which on a patch belongs to the high-norm mode; null where the layer has none.</summary>
    /// <param name="patches">Norms of a layer's patches.</param>
    public double? HighNormFrom(IReadOnlyList<float> patches)
    {
        ArgumentNullException.ThrowIfNull(patches);
        if (CutOff is not null)
        {
            return CutOff;
        }

        var sorted = patches.Order().ToArray();
        var first = Math.Max(1, (int)Math.Ceiling(sorted.Length * (1 - Share)));
        if (first >= sorted.Length)
        {
            return null;
        }

        var cut = Enumerable.Range(first, sorted.Length - first).MaxBy(i => sorted[i] / Math.Max(sorted[i - 1], 1e-30f));
        return sorted[cut] >= Gap * sorted[cut - 1] && sorted[cut] >= Times * Numbers.Median(sorted) ? sorted[cut] : null;
    }
}

/// <summary>Norms of one layer's output.</summary>
/// <param name="Layer">From 0; -1 for what enters block 0.</param>
/// <param name="Norms">One a token, those in front of the patches first.</param>
/// <param name="Median">Of the patches.</param>
/// <param name="Threshold">Above it a patch is an outlier.</param>
/// <param name="HighNormFrom">From it on a patch belongs to the high-norm mode; null where there is none.</param>
/// <param name="Outliers">Tokens that are outliers.</param>
/// <param name="HighNorm">Tokens of the high-norm mode.</param>
public sealed record NormsOfLayer(
    int Layer, IReadOnlyList<float> Norms, double Median, double Threshold, double? HighNormFrom, IReadOnlyList<int> Outliers, IReadOnlyList<int> HighNorm)
{
    /// <summary>A token's norm over the median.</summary>
    internal double RatioOf(int token) => Norms[token] / Math.Max(Median, 1e-30);
}

/// <summary>A patch whose norm is out of line somewhere.</summary>
/// <param name="Token">From 0.</param>
/// <param name="Name">As people read it.</param>
/// <param name="Layers">Where it is an outlier; -1 for what enters block 0.</param>
/// <param name="HighNormLayers">Where it belongs to the high-norm mode.</param>
/// <param name="Ratio">Its norm over the median of the layer, where that is largest.</param>
/// <param name="PeakLayer">Where that is.</param>
public sealed record OutlierToken(int Token, string Name, IReadOnlyList<int> Layers, IReadOnlyList<int> HighNormLayers, double Ratio, int PeakLayer)
{
    /// <summary>Neurons that write most of it at <see cref="PeakLayer"/>; none where it comes from the picture itself.</summary>
    public IReadOnlyList<NormWriter> Writers { get; init; } = [];
}

/// <summary>Norms of all tokens, layer by layer, with what is out of line.</summary>
/// <param name="Rule">In words.</param>
/// <param name="Layers">In order, from what enters block 0.</param>
/// <param name="Outliers">Patches that are out of line in some layer, the largest ratio first.</param>
public sealed record TokenNorms(string Rule, IReadOnlyList<NormsOfLayer> Layers, IReadOnlyList<OutlierToken> Outliers)
{
    /// <summary>Finds what is out of line.</summary>
    /// <param name="norms">[from what enters block 0][token].</param>
    /// <param name="tokens">Of the picture.</param>
    /// <param name="rule">When a norm is out of line.</param>
    public static TokenNorms Of(IReadOnlyList<float[]> norms, PictureTokens tokens, NormRule rule)
    {
        ArgumentNullException.ThrowIfNull(norms);
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(rule);
        var layers = norms.Select((all, i) => Layer(i - 1, all, tokens, rule)).ToArray();
        var found = layers.SelectMany(l => l.Outliers.Concat(l.HighNorm)).Distinct().Select(token =>
        {
            var peak = layers.Where(l => l.Outliers.Contains(token) || l.HighNorm.Contains(token)).MaxBy(l => l.RatioOf(token))!;
            return new OutlierToken(
                token, tokens.Name(token), [.. layers.Where(l => l.Outliers.Contains(token))
                    .Select(l => l.Layer)], [.. layers.Where(l => l.HighNorm.Contains(token)).Select(l => l.Layer)],
                peak.RatioOf(token), peak.Layer);
        });
        return new TokenNorms(rule.Text, layers, [.. found.OrderByDescending(o => o.Ratio).ThenBy(o => o.Token)]);
    }

    private static NormsOfLayer Layer(int layer, float[] all, PictureTokens tokens, NormRule rule)
    {
        var first = tokens.Prefix.Count;
        var patches = all[first..];
        var (threshold, from) = (rule.Threshold(patches), rule.HighNormFrom(patches));
        return new NormsOfLayer(
            layer, all, Numbers.Median(patches), threshold, from,
            [.. Enumerable.Range(first, patches.Length).Where(t => all[t] > threshold)],
            [.. Enumerable.Range(first, patches.Length).Where(t => all[t] >= from)]);
    }
}
