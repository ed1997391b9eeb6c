using System.Globalization;
using System.Text.RegularExpressions;
using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Certification.Methods;

/// <summary>Tests, intervals, corrections, effect sizes, correlations and divergences (SciPy, statsmodels, scikit-learn, NumPy).</summary>
/// <remarks>
/// A test is stored as its statistic and its p. Arguments that are no tensor stand in meta.json's calls; those that stand nowhere (the arguments of
/// <c>special.*</c>, the table of <c>chi2_contingency</c>, the samples of <c>anova</c> and its like) are the constants below.
/// </remarks>
internal sealed partial class StatisticsGoldens : INumberGoldens
{
    private static readonly double[] NormalLevels = [.5, .9, .95, .975, .995, 1e-6, 1 - 1e-6], BetaLevels = [.025, .5, .975];
    private static readonly double[] StudentDegrees = [1, 2, 5, 10, 30, 120];
    private static readonly (double X, double Degrees)[] ChiSquared = [(.1, 1), (1, 1), (3.841458820694124, 1), (10, 1), (40, 1)];

    private readonly Fixture fixture;
    private readonly double[] a, b, u, ta, tb, tu;

    public StatisticsGoldens(Fixture fixture)
    {
        this.fixture = fixture;
        (a, b, u, ta, tb) = (Sample("a"), Sample("b"), Sample("u"), Sample("ta"), Sample("tb"));
        tu = [.. u.Select(x => Math.Round(x * 2) / 2)];
        double[] Sample(string name) => fixture.Numbers($"in.{name}");
    }

    /// <inheritdoc/>
    public bool IsEntryByEntry => true;

    /// <inheritdoc/>
    public bool IsInput(string key) => key is "in.a" or "in.b" or "in.u" or "in.ta" or "in.tb" or "bootstrap.in.indices" or "mcnemar.in.tables"
        or "wilson.in.counts" or "wilson.in.alpha" or "divergence.in.p" or "divergence.in.q" or "fdr.in.p" or "quantile.in.levels";

    /// <inheritdoc/>
    public double[]? Of(string key)
    {
        var parts = key.Split('.');
        return (parts[0], parts.Length > 1 ? parts[1] : "", parts.Length > 2 ? parts[2] : "") switch
        {
            ("ttest", var kind, var side) when Side(side) is { } s => kind switch
            {
                "paired" => Numbers(TTest.Paired(a, b, s)),
                "student" => Numbers(TTest.Student(a, u, s)),
                "welch" => Numbers(TTest.Welch(a, u, s)),
                "one_sample" => Numbers(TTest.OneSample(a, Called("ttest.*")[^1], s)),
                _ => null,
            },
            ("wilcoxon", "ties", var zeros) when parts.Length == 4 && Side(parts[3]) is { } s && Zeros(zeros) is { } z
                => Numbers(Wilcoxon.Approximate(ta, tb, s, z)),
            ("wilcoxon", "exact", var side) when Side(side) is { } s => Numbers(Wilcoxon.Exact(a, b, s)),
            ("wilcoxon", "approx" or "approx_corrected", var side) when Side(side) is { } s
                => Numbers(Wilcoxon.Approximate(a, b, s, continuity: parts[1] == "approx_corrected")),
            ("mannwhitney", "exact", var side) when Side(side) is { } s => Numbers(MannWhitney.Exact(a, u, s)),
            ("mannwhitney", "asymptotic" or "asymptotic_plain", var side) when Side(side) is { } s
                => Numbers(MannWhitney.Approximate(a, u, s, continuity: parts[1] == "asymptotic")),
            ("mannwhitney", "ties", var side) when Side(side) is { } s => Numbers(MannWhitney.Approximate(ta, tb, s)),
            ("permutation", "sign_flip", var side) when Side(side) is { } s
                => Numbers(Permutation.SignFlips([.. a.Zip(b, (x, y) => x - y).Take((int)Called("permutation.sign_flip")[^1])], s)),
            ("permutation", "independent", var side) when Side(side) is { } s && Called("permutation.independent") is [var n, var m]
                => Numbers(Permutation.Independent([.. a.Take((int)n)], [.. u.Take((int)m)], s)),
            ("fisher", var side, "") when Side(side) is { } s && Called("fisher") is [var w, var x, var y, var z]
                => Numbers(new ContingencyTable((int)w, (int)x, (int)y, (int)z).Fisher(s)),
            ("binomial", var side, "") when Side(side) is { } s
                => [.. Called("binomial").Chunk(3).Select(c => BinomialTest.Of((int)c[0], (int)c[1], c[2], s).P)],
            ("mcnemar", "exact", "") => OverTables(t => t.McNemarExact()),
            ("mcnemar", "chi2", "") => OverTables(t => t.McNemar(corrected: false)),
            ("mcnemar", "chi2_corrected", "") => OverTables(t => t.McNemar()),
            ("chi2_contingency", "", "") => Numbers(Tables()[0].ChiSquared()),
            ("proportions_ztest", "", "") => Numbers(Shares() is var (k, n, l, m) ? ProportionInterval.Difference(k, n, l, m) : null!),
            ("cohen_h", "", "") => Shares() is var (k, n, l, m) ? [EffectSize.CohenH((double)k / n, (double)l / m)] : null,
            ("cohen_d", "independent", "") => [EffectSize.CohenD(a, u)],
            ("cohen_d", "hedges_g", "") => [EffectSize.HedgesG(a, u)],
            ("cohen_d", "paired_dz", "") => [EffectSize.PairedDz(a, b)],
            ("cliffs_delta", "", "") => [EffectSize.CliffsDelta(a, u)],
            ("proportion", var method, "") when Method(method) is { } m => Intervals(m),
            ("multiple", var method, var what) when Named(method) is { } correction => Adjusted(correction, what),
            ("fdr", "bh", "") => [.. MultipleTests.Adjust(fixture.Numbers("fdr.in.p"), Correction.BenjaminiHochberg)],
            ("fdr", "by", "") => [.. MultipleTests.Adjust(fixture.Numbers("fdr.in.p"), Correction.BenjaminiYekutieli)],
            ("bootstrap", var what, "") => Resampled(what),
            ("correlation", var what, "") => Correlated(what),
            ("divergence", var what, "") => Diverging(what),
            ("auroc", "", "") => [Ranked(a, u, RocCurve.Area)],
            ("auroc_ties", "", "") => [Ranked(ta, tu, RocCurve.Area)],
            ("average_precision", "", "") => [Ranked(a, u, RocCurve.AveragePrecision)],
            ("average_precision_ties", "", "") => [Ranked(ta, tu, RocCurve.AveragePrecision)],
            ("roc", var what, "") when Ranked(ta, tu, RocCurve.Of) is var curve => what switch
            {
                "fpr" => [.. curve.FalsePositives],
                "tpr" => [.. curve.TruePositives],
                "thresholds" => [.. curve.Thresholds.Select(t => Math.Min(t, 1e30))],
                _ => null,
            },
            ("anova", "", "") => Numbers(SeveralSamples.Anova(a, b, u)),
            ("kruskal", "", "") => Numbers(SeveralSamples.KruskalWallis(a, b, u)),
            ("ks_two_sample", "", "") => Numbers(SeveralSamples.KolmogorovSmirnov(a, u)),
            ("quantile", "linear", "") => [.. fixture.Numbers("quantile.in.levels").Select(q => Quantiles.Linear(a, q))],
            ("quantile", "median_unbiased", "") => [.. fixture.Numbers("quantile.in.levels").Select(q => Quantiles.MedianUnbiased(a, q))],
            ("special", "normal_quantile", "") => [.. NormalLevels.Select(Tails.NormalQuantile)],
            ("special", "t_quantile", "") => [.. StudentDegrees.Select(d => Tails.StudentQuantile(.975, d))],
            ("special", "chi2_sf", "") => [.. ChiSquared.Select(c => Tails.ChiSquaredAbove(c.X, c.Degrees))],
            ("special", "beta_quantile", "") => [.. BetaLevels.Select(p => Tails.BetaQuantile(p, 2.5, 7))],
            _ => null,
        };
    }

    private static double[] Numbers(TestOutcome result) => [result.Statistic, result.P];

    private static Alternative? Side(string name)
        => name switch { "two_sided" => Alternative.TwoSided, "less" => Alternative.Less, "greater" => Alternative.Greater, _ => null };

    private static ZeroPairs? Zeros(string name)
        => name switch { "wilcox" => ZeroPairs.LeftOut, "pratt" => ZeroPairs.Ranked, "zsplit" => ZeroPairs.Split, _ => null };

    private static ProportionMethod? Method(string name) => name switch
    {
        "normal" => ProportionMethod.Normal,
        "wilson" => ProportionMethod.Wilson,
        "agresti_coull" => ProportionMethod.AgrestiCoull,
        "beta" => ProportionMethod.ClopperPearson,
        "jeffreys" => ProportionMethod.Jeffreys,
        _ => null,
    };

    private static Correction? Named(string name) => name switch
    {
        "bonferroni" => Correction.Bonferroni,
        "sidak" => Correction.Sidak,
        "holm" => Correction.Holm,
        "hommel" => Correction.Hommel,
        "fdr_bh" => Correction.BenjaminiHochberg,
        "fdr_by" => Correction.BenjaminiYekutieli,
        "fdr_tsbh" => Correction.TwoStage,
        _ => null,
    };

    private static T Ranked<T>(double[] ones, double[] zeros, Func<IReadOnlyList<double>, IReadOnlyList<bool>, T> of)
        => of([.. ones, .. zeros], [.. ones.Select(_ => true), .. zeros.Select(_ => false)]);

    /// <summary>The numbers that a call of meta.json is given.</summary>
    private double[] Called(string name)
    {
        var call = fixture.Meta.GetProperty("calls").GetProperty(name).GetString()!;
        return [.. Argument().Matches(call).Select(m => double.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture))];
    }

    private (int K, int N, int L, int M) Shares() => Called("proportions_ztest") is [var k, var l, var n, var m]
        ? ((int)k, (int)n, (int)l, (int)m)
        : throw new VitrineException($"{fixture.Folder}: meta.json's call 'proportions_ztest' is not ([k, l], [n, m]).");

    private ContingencyTable[] Tables()
        => [.. fixture.Integers("mcnemar.in.tables").Chunk(4).Select(t => new ContingencyTable((int)t[0], (int)t[1], (int)t[2], (int)t[3]))];

    private double[] OverTables(Func<ContingencyTable, TestOutcome> test) => [.. Tables().SelectMany(t => Numbers(test(t)))];

    private double[] Intervals(ProportionMethod method)
    {
        var alphas = fixture.Numbers("wilson.in.alpha");
        return [.. fixture.Rows("wilson.in.counts").SelectMany(c => alphas.Select(alpha => ProportionInterval.Of((int)c[0], (int)c[1], alpha, method)))
            .SelectMany(i => new[] { i.Low, i.High })];
    }

    private double[]? Adjusted(Correction correction, string what)
    {
        var alpha = Called("multiple.*")[^1];
        var adjusted = MultipleTests.Adjust(fixture.Numbers("fdr.in.p"), correction, alpha);
        return what switch { "adjusted" => [.. adjusted], "rejected" => [.. adjusted.Select(p => p <= alpha ? 1.0 : 0)], _ => null };
    }

    private double[]? Resampled(string what)
    {
        var bootstrap = Bootstrap.Of(a, [.. fixture.Rows("bootstrap.in.indices").Select(r => r.Select(i => (int)i).ToArray())]);
        return what switch
        {
            "means" => [.. bootstrap.Means],
            "standard_error" => [bootstrap.StandardError],
            "percentile" => Ends(bootstrap.Percentile()),
            "basic" => Ends(bootstrap.Basic()),
            "BCa" => Ends(bootstrap.BiasCorrected()),
            _ => null,
        };

        static double[] Ends(Estimate estimate) => [estimate.Low, estimate.High];
    }

    private double[]? Correlated(string what) => what switch
    {
        "pearson" => Numbers(Correlation.Pearson(a, b)),
        "pearson_ties" => Numbers(Correlation.Pearson(ta, tb)),
        "pearson_interval" => Correlation.PearsonInterval(a, b) is var (low, high) ? [low, high] : null,
        "spearman" => Numbers(Correlation.Spearman(a, b)),
        "spearman_ties" => Numbers(Correlation.Spearman(ta, tb)),
        "kendall" => Numbers(Correlation.Kendall(a, b)),
        "kendall_ties" => Numbers(Correlation.Kendall(ta, tb)),
        _ => null,
    };

    private double[]? Diverging(string what)
    {
        var (p, q) = (fixture.Numbers("divergence.in.p"), fixture.Numbers("divergence.in.q"));
        return what switch
        {
            "entropy" => [Divergence.Entropy(p)],
            "kl" => [Divergence.KullbackLeibler(p, q)],
            "js" => [Divergence.JensenShannon(p, q)],
            "wasserstein" => [Divergence.Wasserstein(a, u)],
            _ => null,
        };
    }

    [GeneratedRegex(@"(?<![\w.])(\d*\.?\d+)(?![\w.]*\()")]
    private static partial Regex Argument();
}
