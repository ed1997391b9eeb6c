using Vitrine.Mechanisms.Doses;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Causes;

/// <summary>The controls of a clamp: zero dose, and neurons that resemble the chosen ones but spell nothing.</summary>
/// <param name="ZeroDose">Edits that go through the whole machinery and change nothing.</param>
/// <param name="MatchedRandom">One clamp for each draw.</param>
/// <param name="Sets">The neurons of each draw.</param>
public sealed record ClampControls(IReadOnlyList<Edit> ZeroDose, IReadOnlyList<Clamp> MatchedRandom, IReadOnlyList<NeuronSet> Sets);

/// <summary>Makes the controls that no causal claim goes without.</summary>
public static class Controls
{
    private const int Neighbours = 20;

    /// <summary>The controls of a clamp, in one call.</summary>
    /// <param name="stack">Whose neurons.</param>
    /// <param name="chosen">The neurons under test.</param>
    /// <param name="dose">At which they are clamped; each random neuron takes the dose in its own units.</param>
    /// <param name="calibration">Natural activity.</param>
    /// <param name="excluded">Neurons that must not be drawn: those of any concept's cluster.</param>
    /// <param name="draws">Random sets, at least 8 for a claim.</param>
    /// <param name="seed">Of the draws.</param>
    /// <remarks>
    /// For each chosen neuron one of the 20 nearest of its layer in (log norm of the value vector as it arrives in the residual stream, log sigma), without
    /// repetition within a set.
    /// </remarks>
    public static ClampControls For(
        Stack stack, NeuronSet chosen, Dose dose, Calibration calibration, IReadOnlySet<Neuron> excluded, int draws = 8, int seed = 0)
    {
        ArgumentNullException.ThrowIfNull(stack);
        ArgumentNullException.ThrowIfNull(chosen);
        ArgumentNullException.ThrowIfNull(dose);
        var candidates = chosen.Neurons.Select(n => NearestOf(stack, n, calibration, excluded, chosen)).ToArray();
        var sets = Enumerable.Range(0, draws).Select(d => Draw(candidates, new Random((seed * 1009) + d), chosen.Stack)).ToArray();
        return new ClampControls(
            [.. chosen.Layers.Select(l => new Scale($"{chosen.Stack}.{l}.mlp.neurons", 1))], [.. sets.Select(s => dose.Clamp(s, calibration))], sets);
    }

    private static NeuronSet Draw(Neuron[][] candidates, Random random, string stack)
    {
        var drawn = new List<Neuron>();
        foreach (var nearest in candidates)
        {
            var free = nearest.Where(n => !drawn.Contains(n)).ToArray();
            drawn.Add((free.Length > 0 ? free : nearest)[random.Next(free.Length > 0 ? free.Length : nearest.Length)]);
        }

        return new NeuronSet(drawn, stack);
    }

    private static Neuron[] NearestOf(Stack stack, Neuron neuron, Calibration calibration, IReadOnlySet<Neuron> excluded, NeuronSet chosen)
    {
        using var scope = NewDisposeScope();
        var isGated = stack.BehindNeurons == "gate";                                                       // which makes the vectors anew in every pass
        var norm = (isGated ? stack.RawValueVectors(neuron.Layer) : stack.ValueVectors(neuron.Layer)).Widened().norm(1).cpu().data<float>().ToArray();
        var nearest = Enumerable.Range(0, norm.Length).Select(i => new Neuron(neuron.Layer, i))
            .Where(n => !excluded.Contains(n) && !chosen.Neurons.Contains(n))
            .OrderBy(n => Distance(n)).Take(Neighbours).ToArray();
        return nearest.Length > 0 ? nearest : throw new VitrineException($"controls: layer {neuron.Layer} has no neuron left to compare {neuron} with.");

        double Distance(Neuron other)
        {
            var a = Math.Log(Math.Max(norm[other.Index], 1e-12)) - Math.Log(Math.Max(norm[neuron.Index], 1e-12));
            var b = Math.Log(Math.Max(calibration.SigmaOf(other), 1e-12)) - Math.Log(Math.Max(calibration.SigmaOf(neuron), 1e-12));
            return (a * a) + (b * b);
        }
    }
}
