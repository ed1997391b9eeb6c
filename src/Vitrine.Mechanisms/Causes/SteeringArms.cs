using Vitrine.Mechanisms.Doses;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;

namespace Vitrine.Mechanisms.Causes;

/// <summary>The arms of steering neurons, alike for texts and for policies: the dose, zero dose, each matched-random set.</summary>
internal static class SteeringArms
{
    /// <param name="stack">Whose neurons.</param>
    /// <param name="neurons">The neurons under test.</param>
    /// <param name="dose">How strongly.</param>
    /// <param name="adds">Whether the dose is added instead of clamped to.</param>
    /// <param name="calibration">Natural activity.</param>
    /// <param name="controls">Of the same neurons and dose.</param>
    /// <param name="mirrored">Neurons that take the dose to the other side; their place in a random set takes it too.</param>
    public static IReadOnlyList<(string Name, RunPlan Plan)> Of(
        Stack stack, NeuronSet neurons, Dose dose, bool adds, Calibration calibration, ClampControls controls, IReadOnlySet<Neuron> mirrored)
    {
        bool[] isMirrored = [.. neurons.Neurons.Select(mirrored.Contains)];
        return
        [
            (adds ? "addition" : "clamp", Dosed(neurons)),
            ("zero dose", new RunPlan { Edits = controls.ZeroDose }),
            .. controls.Sets.Select((s, i) => ($"matched random {i + 1}", Dosed(s))),
        ];

        RunPlan Dosed(NeuronSet set) => new() { Edits = [.. Side(set, dose, false), .. Side(set, dose.Mirrored, true)] };

        IEnumerable<Edit> Side(NeuronSet set, Dose own, bool side)
        {
            var part = new NeuronSet(set.Neurons.Where((_, i) => isMirrored[i] == side), set.Stack);
            return part.Count == 0 ? [] : adds ? own.Add(part, calibration, stack.Shape.Neurons) : [own.Clamp(part, calibration)];
        }
    }
}
