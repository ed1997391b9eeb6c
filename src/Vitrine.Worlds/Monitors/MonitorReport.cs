using System.Text.Json.Serialization;
using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Worlds.Monitors;

/// <summary>How a monitor does on episodes that served for no training.</summary>
public sealed record MonitorReport
{
    private const int Resamples = 2000;

    /// <summary>Episodes it was judged on.</summary>
    public required int Episodes { get; init; }

    /// <summary>Those of them in which there should be an alarm.</summary>
    public required int Positive { get; init; }

    /// <summary>
    /// Chance that an act to alarm at outscores one that is not, ties as halves; the interval from episodes drawn anew, positive and other ones each among
    /// themselves.
    /// </summary>
    public required Estimate Auroc { get; init; }

    /// <summary>The same of monitors that were trained with the labels of whole episodes shuffled, one a draw; none where nothing was shuffled.</summary>
    public IReadOnlyList<double> Shuffled { get; init => field = value ?? []; } = [];

    /// <summary>Episodes to alarm at in which there was an alarm at or after the first act to alarm at.</summary>
    public required Proportion Detected { get; init; }

    /// <summary>Control steps from the first act to alarm at to the first alarm, over the detected episodes; null where there is none.</summary>
    public Estimate? StepsToDetection { get; init; }

    /// <summary>Alarms at acts that are not to alarm, for each episode that has no other; null where every episode has.</summary>
    public Estimate? FalseAlarms { get; init; }

    /// <summary>Episodes without acts to alarm at in which there was an alarm all the same.</summary>
    public required Proportion FalselyAlarmed { get; init; }

    /// <summary>Whether it was shown that the monitor tells anything: the interval lies above .5, and the mean above every shuffled one.</summary>
    [JsonIgnore]
    public bool IsShown => Auroc.Low > .5 && Shuffled.All(s => Auroc.Mean > s);

    /// <summary>Judges a monitor.</summary>
    /// <param name="monitor">The monitor.</param>
    /// <param name="examples">Episodes that it was not trained on, of both kinds.</param>
    /// <param name="shuffled">Scores of the monitors of shuffled labels on the same examples; see <see cref="Judged"/>.</param>
    /// <param name="seed">Of the resamples.</param>
    /// <exception cref="VitrineException">An episode served for training, or there is only one kind of acts.</exception>
    public static MonitorReport Of(ActivationMonitor monitor, MonitorExamples examples, IReadOnlyList<double>? shuffled = null, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(monitor);
        ArgumentNullException.ThrowIfNull(examples);
        var trained = monitor.Facts.TrainedOn.ToHashSet();
        if (examples.All.FirstOrDefault(e => trained.Contains(e.Name)) is { } known)
        {
            throw new VitrineException($"monitor '{monitor.Name}': was trained on '{known.Name}'; it is judged on episodes that served for no training.");
        }

        var scored = examples.All.Select(e => new Scored(e, [.. e.Acts.Select(a => monitor.Score(a.X))])).ToArray();
        var (positive, quiet) = (scored.Where(s => s.Episode.IsPositive).ToArray(), scored.Where(s => !s.Episode.IsPositive).ToArray());
        var times = positive.Select(s => s.StepsToDetection(monitor.Threshold)).ToArray();
        double[] detected = [.. times.OfType<int>().Select(t => (double)t)];
        double[] alarms = [.. quiet.Select(s => (double)s.Scores.Count(v => v > monitor.Threshold))];
        return new MonitorReport
        {
            Episodes = scored.Length,
            Positive = positive.Length,
            Auroc = AurocOf(scored, monitor.Name, seed),
            Shuffled = shuffled ?? [],
            Detected = new Proportion(detected.Length, positive.Length),
            StepsToDetection = detected.Length > 0 ? PairedBootstrap.MeanDifference(detected, Resamples, seed) : null,
            FalseAlarms = alarms.Length > 0 ? PairedBootstrap.MeanDifference(alarms, Resamples, seed) : null,
            FalselyAlarmed = new Proportion(alarms.Count(a => a > 0), quiet.Length),
        };
    }

    /// <summary>Trains a monitor, and judges it beside monitors of shuffled labels.</summary>
    /// <param name="recipe">How.</param>
    /// <param name="training">Episodes to train on.</param>
    /// <param name="judging">Episodes of other layouts.</param>
    /// <param name="shuffles">Draws of shuffled labels.</param>
    /// <param name="progress">Share that is done.</param>
    /// <param name="cancellation">Stops between draws.</param>
    /// <returns>The monitor, its report within.</returns>
    /// <exception cref="VitrineException">There are too few episodes of either kind.</exception>
    public static ActivationMonitor Judged(
        MonitorRecipe recipe, MonitorExamples training, MonitorExamples judging, int shuffles = 10, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(training);
        ArgumentNullException.ThrowIfNull(judging);
        var monitor = recipe.Train(training);
        progress?.Report(1.0 / (shuffles + 1));
        var draws = new List<double>();
        for (var draw = 0; draw < shuffles; draw++)
        {
            cancellation.ThrowIfCancellationRequested();
            var numbers = recipe.Fit(Shuffle(training, recipe.Seed, draw));
            draws.Add(Area([.. judging.All.Select(e => new Scored(e, [.. e.Acts.Select(a => numbers.Score(a.X, recipe.Kind))]))], recipe.Name));
            progress?.Report((draw + 2.0) / (shuffles + 1));
        }

        return monitor.Reported(Of(monitor, judging, draws, recipe.Seed));
    }

    /// <summary>The labels of whole episodes in another order: the acts of an episode get those of another, the last one repeated or cut.</summary>
    private static MonitorExamples Shuffle(MonitorExamples examples, ulong seed, int draw)
    {
        var labels = new RandomStream($"monitor/shuffle/{seed}/{draw}").Shuffled([.. examples.All.Select(e => e.Acts.Select(a => a.IsPositive).ToArray())]);
        return examples.With([.. examples.All.Zip(labels, (e, l) => e with
        {
            Acts = [.. e.Acts.Select((a, i) => a with { IsPositive = l[Math.Min(i, l.Length - 1)] })],
        })]);
    }

    private static double Area(Scored[] scored, string name)
    {
        bool[] labels = [.. scored.SelectMany(s => s.Episode.Acts).Select(a => a.IsPositive)];
        return labels.Contains(true) && labels.Contains(false)
            ? RocCurve.Area([.. scored.SelectMany(s => s.Scores)], labels)
            : throw new VitrineException($"monitor '{name}': of {labels.Length} acts to judge it on, {labels.Count(l => l)} are to alarm; expected both kinds. "
                + "Record more episodes, or label them otherwise.");
    }

    /// <remarks>Pairs of acts are counted once for each pair of episodes; a resample only weighs them anew.</remarks>
    private static Estimate AurocOf(Scored[] scored, string name, ulong seed)
    {
        var area = Area(scored, name);
        var positives = scored.Select(s => s.Of(positive: true)).ToArray();
        var negatives = scored.Select(s => s.Of(positive: false)).ToArray();
        var wins = positives.Select(p => negatives.Select(n => Wins(p, n)).ToArray()).ToArray();
        int[] up = [.. Enumerable.Range(0, scored.Length).Where(i => scored[i].Episode.IsPositive)];
        int[] down = [.. Enumerable.Range(0, scored.Length).Where(i => !scored[i].Episode.IsPositive)];
        var random = new RandomStream($"monitor/bootstrap/{seed}");
        var areas = new List<double>();
        for (var r = 0; r < Resamples; r++)
        {
            var weight = new int[scored.Length];
            foreach (var group in (int[][])[up, down])
            {
                for (var i = 0; i < group.Length; i++)
                {
                    weight[group[random.Below(group.Length)]]++;
                }
            }

            var (won, p, n) = (0.0, 0.0, 0.0);
            for (var i = 0; i < weight.Length; i++)
            {
                p += weight[i] * (double)positives[i].Length;
                n += weight[i] * (double)negatives[i].Length;
                for (var j = 0; weight[i] > 0 && j < weight.Length; j++)
                {
                    won += weight[i] * weight[j] * wins[i][j];
                }
            }

            if (p > 0 && n > 0)
            {
                areas.Add(won / (p * n));
            }
        }

        return new Estimate(area, Quantiles.Linear(areas, .025), Quantiles.Linear(areas, .975));
    }

    /// <summary>How often the first outscore the second, ties as halves.</summary>
    private static double Wins(double[] first, double[] second)
    {
        var won = 0.0;
        foreach (var a in first)
        {
            foreach (var b in second)
            {
                won += a > b ? 1 : a == b ? .5 : 0;
            }
        }

        return won;
    }

    private sealed record Scored(MonitoredEpisode Episode, double[] Scores)
    {
        public double[] Of(bool positive) => [.. Scores.Where((_, i) => Episode.Acts[i].IsPositive == positive)];

        /// <summary>From the first act to alarm at; null where no alarm came.</summary>
        public int? StepsToDetection(double threshold)
        {
            var onset = Episode.Acts.First(a => a.IsPositive).Step;
            return Episode.Acts.Where((a, i) => a.Step >= onset && Scores[i] > threshold).Select(a => (int?)(a.Step - onset)).FirstOrDefault();
        }
    }
}
