using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>A plan whose every address has become a slot of a stack. Binding is the only place that knows addresses.</summary>
internal sealed class BoundPlan
{
    private readonly Dictionary<(string Stack, int? Layer), Slots> slots = [];

    private BoundPlan(RunPlan plan, TokenKinds kinds)
    {
        Kinds = kinds;
        ExplicitAttention = plan.ExplicitAttention;
        NeedsGradients = plan.Gradients.Count > 0;
    }

    public bool ExplicitAttention { get; }

    public bool NeedsGradients { get; }

    /// <summary>Kinds of tokens that edits may name.</summary>
    public TokenKinds Kinds { get; }

    /// <summary>What is wanted in a block.</summary>
    public Slots In(string stack, int layer) => slots.GetValueOrDefault((stack, layer)) ?? Slots.None;

    /// <summary>What is wanted of a stack outside its blocks.</summary>
    public Slots Of(string stack) => slots.GetValueOrDefault((stack, null)) ?? Slots.None;

    /// <summary>Binds a plan to a model's stacks.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="stacks">What the model is made of.</param>
    /// <param name="dtype">What it computes in.</param>
    /// <param name="rows">Rows of the batch, where they are known.</param>
    /// <param name="kinds">Kinds of tokens that the batch names.</param>
    /// <param name="computed">What the run computes; null for everything.</param>
    /// <exception cref="VitrineException">An address names nothing, with the nearest that exists; or an edit does not fit its place.</exception>
    public static BoundPlan Bind(RunPlan plan, IReadOnlyList<StackShape> stacks, ScalarType dtype, int? rows = null, TokenKinds? kinds = null, Computed? computed = null)
    {
        if (plan.StopAfter is not null && computed is null)
        {
            throw new VitrineException($"plan: stops after block {plan.StopAfter}; this run cannot stop before its end.");
        }

        var bound = new BoundPlan(plan, kinds ?? TokenKinds.None);
        if (plan.Capture.Count + plan.Edits.Count + plan.Gradients.Count == 0)
        {
            return bound;
        }

        foreach (var edit in plan.Edits)
        {
            foreach (var pattern in edit.Places())
            {
                if (pattern.Text.Contains('@', StringComparison.Ordinal))
                {
                    throw new VitrineException($"edit at '{pattern}': an edit's steps stand in its scope, not in its address.");
                }

                foreach (var (place, shape) in Find(pattern, stacks, computed))
                {
                    bound.At(place).Edit(edit, edit.Bind(new Edits.EditSite(place, shape, dtype) { Rows = rows, Kinds = bound.Kinds }));
                }
            }
        }

        foreach (var pattern in plan.Capture.Select(AddressPattern.Parse))
        {
            foreach (var (place, _) in Find(pattern, stacks, computed))
            {
                bound.At(place).Capture(pattern.Steps);
            }
        }

        foreach (var pattern in plan.Gradients.Select(AddressPattern.Parse))
        {
            foreach (var (place, _) in Find(pattern, stacks, computed))
            {
                bound.At(place).Differentiate(pattern.Steps);
            }
        }

        return bound;
    }

    private Slot At(Address place)
    {
        if (!slots.TryGetValue((place.Stack, place.Layer), out var of))
        {
            slots[(place.Stack, place.Layer)] = of = new Slots();
        }

        return of[place.Point] ??= new Slot(place.Stack, place.Layer, place.Point);
    }

    private static List<(Address Place, StackShape Shape)> Find(AddressPattern pattern, IReadOnlyList<StackShape> stacks, Computed? computed)
    {
        List<(Address, StackShape)> found = [.. stacks.SelectMany(s => s.Places().Where(p => pattern.MatchesPlace(p.Stack, p.Layer, p.Point)).Select(p => (p, s)))];
        if (found.Count > 0)
        {
            var reached = computed is { } part ? found.FindAll(f => part.Reaches(f.Item1)) : found;
            return reached.Count > 0 ? reached : throw new VitrineException($"address '{pattern}': this run computes {computed}, which does not reach it.");
        }

        var stack = stacks.FirstOrDefault(s => s.Name == pattern.Stack);
        var why = pattern.Stack is not null && stack is null
            ? $"the model has no stack '{pattern.Stack}', only {string.Join(", ", stacks.Select(s => s.Name))}"
            : pattern.Layer is { } layer && stack is not null && layer >= stack.Layers
                ? $"the stack has {stack.Layers} layers, counted from 0"
                : "the model has no such point";
        var nearest = Nearest.Of(pattern.Text, stacks.SelectMany(s => s.Places()).Select(p => p.ToString()));
        throw new VitrineException($"address '{pattern}': {why}; the nearest that exists is '{nearest}'.");
    }
}
