using System.Globalization;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Serving.Live;
using Vitrine.Studio.Hosting;
using Vitrine.Studio.Models;
using Vitrine.Studio.Scenes;
using Vitrine.Studio.Work;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Studio.Served;

/// <summary>An edit as the page of a served policy takes it; whether it fits the model is for the server to say.</summary>
internal static class ServedEdit
{
    /// <summary>Kinds by their key in an address, with their names.</summary>
    public static readonly (string Key, string Name)[] Kinds =
        [("clamp", "clamp neurons"), ("add", "add to neurons"), ("ablate", "ablate neurons"), ("heads", "ablate heads"), ("plan", "a plan from a file")];

    /// <summary>The plan of an address.</summary>
    /// <param name="at">Its <c>kind</c>, <c>neurons</c>, <c>heads</c>, <c>value</c> or <c>plan</c>.</param>
    /// <param name="place">Where chosen plans are kept.</param>
    /// <param name="models">Of the studio: one of them tells what a deviation is.</param>
    /// <param name="state">What is served.</param>
    /// <exception cref="VitrineException">Something is missing or malformed.</exception>
    public static RunPlan Of(PageAddress at, Workplace place, OpenModels models, LiveState state)
    {
        var kind = at.Text("kind", "clamp");
        switch (kind)
        {
            case "plan":
                return place.PlanOf(at["plan"]
                    ?? throw new VitrineException("plan: none is chosen yet; choose a file, such as one that Keep and export gives."));
            case "heads":
                var (heads, stack) = Parts(at["heads"], "head", "5:1");
                return RunPlan.Editing([.. heads.GroupBy(h => h.Layer).Select(layer
                    => new Zero($"{stack}.{layer.Key}.attn.z") { Scope = new EditScope { Heads = [.. layer.Select(h => h.Index).Distinct().Order()] } })]);
            default:
                var (named, holds) = Parts(at["neurons"], "neuron", "5:111");
                var set = new NeuronSet(named.Select(n => new Neuron(n.Layer, n.Index)), holds);
                if (kind == "ablate")
                {
                    return RunPlan.Editing(new Clamp(set, 0));
                }

                var dose = Dose.Parse(at["value"]
                    ?? throw new VitrineException("value: none is given; expected a number such as 3, or deviations such as +4sd."));
                var calibration = dose.NeedsCalibration ? Calibration(set, dose, models, state) : null;
                return kind == "add"
                    ? RunPlan.Editing([.. set.Neurons.Select(n => new Add($"{holds}.{n.Layer}.mlp.neurons", EditValue.Of([dose.Added(n, calibration)]))
                    {
                        Scope = new EditScope { Neurons = [n.Index] },
                    })])
                    : RunPlan.Editing(dose.Clamp(set, calibration));
        }
    }

    /// <summary>An edit in words: <c>clamp language.5.mlp.neurons 111, 130 to 3</c>.</summary>
    public static string Words(Edit edit) => edit switch
    {
        Clamp clamp => $"clamp {clamp.Neurons.Stack} {Few(clamp.Neurons.Neurons.Select(n => $"{n}"))} to {Few(clamp.Values.Distinct().Select(v => Number(v)))}",
        Add add => $"add {(add.Factor == 1 ? "" : $"{Number(add.Factor)} x ")}a value at {add.At}{Within(add.Scope)}",
        Zero zero => $"ablate {zero.At}{Within(zero.Scope)}",
        _ => $"{edit.GetType().Name} at {Few(edit.Places())}",
    };

    /// <summary>What the neurons do by themselves, as the studio's own copy of the policy says.</summary>
    private static Calibration Calibration(NeuronSet set, Dose dose, OpenModels models, LiveState state)
    {
        var open = models.All.FirstOrDefault(m => m.Kind == ModelKind.Policy && m.Model is Policy policy
            && policy.Name == state.Model && policy.Fingerprint == state.Fingerprint)
            ?? throw new VitrineException($"value '{dose}': what the neurons of {state.Model} do by themselves is measured on a copy of it in this studio; "
                + "open it on the first page, or give a number.");
        return ((Policy)open.Model).Decoders.Any(d => d.Shape.Name == set.Stack)
            ? open.Calibration(set.Stack)
            : throw new VitrineException($"neurons: {state.Model} has no stack '{set.Stack}' that deviations are known of; give a number.");
    }

    private static ((int Layer, int Index)[] Parts, string Stack) Parts(string? text, string what, string example)
    {
        var form = $"expected LAYER:INDEX such as {example}, several with commas; STACK.LAYER:INDEX for a stack other than language.";
        var parts = (text ?? "").Split([',', ' '], StringSplitOptions.RemoveEmptyEntries).Select(part =>
        {
            var dot = part.LastIndexOf('.');
            return NeuronList.Part(part[(dot + 1)..]) is { } place
                ? (Stack: dot < 0 ? "language" : part[..dot], Part: place)
                : throw new VitrineException($"{what} '{part}': {form}");
        }).ToArray();
        return parts.Length == 0 ? throw new VitrineException($"{what}: none is named; {form}")
            : parts.Select(p => p.Stack).Distinct().Count() > 1 ? throw new VitrineException($"{what}s of several stacks; name those of one at a time.")
            : ([.. parts.Select(p => p.Part)], parts[0].Stack);
    }

    private static string Within(EditScope scope)
        => scope.Neurons is { } neurons ? $":{Few(neurons.Select(n => $"{n}"))}" : scope.Heads is { } heads ? $", heads {Few(heads.Select(h => $"{h}"))}" : "";

    private static string Few(IEnumerable<string> parts)
    {
        string[] all = [.. parts];
        return all.Length <= 6 ? string.Join(", ", all) : $"{string.Join(", ", all[..5])} and {all.Length - 5} more";
    }

    private static string Number(double value) => value.ToString("0.####", CultureInfo.InvariantCulture);
}
