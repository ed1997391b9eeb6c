using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Policies.Flow;

namespace Vitrine.Mechanisms.Experts;

/// <summary>
/// Neurons of an expert by what they write in a direction of action, beside what they do, and how well the two agree, beside an expert that has learnt nothing.
/// </summary>
/// <param name="Direction">Which.</param>
/// <param name="Neurons">The strongest by read-out alone, the strongest first.</param>
/// <param name="Effects">Mean change of each number of the action with one deviation more at every row and flow step, normalised; one a neuron.</param>
/// <param name="Sampled">Random neurons that the agreement is taken over.</param>
/// <param name="Trained">Pearson's correlation of read-outs and effects over them.</param>
/// <param name="Untrained">The same in the expert with initial weights.</param>
public sealed record ExpertComparison(
    ActionDirection Direction, IReadOnlyList<ExpertNeuron> Neurons, IReadOnlyList<IReadOnlyList<double>> Effects, int Sampled, double Trained, double Untrained)
{
    private const int Sample = 48;

    /// <summary>Reads and measures both experts.</summary>
    /// <param name="policy">The trained one.</param>
    /// <param name="untrained">The same policy with <see cref="FlowPolicy.OpenUntrained"/>.</param>
    /// <param name="asked">What is asked of both.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between passes.</param>
    public static ExpertComparison Of(
        FlowPolicy policy, FlowPolicy untrained, ExpertQuestion asked, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(untrained);
        ArgumentNullException.ThrowIfNull(asked);
        var (read, effects, trained) = Measured(policy, asked.Calibration, asked.Count, new Half(progress, 0));
        var (_, _, initial) = Measured(untrained, calibration: null, 0, new Half(progress, .5));
        return new ExpertComparison(asked.Direction, read, effects, Sample, trained, initial);

        (IReadOnlyList<ExpertNeuron>, IReadOnlyList<IReadOnlyList<double>>, double) Measured(
            FlowPolicy of, Calibration? calibration, int count, IProgress<double> part)
        {
            calibration ??= Calibration.Measure(of, asked.Calibrating, cancellation: cancellation, stackName: of.Expert.Shape.Name);
            var reading = ExpertReading.Of(of, calibration, asked.Step);
            ExpertNeuron[] best = [.. reading.Along(asked.Direction, count, asked.Layers)];
            var random = new Random(asked.Seed);
            ExpertNeuron[] sample = [.. reading.Neurons.OrderBy(_ => random.Next()).Take(Sample)];
            var done = new ExpertEffects(of, asked.Testing, calibration).Of([.. best.Concat(sample).Select(n => n.Neuron)], part, cancellation);
            return (best, [.. done.Take(best.Length)], ExpertEffects.Agreement(sample, [.. done.Skip(best.Length)]));
        }
    }

    private sealed class Half(IProgress<double>? whole, double from) : IProgress<double>
    {
        public void Report(double value) => whole?.Report(from + (value / 2));
    }
}

/// <summary>What is asked of an expert's neurons.</summary>
/// <param name="Direction">In which direction of action.</param>
/// <param name="Count">How many neurons, the strongest by read-out.</param>
/// <param name="Calibrating">States in which deviations are measured.</param>
/// <param name="Testing">States in which effects are; none of the others where they are drawn.</param>
/// <param name="Seed">Decides the random neurons.</param>
public sealed record ExpertQuestion(
    ActionDirection Direction, int Count, IReadOnlyList<Observation> Calibrating, IReadOnlyList<Observation> Testing, int Seed)
{
    /// <summary>Layers to look in; all when null.</summary>
    public IReadOnlyCollection<int>? Layers { get; init; }

    /// <summary>At which flow step neurons are read; null for the mean over all.</summary>
    public int? Step { get; init; }

    /// <summary>Of the trained expert, where it is measured already.</summary>
    public Calibration? Calibration { get; init; }
}
