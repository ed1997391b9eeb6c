using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>
/// A plan bound to one model: every address has become a slot of a stack, every value and mask a tensor on the model's device. It may serve any number of runs,
/// also side by side.
/// </summary>
/// <remarks>
/// Binding is the only place that knows addresses. What depends on the batch (rows, kinds of tokens, where a run starts and stops) is checked when a run
/// begins.
/// </remarks>
public sealed class BoundPlan : IDisposable
{
    private readonly Dictionary<(string Stack, int? Layer), Slots> slots = [];
    private readonly List<(AddressPattern Pattern, Address[] Places)> named = [];
    private readonly List<Action<RunRows>> checks = [];
    private readonly List<Tensor> owned = [];
    private readonly StackShape[] stacks;
    private readonly ScalarType dtype;
    private readonly Device device;
    private readonly Lock gate = new();
    private readonly Dictionary<int, UntouchedEdit?> tally = [];
    private bool isDisposed;

    private BoundPlan(RunPlan plan, StackShape[] stacks, ScalarType dtype, Device device)
        => (Plan, this.stacks, this.dtype, this.device) = (plan, stacks, dtype, device);

    /// <summary>What was bound.</summary>
    public RunPlan Plan { get; }

    /// <summary>
    /// Edits that no run under this bound plan has touched anything with so far, each with the reason of the last run; none before the first.
    /// </summary>
    public IReadOnlyList<UntouchedEdit> UntouchedEdits
    {
        get
        {
            lock (gate)
            {
                return [.. tally.Values.OfType<UntouchedEdit>().OrderBy(e => e.Index)];
            }
        }
    }

    /// <summary>Whether a run looks at every point on its way, and ends at the first that is not finite.</summary>
    internal bool IsSearching { get; private init; }

    internal bool ExplicitAttention => Plan.ExplicitAttention;

    /// <summary>Whether an edit changes logits: minus infinity then leaves a token out.</summary>
    internal bool EditsLogits => slots.Values.Any(s => s.Edits(Point.Logits));

    internal bool NeedsGradients => Plan.Gradients.Count > 0;

    internal Device Device => device;

    /// <summary>Binds a plan to a model's stacks.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="stacks">What the model is made of.</param>
    /// <param name="dtype">What it computes in.</param>
    /// <param name="device">Where it computes.</param>
    /// <exception cref="VitrineException">An address names nothing, with the nearest that exists; or an edit does not fit its place.</exception>
    internal static BoundPlan Bind(RunPlan plan, IReadOnlyList<StackShape> stacks, ScalarType dtype, Device device) => Bind(plan, stacks, dtype, device, false);

    private static BoundPlan Bind(RunPlan plan, IReadOnlyList<StackShape> stacks, ScalarType dtype, Device device, bool isSearching)
    {
        var bound = new BoundPlan(plan, [.. stacks], dtype, device) { IsSearching = isSearching };
        try
        {
            bound.Edits();
            bound.Reads(plan.Capture, (slot, step) => slot.Capture(step));
            bound.Reads(plan.Gradients, (slot, step) => slot.Differentiate(step));
            return bound;
        }
        catch
        {
            bound.Dispose();
            throw;
        }
    }

    /// <summary>The same edits in runs that end at the first point that is not finite. Nothing is captured; owned by the caller.</summary>
    internal BoundPlan Searching()
        => Bind(Plan with { Capture = [], Gradients = [], ExplicitAttention = ExplicitAttention || NeedsGradients }, stacks, dtype, device, isSearching: true);

    /// <summary>Whether nothing is read, edited or looked at in a stack.</summary>
    internal bool AsksNothingOf(string stack) => !IsSearching && slots.All(s => s.Key.Stack != stack || s.Value.IsEmpty);

    /// <summary>What is wanted in a block.</summary>
    internal Slots In(string stack, int layer) => Wanted(stack, layer);

    /// <summary>What is wanted of a stack outside its blocks.</summary>
    internal Slots Of(string stack) => Wanted(stack, null);

    /// <summary>Checks what depends on the batch and on what is computed of it.</summary>
    /// <exception cref="VitrineException">An edit asks for other rows or kinds of tokens, or an address is not reached by what the run computes.</exception>
    internal void Check(RunRows rows, BlockRange? range, IReadOnlySet<string>? running)
    {
        ObjectDisposedException.ThrowIf(isDisposed, this);
        if (Plan.Rows is { } expected && expected != rows.Count)
        {
            throw new VitrineException($"plan: is made for {expected} rows, one for each; the batch has {rows.Count}.");
        }

        foreach (var check in checks)
        {
            check(rows);
        }

        foreach (var (pattern, places) in named)
        {
            if (range is not null && !Array.Exists(places, range.Reaches))
            {
                throw new VitrineException($"address '{pattern}': this run computes {range}, which does not reach it.");
            }

            if (running is not null && !Array.Exists(places, p => running.Contains(p.Stack)))
            {
                throw new VitrineException($"address '{pattern}': this run computes the stack {string.Join(", ", running)} alone, which does not reach it.");
            }
        }
    }

    /// <summary>Remembers what a run's edits touched.</summary>
    internal void Count(RunScope run, IReadOnlyList<UntouchedEdit> untouched)
    {
        lock (gate)
        {
            for (var edit = 0; edit < Plan.Edits.Count; edit++)
            {
                if (run.Tally.HasTouched(edit))
                {
                    tally[edit] = null;
                }
            }

            foreach (var edit in untouched.Where(e => !tally.TryGetValue(e.Index, out var told) || told is not null))
            {
                tally[edit.Index] = edit;
            }
        }
    }

    /// <summary>Remembers what a plan that begins with this one's edits has touched.</summary>
    internal void Count(BoundPlan longer)
    {
        lock (gate)
        {
            foreach (var (edit, untouched) in longer.tally.Where(e => e.Key < Plan.Edits.Count && !(tally.TryGetValue(e.Key, out var told) && told is null)))
            {
                tally[edit] = untouched;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        isDisposed = true;
        owned.ForEach(t => t.Dispose());
        owned.Clear();
    }

    /// <remarks>Edits that differ from row to row and stand one behind the other are one operation on the whole batch, where their kind knows how.</remarks>
    private void Edits()
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        for (var i = 0; i < Plan.Edits.Count;)
        {
            var together = Plan.Rows is null ? 1 : Edit.RowByRow(Plan.Edits, i);
            var edits = Plan.Edits.Skip(i).Take(together).ToArray();
            int[] places = [.. Enumerable.Range(i, together)];
            foreach (var pattern in edits.SelectMany(e => e.Places()).Distinct().Select(AddressPattern.Parse))
            {
                if (pattern.Text.Contains('@', StringComparison.Ordinal))
                {
                    throw new VitrineException($"edit at '{pattern}': an edit's steps stand in its scope, not in its address.");
                }

                foreach (var (place, shape) in Find(pattern))
                {
                    var site = new EditSite(place, shape, dtype, device, checks, owned);
                    At(place).Edit(edits[0].Scope, places, together == 1 ? edits[0].Bind(site) : edits[0].BindRowByRow(edits, Plan.Rows!.Value, site));
                }
            }

            i += together;
        }

        owned.ForEach(t => t.DetachFromDisposeScope());
    }

    private void Reads(IReadOnlyList<string> patterns, Action<Slot, int?> want)
    {
        foreach (var pattern in patterns.Select(AddressPattern.Parse))
        {
            foreach (var (place, _) in Find(pattern))
            {
                want(At(place), pattern.Steps);
            }
        }
    }

    private Slot At(Address place)
    {
        if (!slots.TryGetValue((place.Stack, place.Layer), out var of))
        {
            slots[(place.Stack, place.Layer)] = of = Empty(place.Stack, place.Layer);
        }

        return of[place.Point] ??= new Slot(place, Plan.CaptureOnCpu);
    }

    /// <remarks>Runs may go side by side: what a search needs beside the plan's own slots is made anew each time.</remarks>
    private Slots Wanted(string stack, int? layer)
        => slots.GetValueOrDefault((stack, layer)) ?? (IsSearching ? Empty(stack, layer) : Slots.None);

    private Slots Empty(string stack, int? layer) => new() { Searched = IsSearching ? (stack, layer) : null };

    private List<(Address Place, StackShape Shape)> Find(AddressPattern pattern)
    {
        List<(Address Place, StackShape Shape)> found =
            [.. stacks.SelectMany(s => s.Places().Where(p => pattern.MatchesPlace(p.Stack, p.Layer, p.Point)).Select(p => (p, s)))];
        if (found.Count > 0)
        {
            named.Add((pattern, [.. found.Select(f => f.Place)]));
            return found;
        }

        var stack = Array.Find(stacks, s => s.Name == pattern.Stack);
        var why = pattern.Stack is not null && stack is null
            ? $"the model has no stack '{pattern.Stack}', only {string.Join(", ", stacks.Select(s => s.Name))}"
            : pattern.Layer is { } layer && stack is not null && layer >= stack.Layers
                ? $"the stack has {stack.Layers} layers, counted from 0"
                : "the model has no such point";
        var nearest = Nearest.Of(pattern.Text, stacks.SelectMany(s => s.Places()).Select(p => p.ToString()));
        throw new VitrineException($"address '{pattern}': {why}; the nearest that exists is '{nearest}'.");
    }
}

/// <summary>The rows of one run's batch, as edits ask for them.</summary>
/// <param name="Count">How many.</param>
/// <param name="Kinds">Kinds of tokens that the batch names.</param>
internal sealed record RunRows(int Count, TokenKinds Kinds);
