using Vitrine.Mechanisms.Doses;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;

namespace Vitrine.Mechanisms.Experts;

/// <summary>Every neuron of a flow policy's expert in the space of actions: what it writes, in its own deviations.</summary>
/// <remarks>
/// A read-out is no effect: what later layers do is left out, and read-outs of an expert that has learnt nothing predict effects as well. Beside them stands
/// what <see cref="ExpertEffects"/> measures.
/// </remarks>
public sealed class ExpertReading
{
    private readonly IReadOnlyList<ExpertNeuron> neurons;

    private ExpertReading(IReadOnlyList<ExpertNeuron> neurons) => this.neurons = neurons;

    /// <summary>All of them, layer by layer.</summary>
    public IReadOnlyList<ExpertNeuron> Neurons => neurons;

    /// <summary>Reads every layer.</summary>
    /// <param name="policy">Whose expert.</param>
    /// <param name="calibration">Natural activity of the expert's neurons; one unit of each is read where it is null.</param>
    /// <param name="step">At which flow step; null for the mean over all, which is what a neuron that is held throughout adds to the chunk.</param>
    /// <exception cref="VitrineException">The calibration is another's, or the flow has no such step.</exception>
    public static ExpertReading Of(FlowPolicy policy, Calibration? calibration, int? step = null)
    {
        ArgumentNullException.ThrowIfNull(policy);
        var shape = policy.Expert.Shape;
        calibration?.RequireOf(policy, shape);
        var read = new List<ExpertNeuron>();
        int[] steps = step is { } one ? [one] : [.. Enumerable.Range(0, policy.FlowSteps)];
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            var sum = Array.Empty<double>();
            foreach (var at in steps)
            {
                using var vectors = policy.ActionVectors(layer, at);
                var numbers = vectors.cpu().data<float>().ToArray();
                sum = sum.Length == 0 ? [.. numbers.Select(v => (double)v)] : [.. sum.Zip(numbers, (a, b) => a + b)];
            }

            var width = sum.Length / shape.Neurons;
            read.AddRange(Enumerable.Range(0, shape.Neurons).Select(i =>
            {
                var neuron = new Neuron(layer, i);
                var unit = (calibration?.SigmaOf(neuron) ?? 1.0) / steps.Length;
                return new ExpertNeuron(neuron, [.. sum.Skip(i * width).Take(width).Select(v => v * unit)]);
            }));
        }

        return new ExpertReading(read);
    }

    /// <summary>The neurons that a direction of action is written by most, up or down, the strongest first.</summary>
    /// <param name="direction">Which.</param>
    /// <param name="count">How many.</param>
    /// <param name="layers">Layers to look in; all when null.</param>
    public IReadOnlyList<ExpertNeuron> Along(ActionDirection direction, int count, IReadOnlyCollection<int>? layers = null)
        => [.. neurons.Where(n => layers is null || layers.Contains(n.Neuron.Layer)).OrderByDescending(n => Math.Abs(n.Along(direction))).Take(count)];
}
