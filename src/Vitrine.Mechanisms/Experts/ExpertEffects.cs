using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Mechanisms.Experts;

/// <summary>What neurons of an expert do to the chunk, by finite difference: one deviation more at every row and flow step, everything else alike.</summary>
/// <param name="policy">Who acts.</param>
/// <param name="states">In what.</param>
/// <param name="calibration">Natural activity of the expert's neurons.</param>
/// <remarks>Pictures and words are read once for all of them.</remarks>
public sealed class ExpertEffects(FlowPolicy policy, IReadOnlyList<Observation> states, Calibration calibration)
{
    /// <summary>Mean change of each number of the action, over rows of the chunk and states, normalised; one a neuron.</summary>
    /// <param name="neurons">Of the expert.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between neurons.</param>
    /// <exception cref="VitrineException">The calibration is another's, or there is no state.</exception>
    public IReadOnlyList<IReadOnlyList<double>> Of(
        IReadOnlyList<Neuron> neurons, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(neurons);
        var shape = policy.Expert.Shape;
        calibration.RequireOf(policy, shape);
        using var prefix = policy.Read(states);
        var plain = Mean(null);
        var effects = new List<IReadOnlyList<double>>();
        foreach (var neuron in neurons)
        {
            var more = Dose.Sigmas(1).Add(new NeuronSet([neuron], shape.Name), calibration, shape.Neurons);
            effects.Add([.. Mean(new RunPlan { Edits = [.. more.Cast<Edit>()] }).Zip(plain, (a, b) => a - b)]);
            progress?.Report((double)effects.Count / neurons.Count);
        }

        return effects;

        double[] Mean(RunPlan? plan)
        {
            using var run = policy.Act(prefix, plan, cancellation: cancellation);
            var rows = run.Actions.SelectMany(a => a.Normalised).ToArray();
            return [.. Enumerable.Range(0, rows[0].Count).Select(d => rows.Average(r => r[d]))];
        }
    }

    /// <summary>Pearson's correlation of read-outs and effects, over neurons and numbers of the action.</summary>
    /// <param name="read">Of some neurons.</param>
    /// <param name="effects">Of the same.</param>
    public static double Agreement(IReadOnlyList<ExpertNeuron> read, IReadOnlyList<IReadOnlyList<double>> effects)
    {
        ArgumentNullException.ThrowIfNull(read);
        ArgumentNullException.ThrowIfNull(effects);
        var (x, y) = (read.SelectMany(n => n.Read).ToArray(), effects.SelectMany(e => e).ToArray());
        var (mx, my) = (x.Average(), y.Average());
        var (xy, xx, yy) = (0.0, 0.0, 0.0);
        for (var i = 0; i < x.Length; i++)
        {
            (xy, xx, yy) = (xy + ((x[i] - mx) * (y[i] - my)), xx + ((x[i] - mx) * (x[i] - mx)), yy + ((y[i] - my) * (y[i] - my)));
        }

        return xy / Math.Sqrt(xx * yy);
    }
}
