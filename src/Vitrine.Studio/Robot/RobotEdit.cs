using System.Globalization;
using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.Experts;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Studio.Hosting;
using Vitrine.Studio.Models;
using Vitrine.Studio.Scenes;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Studio.Robot;

/// <summary>Neurons that are held in some control steps, at deviations from their natural mean.</summary>
/// <param name="Neurons">Of one stack.</param>
/// <param name="Mirrored">Those that write the other way and take the dose on the other side.</param>
/// <param name="Sigmas">Deviations from the natural mean.</param>
/// <param name="First">First control step of the window, from 0.</param>
/// <param name="Last">Last one.</param>
/// <param name="IsOn">Whether anything is held at all.</param>
/// <param name="Label">What they are, in words.</param>
internal sealed record RobotEdit(NeuronSet Neurons, NeuronSet Mirrored, double Sigmas, int First, int Last, bool IsOn, string Label)
{
    /// <summary>Control steps of an episode.</summary>
    public const int Steps = 50;

    /// <summary>How strongly.</summary>
    public Dose Dose => Dose.Sigmas(Sigmas);

    /// <summary>What an address asks for.</summary>
    /// <exception cref="VitrineException">A neuron does not exist, a concept is unknown, or the policy is of another world.</exception>
    public static RobotEdit Of(OpenModel open, Policy policy, PageAddress at)
    {
        var (neurons, mirrored, label) = Chosen(open, policy, at);
        return new RobotEdit(
            neurons, mirrored, at.Number("dose", 4), at.Whole("from", 0, 0, Steps - 1), at.Whole("to", Steps - 1, 0, Steps - 1), at["hold"] != "0", label);
    }

    /// <summary>The plan of a control step; empty outside the window.</summary>
    public RunPlan At(int step, Calibration calibration) => IsOn && step >= First && step <= Last ? Plan(calibration) : RunPlan.Empty;

    /// <summary>The plan inside the window.</summary>
    public RunPlan Plan(Calibration calibration)
    {
        Neuron[] plain = [.. Neurons.Neurons.Except(Mirrored.Neurons)];
        return RunPlan.Editing(
        [
            .. plain.Length > 0 ? [Dose.Clamp(new NeuronSet(plain, Neurons.Stack), calibration)] : Array.Empty<Edit>(),
            .. Mirrored.Count > 0 ? [Dose.Mirrored.Clamp(Mirrored, calibration)] : Array.Empty<Edit>(),
        ]);
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Label} at mean {Sigmas:+0.##;-0.##;+0} sd, control steps {First} to {Last}");

    /// <summary>Concepts that a policy can be asked for.</summary>
    public static IReadOnlyList<string> Concepts(Policy policy) => policy is FlowPolicy
        ? ["+z", "-z", "+x", "-x", "+y", "-y"]
        : [.. TabletopVocabulary.Concepts.Select(c => c.Name)];

    private static (NeuronSet Neurons, NeuronSet Mirrored, string Label) Chosen(OpenModel open, Policy policy, PageAddress at)
    {
        if (at["neurons"] is { Length: > 0 } listed)
        {
            var stack = at["stack"] is { } asked && policy.Decoders.Any(d => d.Shape.Name == asked) ? asked : policy.Language.Shape.Name;
            return (NeuronList.Parse(listed, policy.Decoders.First(d => d.Shape.Name == stack).Shape), new NeuronSet([], stack), listed);
        }

        if (policy is FlowPolicy flow)
        {
            var towards = ActionDirection.Parse(at.Text("concept", "+z"), flow.ActionNames);
            var written = open.Expert.Along(towards, 24);
            return (new NeuronSet(written.Select(n => n.Neuron), flow.Expert.Shape.Name),
                new NeuronSet(written.Where(n => n.Along(towards) < 0).Select(n => n.Neuron), flow.Expert.Shape.Name),
                $"24 neurons along {at.Text("concept", "+z")}");
        }

        var concept = at.Text("concept", "fast");
        var set = open.Patterns.Set(concept);
        return (set, new NeuronSet([], set.Stack), $"{set.Count} neurons that spell '{concept}'");
    }
}
