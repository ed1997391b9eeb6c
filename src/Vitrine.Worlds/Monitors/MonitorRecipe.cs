using System.Globalization;
using Vitrine.Mechanisms.Probes;
using Vitrine.Mechanisms.Statistics;
using static TorchSharp.torch;

namespace Vitrine.Worlds.Monitors;

/// <summary>How a monitor is made of examples.</summary>
public sealed record MonitorRecipe
{
    private const int LargestSample = 4000, MostDirections = 64;
    private const double Shrinkage = .1, SmallestScale = 1e-6;

    /// <summary>How it scores.</summary>
    public required MonitorKind Kind { get; init; }

    /// <summary>Its name.</summary>
    public string Name { get => field ?? Kind.ToString().ToLowerInvariant(); init; }

    /// <summary>
    /// False alarms that the threshold is set for: of acts that are not to alarm, or, of a conformal monitor, of episodes that are not to alarm.
    /// </summary>
    public double FalseAlarms { get; init; } = .05;

    /// <summary>Share of the layouts that set the threshold and serve for nothing else.</summary>
    public double Calibrating { get; init; } = .3;

    /// <summary>Weight of a probe's loss against its penalty.</summary>
    public double C { get; init; } = .01;

    /// <summary>Decides which layouts set the threshold, and what is left out of very many acts.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Makes a monitor.</summary>
    /// <param name="examples">With both kinds of acts for a probe; with acts that are not to alarm for the others.</param>
    /// <exception cref="VitrineException">There are too few of either, or a setting makes no sense.</exception>
    public ActivationMonitor Train(MonitorExamples examples)
    {
        ArgumentNullException.ThrowIfNull(examples);
        Check();
        var (calibrating, fitting) = examples.Split(Calibrating, Seed);
        var numbers = Fit(fitting);
        var facts = new MonitorFacts
        {
            Name = Name,
            Kind = Kind,
            Policy = examples.Policy,
            Points = examples.Points,
            Threshold = ThresholdOf(calibrating, x => numbers.Score(x, Kind)),
            Label = examples.Label,
            FalseAlarms = FalseAlarms,
            TrainedOn = [.. examples.All.Select(e => e.Name).Distinct().Order(StringComparer.Ordinal)],
        };
        return new ActivationMonitor(facts, numbers);
    }

    /// <summary>Refuses settings that make no sense.</summary>
    /// <exception cref="VitrineException">They are named.</exception>
    internal void Check()
    {
        if (!Enum.IsDefined(Kind) || !(FalseAlarms is > 0 and < 1) || !(Calibrating is > 0 and < 1) || !(C > 0))
        {
            throw new VitrineException(string.Create(
                CultureInfo.InvariantCulture,
                $"monitor '{Name}': kind {Kind}, false alarms {FalseAlarms}, calibrating {Calibrating}, C {C}; expected ")
                + $"{string.Join(", ", Enum.GetNames<MonitorKind>()).ToLowerInvariant()}, shares between 0 and 1, and C above 0.");
        }
    }

    /// <summary>The score alone, without a threshold.</summary>
    internal MonitorNumbers Fit(MonitorExamples examples)
    {
        var acts = examples.All.SelectMany(e => e.Acts).Where(a => Kind == MonitorKind.Probe || !a.IsPositive).ToArray();
        if (acts.Length > LargestSample)
        {
            acts = [.. new RandomStream($"monitor/sample/{Seed}").Shuffled(acts).Take(LargestSample)];
        }

        var positive = acts.Count(a => a.IsPositive);
        if (Kind == MonitorKind.Probe ? positive < 2 || acts.Length - positive < 2 : acts.Length < 3)
        {
            throw new VitrineException($"monitor '{Name}': {positive} acts to alarm at and {acts.Length - positive} others in the episodes to fit on; expected "
                + $"{(Kind == MonitorKind.Probe ? "at least two of each" : "at least three others")}. Record more episodes, or label them otherwise.");
        }

        using var scope = NewDisposeScope();
        var x = tensor([.. acts.SelectMany(a => a.X)], [acts.Length, acts[0].X.Length]).to(float64);
        return Kind == MonitorKind.Probe ? Probe(x, acts) : Distance(x);
    }

    private MonitorNumbers Probe(Tensor x, MonitoredAct[] acts)
    {
        var probe = new ProbeRecipe { C = C, Balanced = true, Scaled = true }.Fit(x, [.. acts.Select(a => a.IsPositive ? 1 : 0)], ["quiet", "alarm"]);
        var width = (int)x.shape[1];
        return new MonitorNumbers(new double[width], [.. Enumerable.Repeat(1.0, width)], [[.. probe.Coefficients[0]]], [1], probe.Intercepts[0]);
    }

    /// <summary>Directions of largest variance of the standardised acts; what is beyond them shares its mean.</summary>
    private static MonitorNumbers Distance(Tensor x)
    {
        var (mean, deviation) = (x.mean([0]), x.std(0, unbiased: false));
        var scale = where(deviation > SmallestScale, deviation, full_like(deviation, 1));
        var (rows, width) = (x.shape[0], (int)x.shape[1]);
        var (_, singular, right) = linalg.svd((x - mean) / scale, fullMatrices: false);
        double[] variances = [.. singular.data<double>().Select(s => s * s / rows)];
        var kept = Math.Min(MostDirections, variances.Length);
        var left = width > kept ? variances.Skip(kept).Sum() / (width - kept) : 0;
        return new MonitorNumbers(
            Row(mean), Row(scale), [.. right.narrow(0, 0, kept).unbind(0).Select(Row)], [.. variances.Take(kept).Select(Shrunk)], Shrunk(left));

        static double Shrunk(double variance) => ((1 - Shrinkage) * variance) + Shrinkage;

        static double[] Row(Tensor values) => values.contiguous().data<double>().ToArray();
    }

    private double ThresholdOf(MonitorExamples calibrating, Func<float[], double> score)
    {
        var quiet = calibrating.All.Where(e => !e.IsPositive).ToArray();
        if (Kind != MonitorKind.Conformal)
        {
            double[] scores = [.. calibrating.All.SelectMany(e => e.Acts).Where(a => !a.IsPositive).Select(a => score(a.X))];
            return scores.Length > 0 ? Quantiles.Linear(scores, 1 - FalseAlarms)
                : throw new VitrineException($"monitor '{Name}': no act of the {calibrating.Episodes} calibrating episodes is to stay quiet; record more.");
        }

        // Split conformal prediction (Vovk et al. 2005) of the largest score of an episode: the ceil((n + 1)(1 - alpha))-th smallest of n.
        double[] largest = [.. quiet.Select(e => e.Acts.Max(a => score(a.X))).Order()];
        var rank = (int)Math.Ceiling((largest.Length + 1) * (1 - FalseAlarms));
        return rank <= largest.Length ? largest[rank - 1]
            : throw new VitrineException(
                $"monitor '{Name}': {largest.Length} quiet episodes calibrate; a chance of {FalseAlarms} of a false alarm needs at least "
                + $"{(int)Math.Ceiling((1 - FalseAlarms) / FalseAlarms)}. Record more, or allow more.");
    }
}
