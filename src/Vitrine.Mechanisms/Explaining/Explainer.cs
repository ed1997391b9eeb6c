using System.Globalization;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Explaining;

/// <summary>How an explanation is looked for.</summary>
public sealed record ExplainOptions
{
    /// <summary>Level of all claims together.</summary>
    public double Level { get; init; } = .05;

    /// <summary>Share of the whole effect from which a part counts.</summary>
    public double LeastShare { get; init; } = .2;

    /// <summary>Random steps beside each part.</summary>
    public int Draws { get; init; } = 8;

    /// <summary>Neurons that are asked about together.</summary>
    public int Neurons { get; init; } = 10;

    /// <summary>Of the draws.</summary>
    public int Seed { get; init; }
}

/// <summary>
/// Finds what carries a difference: whether it moves the metric at all, where attention brings it in, which MLP carries it, whether the way leads from one to
/// the other, by which head and which neurons. Parts are chosen in some states; every claim is judged by interchange in others, beside random steps as far.
/// </summary>
/// <remarks>
/// Interchange interventions (Geiger et al. 2021), known as activation patching: denoising puts a part of the run with the difference into the run without it
/// (what it gives, sufficient), noising the reverse (what is lost, necessary). The first claim is a gate: where it fails nothing else is judged. Claims of
/// parts are adjusted together (Holm 1979), so that the chance of any false one stays below the level.
/// </remarks>
public sealed class Explainer
{
    private const int Resamples = 2000;
    private readonly Contrast contrast;
    private readonly Metric metric;
    private readonly ExplainOptions options;
    private readonly CancellationToken cancellation;
    private readonly IProgress<double>? progress;
    private readonly StackShape shape;
    private readonly PointSite[] attention, mlps;
    private readonly PrefixSite[] rows;
    private readonly int planned;
    private int done;

    private Explainer(Contrast contrast, Metric metric, ExplainOptions options, IProgress<double>? progress, CancellationToken cancellation)
    {
        (this.contrast, this.metric, this.options, this.progress, this.cancellation) = (contrast, metric, options, progress, cancellation);
        shape = contrast.Choosing.With.Shape;
        (attention, mlps, rows) = (Components(Component.Attention), Components(Component.FeedForward), Prefixes());
        planned = 4 + (2 * (rows.Length + attention.Length + mlps.Length)) + shape.Heads + (8 * (1 + options.Draws));
    }

    /// <summary>Explains a contrast.</summary>
    /// <param name="contrast">What is asked about.</param>
    /// <param name="metric">What is measured.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between runs.</param>
    /// <exception cref="VitrineException">The model has no such metric.</exception>
    public static Explanation Explain(
        Contrast contrast, Metric metric, ExplainOptions? options = null, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(contrast);
        ArgumentNullException.ThrowIfNull(metric);
        return new Explainer(contrast, metric, options ?? new ExplainOptions(), progress, cancellation).Explain();
    }

    private Explanation Explain()
    {
        using var testing = new Pair(this, contrast.Testing);
        var moves = Moves(testing);
        var shares = new List<SiteShare>();
        List<Claim> claims = [moves];
        if (moves.IsShown || IsDescribed)
        {
            using var choosing = new Pair(this, contrast.Choosing);
            var read = rows.Length > 0 ? Chosen(choosing, rows, shares) : null;
            var entry = Chosen(choosing, attention, shares);
            var carrier = Chosen(choosing, mlps, shares);
            claims.AddRange(Judged(testing, choosing, read, entry, carrier));
        }

        progress?.Report(1);
        return new Explanation
        {
            Model = contrast.Testing.With.Model.Name,
            Fingerprint = contrast.Testing.With.Model.Fingerprint,
            With = contrast.With,
            Without = contrast.Without,
            Metric = metric.Name,
            Choosing = contrast.Choosing.With.Rows,
            Testing = contrast.Testing.With.Rows,
            Level = options.Level,
            Baseline = testing.Plain.Average(),
            Claims = claims,
            IsDescribed = IsDescribed,
            Sites = shares,
            Sentences = Sentences(claims),
        };
    }

    /// <remarks>With n states no sign flip has a p below 2^(1-n).</remarks>
    private bool IsDescribed => Math.Pow(2, 1 - contrast.Testing.With.Rows) > options.Level;

    /// <summary>Whether the contrast moves the metric further than what means nothing.</summary>
    private Claim Moves(Pair pair)
    {
        double[][] fillers = [.. contrast.Testing.Fillers.Select(f => Effects(Measured(f, RunPlan.Empty), pair.Plain))];
        double[] floor = [.. pair.Whole.Select((_, i) => fillers.Length == 0 ? 0 : fillers.Average(f => f[i]))];
        var p = Math.Max(
            SignFlip.PValue(pair.Whole, seed: (ulong)options.Seed),
            fillers.Length == 0 ? 0 : SignFlip.PValue(Ranked(pair.Whole, floor), seed: (ulong)options.Seed));
        var effect = PairedBootstrap.MeanDifference(pair.Whole, Resamples);
        var control = fillers.Length == 0 ? null : Spread.Of(fillers.Select(f => f.Average()));
        var isShown = p <= options.Level && IsBeyond(effect.Mean, [.. fillers.Select(f => f.Average())]);
        var told = $"{Named(contrast.With)} against {contrast.Without} changes {metric.Name} by {Number(effect)}"
            + $"{(control is null ? "" : $"; made-up words in its place change it by {Number(control.Mean)}")} ({PText(p)}, {pair.Whole.Length} states)";
        return new Claim(ClaimKind.Moves, "", effect, null, control, p, p, isShown, $"{Verdict(isShown, "Nothing found: ")}{told}.");
    }

    /// <summary>
    /// Signed ranks of paired differences (Wilcoxon 1945): made-up words may do much in single states, which would hide a small difference in most.
    /// </summary>
    private static double[] Ranked(double[] effects, double[] floor)
    {
        var differences = Effects(effects, floor);
        return [.. Samples.Ranks([.. differences.Select(Math.Abs)]).Zip(differences, (rank, d) => Math.Sign(d) * rank)];
    }

    /// <summary>Whether an effect lies outside of what all fillers do.</summary>
    private static bool IsBeyond(double effect, double[] fillers) => fillers.Length == 0 || effect > fillers.Max() || effect < fillers.Min();

    private string Verdict(bool isShown, string not) => isShown ? "" : IsDescribed ? "Described, not judged: " : not;

    private List<Claim> Judged(Pair testing, Pair choosing, PrefixSite? read, PointSite entry, PointSite carrier)
    {
        var unjudged = new List<Unjudged>();
        if (read is not null)
        {
            Both(ClaimKind.ReadSufficient, ClaimKind.ReadNecessary, read, "It is read from");
        }

        Both(ClaimKind.EntersSufficient, ClaimKind.EntersNecessary, entry, "It comes in through");
        Both(ClaimKind.CarriesSufficient, ClaimKind.CarriesNecessary, carrier, "It is carried by");
        if (carrier.Layer >= entry.Layer)
        {
            unjudged.Add(new(ClaimKind.Path, entry, testing.Blocked(entry, carrier), [],
                $"The way leads through {carrier.Words}: with that held, what {entry.Words} brings is cut by"));
        }

        if (shape.Heads > 1)
        {
            var head = choosing.Strongest([.. Enumerable.Range(0, shape.Heads).Select(h => entry with
            {
                Place = $"{shape.Name}.{entry.Layer} head {h}", Words = $"head {entry.Layer}.{h}", Point = Point.AttnZ, Heads = [h],
            })]);
            unjudged.Add(new(ClaimKind.HeadSufficient, head, testing.Given(head), testing.GivenAtRandom(head), $"Of its heads, {head.Words} alone gives"));
        }

        if (shape.Neurons > options.Neurons)
        {
            var (chosen, others) = choosing.Neurons(carrier, options.Neurons, options.Draws, options.Seed);
            var site = Of(chosen);
            var names = string.Join(", ", chosen.Select(n => $"{carrier.Layer}:{n}"));
            unjudged.Add(new(ClaimKind.NeuronsSufficient, site, testing.Given(site), [.. others.Select(o => testing.Given(Of(o)))],
                $"Of its neurons, the {options.Neurons} strongest by attribution ({names}) alone give"));

            PointSite Of(int[] neurons) => carrier with
            {
                Place = $"{shape.Name}.{carrier.Layer} {neurons.Length} neurons",
                Words = "neurons",
                Point = Point.MlpNeurons,
                Neurons = neurons,
            };
        }

        var whole = testing.Whole.Average();
        double[] own = [.. unjudged.Select(u => P(u.Effects, u.Controls))];
        var adjusted = Holm.Adjust(own);
        return [.. unjudged.Select((u, i) => Claimed(u, own[i], adjusted[i]))];

        void Both(ClaimKind sufficient, ClaimKind necessary, Site site, string how)
        {
            unjudged.Add(new(sufficient, site, testing.Given(site), testing.GivenAtRandom(site), $"{how} {site.Words}: put in alone, that gives"));
            unjudged.Add(new(necessary, site, testing.Lost(site), testing.LostAtRandom(site), $"Without {site.Words}, lost is"));
        }

        double P(double[] effects, double[][] controls)
            => SignFlip.PValue([.. effects.Select((e, i) => e - (controls.Length == 0 ? 0 : controls.Average(c => c[i])))], seed: (ulong)options.Seed);

        Claim Claimed(Unjudged of, double p, double adjustedP)
        {
            var effect = PairedBootstrap.MeanDifference(of.Effects, Resamples);
            var control = of.Controls.Length == 0 ? null : Spread.Of(of.Controls.Select(c => c.Average()));
            var (one, other) = (effect.Low / whole, effect.High / whole);
            var share = new Estimate(effect.Mean / whole, Math.Min(one, other), Math.Max(one, other));
            var floor = (control?.Mean ?? 0) / whole;
            var isShown = !IsDescribed && adjustedP <= options.Level && share.Mean >= options.LeastShare && share.Mean > floor;
            var random = of.Kind == ClaimKind.NeuronsSufficient ? "as many random neurons" : "a random step as far";
            var beside = control is null ? "" : $"; {random} {Percent(floor)}";
            return new Claim(
                of.Kind, of.Site.Place, effect, share, control, p, adjustedP, isShown,
                $"{Verdict(isShown, "Not shown: ")}{of.Text} {Percent(share)} of the effect{beside} ({PText(adjustedP)})."
                    + (of.Kind == ClaimKind.CarriesSufficient && isShown ? OneVector(MeanShare(testing, choosing, carrier), share.Mean) : ""));
        }
    }

    private static string OneVector(double mean, double share)
        => $" One vector for all states, the mean difference there, gives {Percent(mean)}"
            + $"{(mean < share / 2 ? ": what it carries differs from state to state" : "")}.";

    private List<string> Sentences(List<Claim> claims)
    {
        List<string> told = [.. claims.Where(c => c.IsShown).Select(c => c.Text), .. claims.Where(c => !c.IsShown).Select(c => c.Text)];
        if (IsDescribed)
        {
            told.Add($"{contrast.Testing.With.Rows} states are too few to judge at the level {Text(options.Level)}: no sign flip of so few has so small a p. "
                + "What stands above describes them.");
        }

        return told;
    }

    /// <summary>The site that both gives and takes away most, in the states in which parts are chosen.</summary>
    private static T Chosen<T>(Pair pair, IReadOnlyList<T> sites, List<SiteShare> shares)
        where T : Site
    {
        var whole = pair.Whole.Average();
        var found = sites.Select(site =>
        {
            var share = new SiteShare(site.Place, site.Kind, site.Layer, pair.Given(site).Average() / whole, pair.Lost(site).Average() / whole);
            shares.Add(share);
            return (Site: site, Rank: Math.Min(share.Sufficient, share.Necessary));
        }).ToArray();
        return found.MaxBy(f => f.Rank).Site;
    }

    /// <summary>Whether a text is answered at its last token, where alone parts are then exchanged, as a policy's are where it decides.</summary>
    /// <exception cref="VitrineException">Two texts differ in length, and every token of theirs counts.</exception>
    private bool IsDecidedLast(SubjectRun with, SubjectRun without)
    {
        if (with.Ids.Count == 0)
        {
            return false;
        }

        if (metric.Reads == -1 && contrast.Testing.With.Stack.Specs[0].Attention.Mask == AttentionMask.Causal)
        {
            return true;
        }

        return with.Ids.Select(Own).SequenceEqual(without.Ids.Select(Own))
            ? false
            : throw new VitrineException("contrast: the two texts of a pair differ in length, and the metric or the model reads every token; "
                + "expected as many tokens on both sides.");

        static int Own(int[] row) => row.Count(id => id >= 0);
    }

    private double MeanShare(Pair testing, Pair choosing, PointSite site)
        => Effects(Measured(contrast.Testing.Without, site.AddMean(choosing.With, choosing.Without)), testing.Plain).Average() / testing.Whole.Average();

    private PointSite[] Components(Component component) => [.. Enumerable.Range(0, shape.Layers).Select(layer => PointSite.Of(shape, component, layer))];

    /// <summary>Rows of the prompt by layer, of an action expert that reads them: the words that differ, the other words, the state, the pictures.</summary>
    private PrefixSite[] Prefixes()
    {
        if (contrast.Choosing.With.Model is not Policy policy || !shape.Points.Contains(Point.AttnPrefixK))
        {
            return [];
        }

        var (with, without) = (contrast.Choosing.With.Layout!, contrast.Choosing.Without.Layout!);
        if (with.Rows.Zip(without.Rows).Any(r => r.First.Words.Count != r.Second.Words.Count))
        {
            throw new VitrineException(
                $"contrast: '{contrast.With}' and '{contrast.Without}' make prompts of different length; {policy.Name} reads the prompt row by row, so that "
                + "rows answer to each other only where both have as many. Name a word of as many tokens to hold it against (--against).");
        }

        (string Name, Func<PromptRow, PromptRow, IEnumerable<long>> Rows)[] groups =
        [
            ("the words that differ", (own, other) => Differing(own, other)),
            ("the other words", (own, other) => own.Words.Select(w => w.Position).Except(Differing(own, other))),
            ("the state", (own, _) => own.State),
            ("the pictures", (own, _) => own.Pictures.Values.SelectMany(p => p.Positions())),
        ];
        return
        [
            .. Enumerable.Range(0, shape.Layers).SelectMany(layer => groups
                .Where(g => g.Rows(with.Rows[0], without.Rows[0]).Any())
                .Select(g => new PrefixSite(
                    $"{shape.Name}.{layer} keys and values of {g.Name}", $"the keys and values of {g.Name}, as {shape.Name} layer {layer} reads them",
                    shape.Name, layer, g.Rows))),
        ];

        static IEnumerable<long> Differing(PromptRow own, PromptRow other)
            => own.Words.Zip(other.Words).Where(w => w.First.Id != w.Second.Id).Select(w => w.First.Position);
    }

    private double[] Measured(Subject subject, RunPlan plan)
    {
        cancellation.ThrowIfCancellationRequested();
        using var run = subject.RunFor(metric, plan, cancellation: cancellation);
        if (run.Run.UntouchedEdits.FirstOrDefault() is { } untouched)
        {
            throw new VitrineException($"explain: {untouched}. What is asked of an edit that does nothing has no answer.");
        }

        progress?.Report(Math.Min(1, (double)++done / planned));
        return [.. metric.Values(run)];
    }

    private static double[] Effects(IReadOnlyList<double> measured, IReadOnlyList<double> beside) => [.. measured.Zip(beside, (a, b) => a - b)];

    private string Named(string with) => contrast.Testing.With.Model is Policy ? $"'{with}'" : with;

    private static string Number(Estimate e) => $"{Signed(e.Mean)} [{Signed(e.Low)}, {Signed(e.High)}]";

    private static string Number(double v) => Signed(v);

    private static string Signed(double v) => v.ToString("+0.####;-0.####;0", CultureInfo.InvariantCulture);

    private static string Percent(Estimate e) => $"{Percent(e.Mean)} [{Percent(e.Low)}, {Percent(e.High)}]";

    private static string Percent(double v) => (100 * v).ToString("0", CultureInfo.InvariantCulture) is var text && text == "-0" ? "0 %" : $"{text} %";

    private static string Text(double v) => v.ToString("0.###", CultureInfo.InvariantCulture);

    private static string PText(double p) => p < .001 ? "p < 0.001" : $"p = {p.ToString("0.000", CultureInfo.InvariantCulture)}";

    /// <summary>A claim before it is judged.</summary>
    private sealed record Unjudged(ClaimKind Kind, Site Site, double[] Effects, double[][] Controls, string Text);

    /// <summary>Both runs of a set of states, kept, and what parts of one do in the other.</summary>
    private sealed class Pair : IDisposable
    {
        private readonly Explainer explainer;
        private readonly ContrastStates states;

        public Pair(Explainer explainer, ContrastStates states)
        {
            (this.explainer, this.states) = (explainer, states);
            explainer.cancellation.ThrowIfCancellationRequested();
            string[] needs =
            [
                .. explainer.rows.Concat<Site>(explainer.attention).Concat(explainer.mlps).SelectMany(s => s.Needs),
                .. new[] { Point.AttnZ, Point.MlpNeurons }.Where(explainer.shape.Points.Contains).Select(p => $"{explainer.shape.Name}.*.{p.Name}@*"),
            ];
            With = states.With.Run(RunPlan.Capturing(needs), cancellation: explainer.cancellation);
            Without = states.Without.Run(RunPlan.Capturing(needs), cancellation: explainer.cancellation);
            With.OnlyLast = Without.OnlyLast = explainer.IsDecidedLast(With, Without);
            (Worded, Plain) = ([.. explainer.metric.Values(With)], [.. explainer.metric.Values(Without)]);
            Whole = Effects(Worded, Plain);
        }

        public SubjectRun With { get; }

        public SubjectRun Without { get; }

        public double[] Worded { get; }

        public double[] Plain { get; }

        /// <summary>What the contrast changes, state by state.</summary>
        public double[] Whole { get; }

        /// <summary>What the part gives, put in alone.</summary>
        public double[] Given(Site site) => Effects(explainer.Measured(states.Without, site.PutIn(With, Without)), Plain);

        /// <summary>What is lost where the part is held.</summary>
        public double[] Lost(Site site) => Effects(Worded, explainer.Measured(states.With, site.PutIn(Without, With)));

        public double[][] GivenAtRandom(Site site)
            => Drawn(random => Effects(explainer.Measured(states.Without, site.PutIn(With, Without, random)), Plain));

        public double[][] LostAtRandom(Site site)
            => Drawn(random => Effects(Worded, explainer.Measured(states.With, site.PutIn(Without, With, random))));

        /// <summary>What the part gives less where another is held at the run without.</summary>
        public double[] Blocked(Site site, Site held)
        {
            var into = site.PutIn(With, Without);
            var blocked = explainer.Measured(states.Without, into with { Edits = [.. into.Edits, .. Held()] });
            return Effects(explainer.Measured(states.Without, into), blocked);

            IEnumerable<Transformers.Edits.Edit> Held() => held.PutIn(Without, Without).Edits;
        }

        public PointSite Strongest(IReadOnlyList<PointSite> sites)
        {
            var sign = Math.Sign(Whole.Average());
            return sites.MaxBy(site => sign * Given(site).Average())!;
        }

        /// <summary>The neurons of a layer with the largest attribution (difference of the two runs times gradient), and random ones beside them.</summary>
        public (int[] Chosen, int[][] Others) Neurons(PointSite mlp, int count, int draws, int seed)
        {
            using var scope = NewDisposeScope();
            var at = $"{mlp.Stack}.{mlp.Layer}.{Point.MlpNeurons.Name}";
            using var run = states.Without.Run(new RunPlan { Gradients = [$"{at}@*"] }, cancellation: explainer.cancellation);
            using var gradients = new Run(run.Run.GradientsOf(_ => explainer.metric.Of(run).sum()).ToDictionary(), output: null);
            run.OnlyLast = Without.OnlyLast;
            var scores = zeros([explainer.shape.Neurons], float64);
            foreach (var ((slope, with), without) in Moments.Of(run, at, gradients).Zip(Moments.Of(With, at)).Zip(Moments.Of(Without, at)))
            {
                var moved = slope.Values.Widened() * with.Values.Widened().Minus(without.Values.Widened());
                scores = scores.Plus(moved.flatten(0, -2).sum([0]).to(float64).cpu());
            }

            var sign = Math.Sign(Whole.Average());
            var ranked = scores.data<double>().ToArray().Index().OrderByDescending(s => sign * s.Item).ThenBy(s => s.Index).Select(s => s.Index).ToArray();
            var random = new RandomStream($"explain/neurons/{seed}");
            return (ranked[..count], [.. Enumerable.Range(0, draws).Select(_ => ranked[count..].OrderBy(_ => random.NextDouble()).Take(count).ToArray())]);
        }

        public void Dispose()
        {
            With.Dispose();
            Without.Dispose();
        }

        private double[][] Drawn(Func<Generator, double[]> measured)
        {
            return [.. Enumerable.Range(0, explainer.options.Draws).Select(Draw)];

            double[] Draw(int draw)
            {
                using var random = new Generator((ulong)((explainer.options.Seed * 1000) + draw), CPU);
                return measured(random);
            }
        }
    }
}
