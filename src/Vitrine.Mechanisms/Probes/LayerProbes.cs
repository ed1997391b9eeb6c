using Vitrine.Mechanisms.Statistics;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Probes;

/// <summary>How layers are probed.</summary>
public sealed record LayerProbeOptions
{
    /// <summary>How probes are fitted.</summary>
    public ProbeRecipe Recipe { get; init; } = new();

    /// <summary>Folds of the cross-validation.</summary>
    public int Folds { get; init; } = 5;

    /// <summary>How often the labels are shuffled.</summary>
    public int Shuffles { get; init; } = 20;

    /// <summary>How many control tasks are drawn.</summary>
    public int Controls { get; init; } = 5;

    /// <summary>Resamples of the intervals.</summary>
    public int Resamples { get; init; } = 1000;

    /// <summary>Of folds, shuffles, controls and resamples.</summary>
    public ulong Seed { get; init; }
}

/// <summary>What a probe reads at one place, beside its controls; everything is scored on examples that were held out.</summary>
/// <param name="Layer">Block, from 0.</param>
/// <param name="Place">Address.</param>
/// <param name="Score">
/// Share of right classes, or R2, with its 95 % interval: Wilson's, or the bootstrap's over groups where there are groups, or of R2.
/// </param>
/// <param name="Auroc">
/// Area under the ROC curve over all held-out decisions, with its bootstrap interval; null for numbers, and where some fold lacked a class.
/// </param>
/// <param name="ShuffledScores">The score under each shuffle of the labels.</param>
/// <param name="Control">The score on control tasks; null where less than half of the examples are of a type that the probe was fitted on.</param>
public sealed record LayerProbe(int Layer, string Place, Estimate Score, Estimate? Auroc, IReadOnlyList<double> ShuffledScores, Spread? Control)
{
    /// <summary>The score under shuffled labels.</summary>
    public Spread Shuffled => Spread.Of(ShuffledScores);

    /// <summary>(1 + shuffles that score at least as well) / (1 + shuffles).</summary>
    public double P => (1.0 + ShuffledScores.Count(s => s >= Score.Mean)) / (1 + ShuffledScores.Count);

    /// <summary>Score less the mean control task's (Hewitt and Liang 2019): what the probe owes to the activations and not to its own memory.</summary>
    public double? Selectivity => Control is null ? null : Score.Mean - Control.Mean;
}

/// <summary>Probes of every layer beside their controls.</summary>
/// <param name="Rows">One a layer.</param>
/// <param name="Metric"><c>accuracy</c> or <c>R2</c>.</param>
/// <param name="Chance">What reading nothing gets: the share of the largest class, or 0.</param>
/// <param name="Classes">Names; none for numbers.</param>
/// <param name="Examples">How many.</param>
/// <param name="Groups">How many groups were held out whole; null where every example stood for itself.</param>
/// <param name="Recurring">Share of the examples whose type stands among what the probe was fitted on: without it a control task is shuffled labels.</param>
public sealed record LayerProbes(
    IReadOnlyList<LayerProbe> Rows, string Metric, double Chance, IReadOnlyList<string> Classes, int Examples, int? Groups, double Recurring)
{
    private const double Enough = .5;

    /// <summary>The layer that reads best; the first of equals.</summary>
    public LayerProbe Best => Rows.MaxBy(r => r.Score.Mean)!;

    /// <summary>p of the best layer, its choice counted in: (1 + shuffles whose own best layer scores at least as well) / (1 + shuffles).</summary>
    public double BestP
    {
        get
        {
            var shuffles = Rows[0].ShuffledScores.Count;
            return (1.0 + Enumerable.Range(0, shuffles).Count(s => Rows.Max(r => r.ShuffledScores[s]) >= Best.Score.Mean)) / (1 + shuffles);
        }
    }

    /// <summary>Probes layers.</summary>
    /// <param name="layers">Block, address and (n,d) activations of each; they stay the caller's.</param>
    /// <param name="question">What is asked of the n examples.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Share of the fits that are done.</param>
    /// <param name="cancellation">Stops between fits.</param>
    /// <remarks>
    /// Shuffles move labels between examples; where all of a group have one label, between groups. A control task gives every type a label drawn from the
    /// labels as they are spread. All are fitted and scored on the same folds.
    /// </remarks>
    /// <exception cref="VitrineException">A class or a group is too small for the folds, or the examples do not fit the question.</exception>
    public static LayerProbes Read(
        IReadOnlyList<ProbedLayer> layers, ProbeQuestion question, LayerProbeOptions? options = null, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(layers);
        ArgumentNullException.ThrowIfNull(question);
        options ??= new LayerProbeOptions();
        Require(layers, question, options);
        var folds = question.Groups is { } groups ? Folds.ByGroup(groups, question.IsOfClasses ? question.Labels : null, options.Folds, options.Seed)
            : question.IsOfClasses ? Folds.Stratified(question.Labels, options.Folds, options.Seed)
            : Folds.Plain(question.Count, options.Folds, options.Seed);
        var recurring = RecurringShare(question, folds);
        var random = new RandomStream($"probe/{options.Seed}");
        int[][] shuffles = [.. Enumerable.Range(0, options.Shuffles).Select(_ => Shuffle(question, random))];
        int[][] controls = recurring < Enough ? [] : [.. Enumerable.Range(0, options.Controls).Select(_ => Control(question, random))];
        var done = 0;
        return new LayerProbes(
            [.. layers.Select(Layer)], question.IsOfClasses ? "accuracy" : "R2", question.Chance, question.Classes, question.Count,
            question.Groups?.Distinct().Count(), recurring);

        LayerProbe Layer(ProbedLayer layer)
        {
            using var validation = new CrossValidation(layer.Activations, folds, options.Recipe);
            var (score, auroc) = Scored(validation, question, options);
            Done();
            double[] shuffled = [.. shuffles.Select(Again)], controlled = [.. controls.Select(Again)];
            return new LayerProbe(layer.Layer, layer.Place, score, auroc, shuffled, controlled.Length == 0 ? null : Spread.Of(controlled));

            double Again(int[] answers)
            {
                var value = Score(validation, question, answers);
                Done();
                return value;
            }
        }

        void Done()
        {
            cancellation.ThrowIfCancellationRequested();
            progress?.Report(++done / ((double)layers.Count * (1 + shuffles.Length + controls.Length)));
        }
    }

    private static void Require(IReadOnlyList<ProbedLayer> layers, ProbeQuestion question, LayerProbeOptions options)
    {
        if (layers.Count == 0 || layers.FirstOrDefault(l => l.Activations.shape[0] != question.Count) is not null)
        {
            throw new VitrineException($"probe: {layers.Count} layers for {question.Count} answers; expected one activation an answer in each, and a layer.");
        }

        if (options.Recipe.IsOfClasses != question.IsOfClasses)
        {
            var why = question.IsOfClasses ? "predicts numbers, and classes are asked" : "tells classes apart, and numbers are asked";
            throw new VitrineException($"probe: {options.Recipe.Kind} {why}.");
        }

        if (options.Shuffles < 1 || options.Controls < 1 || options.Resamples < 2)
        {
            throw new VitrineException(
                $"probe: {options.Shuffles} shuffles, {options.Controls} control tasks and {options.Resamples} resamples; expected at least 1, 1 and 2.");
        }
    }

    /// <summary>The examples that give each its answer in a shuffle.</summary>
    private static int[] Shuffle(ProbeQuestion question, RandomStream random)
    {
        var order = Enumerable.Range(0, question.Count).ToArray();
        if (question.Groups is not { } groups)
        {
            return random.Shuffled(order);
        }

        var members = order.GroupBy(i => groups[i]).Select(g => g.ToArray()).ToArray();
        if (members.Any(m => m.Select(i => Answer(question, i)).Distinct().Count() > 1))
        {
            return random.Shuffled(order);
        }

        foreach (var (own, from) in members.Zip(random.Shuffled(members)))
        {
            Array.ForEach(own, i => order[i] = from[0]);
        }

        return order;
    }

    /// <summary>The examples that give each type its answer in a control task.</summary>
    private static int[] Control(ProbeQuestion question, RandomStream random)
    {
        var drawn = new Dictionary<string, int>();
        return
        [
            .. question.Types!.Select(type => drawn.TryGetValue(type, out var from) ? from : drawn[type] = random.Below(question.Count)),
        ];
    }

    private static double Answer(ProbeQuestion question, int example) => question.IsOfClasses ? question.Labels[example] : question.Targets[example];

    private static double RecurringShare(ProbeQuestion question, Folds folds)
    {
        if (question.Types is not { } types || types.Distinct().Count() < 2)
        {
            return 0;
        }

        var places = Enumerable.Range(0, types.Count).GroupBy(i => types[i]).ToDictionary(g => g.Key, g => g.Select(i => folds.Of[i]).ToHashSet());
        return Enumerable.Range(0, types.Count).Average(i => places[types[i]].Count > 1 ? 1.0 : 0);
    }

    private static double Score(CrossValidation validation, ProbeQuestion question, int[] answers)
    {
        if (question.IsOfClasses)
        {
            int[] labels = [.. answers.Select(i => question.Labels[i])];
            return validation.Classify(labels, question.Classes.Count).Called.Zip(labels).Average(c => c.First == c.Second ? 1.0 : 0);
        }

        double[] targets = [.. answers.Select(i => question.Targets[i])];
        return R2(targets, validation.Predict(targets), Enumerable.Range(0, targets.Length));
    }

    private static (Estimate Score, Estimate? Auroc) Scored(CrossValidation validation, ProbeQuestion question, LayerProbeOptions options)
    {
        if (!question.IsOfClasses)
        {
            var predicted = validation.Predict(question.Targets);
            return (Resampled(question, options, rows => R2(question.Targets, predicted, rows)), null);
        }

        var (called, decisions) = validation.Classify(question.Labels, question.Classes.Count);
        var right = new Proportion(called.Zip(question.Labels).Count(c => c.First == c.Second), called.Length);
        var score = question.Groups is null
            ? new Estimate(right.Rate!.Value, right.Low, right.High)
            : Resampled(question, options, rows => rows.Average(i => called[i] == question.Labels[i] ? 1.0 : 0));
        return (score, decisions is null
            ? null
            : Resampled(question, options, rows => ProbeScores.Auroc(
                [.. rows.Select(i => decisions[i])], [.. rows.Select(i => question.Labels[i])], question.Classes.Count)));
    }

    private static double R2(IReadOnlyList<double> targets, double[] predicted, IEnumerable<int> rows)
    {
        int[] all = [.. rows];
        var mean = all.Average(i => targets[i]);
        return 1 - (all.Sum(i => (targets[i] - predicted[i]) * (targets[i] - predicted[i])) / all.Sum(i => (targets[i] - mean) * (targets[i] - mean)));
    }

    /// <summary>A score with its percentile interval over resampled groups, or examples; resamples that lack a class or are constant are drawn again.</summary>
    private static Estimate Resampled(ProbeQuestion question, LayerProbeOptions options, Func<IReadOnlyList<int>, double> score)
    {
        int[] all = [.. Enumerable.Range(0, question.Count)];
        int[][] units = question.Groups is { } groups ? [.. all.GroupBy(i => groups[i]).Select(g => g.ToArray())] : [.. all.Select(i => new[] { i })];
        var random = new RandomStream($"probe bootstrap/{options.Seed}");
        var (scores, tries) = (new List<double>(), 0);
        while (scores.Count < options.Resamples && tries++ < 10 * options.Resamples)
        {
            int[] rows = [.. units.SelectMany(_ => units[random.Below(units.Length)])];
            if (question.IsOfClasses ? rows.Select(i => question.Labels[i]).Distinct().Count() == question.Classes.Count
                : rows.Select(i => question.Targets[i]).Distinct().Count() > 1)
            {
                scores.Add(score(rows));
            }
        }

        scores.Sort();
        return scores.Count < 2
            ? throw new VitrineException($"probe: hardly any resample of {units.Length} groups has every class; there is no interval. Give more groups.")
            : new(score(all), PairedBootstrap.Quantile([.. scores], .025), PairedBootstrap.Quantile([.. scores], .975));
    }
}

/// <summary>Activations of a layer, one row an example.</summary>
/// <param name="Layer">Block, from 0.</param>
/// <param name="Place">Address.</param>
/// <param name="Activations">(n,d).</param>
public sealed record ProbedLayer(int Layer, string Place, Tensor Activations);
