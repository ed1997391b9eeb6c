using System.Globalization;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Worlds.Studies.Files;

/// <summary>Measures how far an edit moves one decision, and finds the dose that moves it as far as is asked.</summary>
/// <param name="policy">Who decides.</param>
/// <param name="states">In what.</param>
/// <param name="word">Whose motion can be asked for; null for none.</param>
/// <param name="cancellation">Stops between passes.</param>
internal sealed class Strength(Policy policy, IReadOnlyList<Observation> states, string? word, CancellationToken cancellation) : IDisposable
{
    private const double Percentile = .95, Most = 128, Least = 1.0 / 1024;
    private const int Halvings = 16;
    private Decision? baseline;

    private Decision Baseline => baseline ??= Decide(null, states);

    /// <summary>The dose that is given, or the one that reaches what is asked.</summary>
    /// <param name="condition">Names it, and says what is asked.</param>
    /// <param name="given">The dose as a value; null where it must be found.</param>
    /// <param name="doseOf">The dose of a number.</param>
    /// <param name="shown">A dose in words.</param>
    /// <param name="at">The edit at a dose.</param>
    /// <param name="measured">Whether a given dose is measured too.</param>
    /// <exception cref="VitrineException">No dose reaches it, or the policy has no such effect.</exception>
    public (RunPlan Plan, T Dose, ConditionStrength Found) Reach<T>(
        StudyCondition condition, T? given, Func<double, T> doseOf, Func<T, string> shown, Func<T, RunPlan> at, bool measured)
        where T : class
    {
        var dose = given ?? doseOf(Found(condition, number => at(doseOf(number))));
        var plan = at(dose);
        return (plan, dose, Of(condition, shown(dose), plan, measured || given is null));
    }

    /// <inheritdoc cref="Reach{T}(StudyCondition, T, Func{double, T}, Func{T, string}, Func{T, RunPlan}, bool)"/>
    public (RunPlan Plan, double Dose, ConditionStrength Found) Reach(
        StudyCondition condition, double? given, Func<double, double> doseOf, Func<double, string> shown, Func<double, RunPlan> at, bool measured)
    {
        var dose = given ?? doseOf(Found(condition, number => at(doseOf(number))));
        var plan = at(dose);
        return (plan, dose, Of(condition, shown(dose), plan, measured || given is null));
    }

    /// <summary>How strong a plan is.</summary>
    public ConditionStrength Of(StudyCondition condition, string dose, RunPlan plan, bool measured)
    {
        if (!measured)
        {
            return new ConditionStrength("", condition.Name, dose, null, null);
        }

        using var decided = Decide(plan, states);
        return new ConditionStrength("", condition.Name, dose, Nats(decided), Motion(decided));
    }

    public void Dispose() => baseline?.Dispose();

    private double Found(StudyCondition condition, Func<double, RunPlan> at)
    {
        var (what, target, unit) = condition.Dose switch
        {
            { Nats: { } nats } => ((Func<Decision, double>)(d => Nats(d) ?? throw new VitrineException(
                $"condition '{condition.Name}': a dose in nats is of a policy that speaks in tokens; {policy.Name} gives numbers. Ask for 'motion'.")),
                nats, "nats"),
            { Motion: { } motion } => (Motion, motion, "of motion"),
            _ => (Motion, OfWord(), "of motion, as the word does"),
        };
        var (low, high) = (0.0, 1.0);
        while (Effect(high) < target)
        {
            (low, high) = (high, 2 * high);
            if (high > Most)
            {
                throw new VitrineException(
                    $"condition '{condition.Name}': no dose up to {Most} reaches {Plain(target)} {unit}; there it is {Plain(Effect(Most))}.");
            }
        }

        if (low == 0)
        {
            while (Effect(high / 2) >= target)
            {
                high /= 2;
                if (high < Least)
                {
                    throw new VitrineException(
                        $"condition '{condition.Name}': even at a dose of {Plain(high)} it is more than {Plain(target)} {unit}: being held at the mean alone "
                            + "moves it further. Ask for more, or push the neurons with 'add: true'.");
                }
            }

            low = high / 2;
        }

        for (var i = 0; i < Halvings && high - low > 1e-4 * high; i++)
        {
            var middle = (low + high) / 2;
            (low, high) = Effect(middle) < target ? (middle, high) : (low, middle);
        }

        return double.Parse(high.ToString("G4", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

        double Effect(double dose)
        {
            cancellation.ThrowIfCancellationRequested();
            using var decided = Decide(at(dose), states);
            return what(decided);
        }
    }

    private static string Plain(double value) => value.ToString("0.####", CultureInfo.InvariantCulture);

    private double OfWord()
    {
        using var said = Decide(null, new OneStep(policy, states).Worded(word!));
        return Motion(said);
    }

    private double Motion(Decision decided) => decided.Actions.Zip(Baseline.Actions, Length).Average();

    private static double Length(IReadOnlyList<double> a, IReadOnlyList<double> b)
        => Math.Sqrt(a.Zip(b).Take(3).Sum(pair => (pair.First - pair.Second) * (pair.First - pair.Second)));

    /// <remarks>D(p || q) = sum p (ln p - ln q), p edited and q unedited, for each state and token; each run reads the tokens that it said itself.</remarks>
    private double? Nats(Decision decided)
    {
        if (decided.LogProbabilities is not { } edited || Baseline.LogProbabilities is not { } plain)
        {
            return null;
        }

        using var scope = NewDisposeScope();
        var divergences = (edited.exp() * (edited - plain)).sum(-1).flatten().cpu().data<float>().ToArray();
        return Quantiles.Linear([.. divergences.Select(d => Math.Max(0, (double)d))], Percentile);
    }

    private Decision Decide(RunPlan? plan, IReadOnlyList<Observation> observed)
    {
        using var run = policy.Act(observed, plan, cancellation: cancellation);
        using var scope = no_grad();
        var speaks = run.Tokens is not null && run.Run.Logits.Dimensions == 3;
        return new Decision(
            [.. run.Actions.Select(a => a.Expected)],
            speaks ? run.Run.Logits.to(ScalarType.Float32).log_softmax(-1).DetachFromDisposeScope() : null);
    }

    /// <param name="Actions">Expected, in the robot's units.</param>
    /// <param name="LogProbabilities">(B, tokens, V); null where the policy gives numbers.</param>
    private sealed record Decision(IReadOnlyList<IReadOnlyList<double>> Actions, Tensor? LogProbabilities) : IDisposable
    {
        public void Dispose() => LogProbabilities?.Dispose();
    }
}
