using System.Collections.ObjectModel;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>A model: its weights, its stacks, and the one way in which it runs. Text models, image encoders and policies are models.</summary>
/// <remarks>
/// Weights are read-only: runs may go side by side. A model of one's own derives from it (or from a policy), takes its weights from a
/// <see cref="WeightReader"/> and computes within <c>Compute</c>.
/// </remarks>
public abstract class Model : IDisposable
{
    private readonly WeightReader weights;
    private readonly bool owns;

    /// <param name="name">As the user wrote it.</param>
    /// <param name="family">The <c>model_type</c> of config.json.</param>
    /// <param name="weights">Of its checkpoint; owned from here on.</param>
    /// <param name="stacks">Its decoders and towers.</param>
    /// <param name="shapes">Every stack and part, in the order of the pass, as addresses see them; those of <paramref name="stacks"/> when null.</param>
    protected Model(string name, string family, WeightReader weights, IReadOnlyList<Stack> stacks, IReadOnlyList<StackShape>? shapes = null)
        : this(name, family, weights, stacks, shapes, owns: true)
    {
    }

    /// <summary>Another face of an opened model, which must outlive it.</summary>
    private protected Model(Model of, string name, IReadOnlyList<Stack> stacks, IReadOnlyList<StackShape>? shapes = null)
        : this(name, of.Family, of.weights, stacks, shapes, owns: false)
    {
    }

    private Model(string name, string family, WeightReader weights, IReadOnlyList<Stack> stacks, IReadOnlyList<StackShape>? shapes, bool owns)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(stacks);
        (Name, Family, this.weights, this.owns) = (name, family, weights, owns);
        (Decoders, Towers, Stacks) = ([.. stacks.OfType<Decoder>()], [.. stacks.OfType<Tower>()], shapes ?? [.. stacks.Select(s => s.Shape)]);
    }

    /// <summary>As the user named it: a folder, a file, ORG/NAME, an embedded model.</summary>
    public string Name { get; }

    /// <summary>The <c>model_type</c> of config.json; <c>timm</c> for timm's folders.</summary>
    public string Family { get; }

    /// <summary>Identifies the weights: a hash over all of them, made when it is first asked for.</summary>
    public virtual string Fingerprint => weights.Checkpoint.Fingerprint;

    /// <summary>
    /// Files that its family reads besides weights, configuration and what stands beside models of every family: absolute path to what it says.
    /// </summary>
    public virtual IReadOnlyDictionary<string, string> FamilyFiles => ReadOnlyDictionary<string, string>.Empty;

    /// <summary>How many weights the checkpoint holds, unused ones included.</summary>
    public long Parameters => ParametersOf("");

    /// <summary>Every stack and part, in the order of the pass, as addresses see them.</summary>
    public IReadOnlyList<StackShape> Stacks { get; }

    /// <summary>Its stacks of tokens.</summary>
    public IReadOnlyList<Decoder> Decoders { get; }

    /// <summary>Its stacks of picture patches.</summary>
    public IReadOnlyList<Tower> Towers { get; }

    /// <summary>What it computes in.</summary>
    public ScalarType Dtype => weights.Options.Dtype;

    /// <summary>Where it computes.</summary>
    public Device Device => weights.Options.Device;

    /// <summary>Whether it gives answers that are no numbers (<see cref="ModelOptions.AllowNonFinite"/>).</summary>
    public bool AllowsNonFinite => weights.Options.AllowNonFinite;

    /// <summary>Refuses files that were written over or replaced since the model was opened: what runs is then no longer what they hold.</summary>
    /// <exception cref="VitrineException">One was; it is named.</exception>
    public virtual void RequireUnchanged() => weights.Checkpoint.RequireUnchanged();

    /// <summary>Whether generations follow the rules of the model's files where a caller names none.</summary>
    protected bool UsesGenerationConfig => weights.Options.GenerationConfig;

    /// <summary>Whether it generates tokens under what generation_config.json says.</summary>
    internal virtual bool ReadsGenerationConfig => false;

    /// <summary>The files of its weights, as they are read: an index and an adapter included.</summary>
    public IReadOnlyList<string> WeightFiles => weights.Checkpoint.Files;

    /// <summary>Binds a plan once, for any number of runs.</summary>
    /// <returns>Owned by the caller.</returns>
    /// <exception cref="VitrineException">An address names nothing, with the nearest that exists; or an edit does not fit its place.</exception>
    public BoundPlan Bind(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return BoundPlan.Bind(plan, Stacks, Dtype, Device);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <param name="disposing">Whether it was asked for.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing && owns)
        {
            weights.Dispose();
        }
    }

    /// <summary>How many weights have names that begin so, unused ones included.</summary>
    protected long ParametersOf(string prefix)
        => weights.Checkpoint.Names.Where(n => n.StartsWith(prefix, StringComparison.Ordinal))
            .Sum(n => weights.Checkpoint.Entry(n).Shape.Aggregate(1L, (a, s) => a * s));

    /// <summary>
    /// The one way to run: checks the plan against the batch, sets the grad mode, opens the dispose scope, and keeps what the plan wants and what is returned.
    /// </summary>
    /// <param name="plan">Bound to this model.</param>
    /// <param name="rows">Rows of the batch.</param>
    /// <param name="compute">
    /// From the running model to its output, or null for none. The output outlives the run; all else is disposed. Where the output is no number, it is called
    /// once more, to find the first point that is not finite.
    /// </param>
    /// <param name="kinds">Kinds of tokens that edits may name.</param>
    /// <param name="decoder">
    /// The decoder that the plan's <see cref="RunPlan.StopAfter"/> and <paramref name="from"/> mean; where it is null, the run can do neither.
    /// </param>
    /// <param name="from">Where the decoder starts; at its embeddings when null.</param>
    /// <exception cref="VitrineException">The plan does not fit the batch, or does not reach what it names.</exception>
    /// <exception cref="NonFiniteException">The output holds what is no number.</exception>
    protected Run Compute(BoundPlan plan, int rows, Func<RunScope, Tensor?> compute, TokenKinds? kinds = null, Decoder? decoder = null, RunStart? from = null)
        => ComputePart(plan, rows, compute, kinds, decoder, from, running: null);

    /// <param name="running">Stacks that run at all; null for all.</param>
    private protected Run ComputePart(
        BoundPlan plan, int rows, Func<RunScope, Tensor?> compute, TokenKinds? kinds, Decoder? decoder, RunStart? from, IReadOnlySet<string>? running)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(compute);
        if (decoder is null && plan.Plan.StopAfter is { } stop)
        {
            throw new VitrineException($"plan: stops after block {stop}; this run cannot stop before its end.");
        }

        try
        {
            return ComputeOnce(plan, rows, compute, kinds, decoder, from, running);
        }
        catch (NonFiniteException failed) when (!plan.IsSearching)
        {
            throw Located(failed, plan, searching => ComputeOnce(searching, rows, compute, kinds, decoder, from, running).Dispose());
        }
    }

    /// <summary>The error with the first point that was not finite, found by a second pass that looks at every one.</summary>
    /// <param name="failed">What was not finite in the end.</param>
    /// <param name="plan">Under which it ran.</param>
    /// <param name="again">Runs the same input under another plan.</param>
    internal static NonFiniteException Located(NonFiniteException failed, BoundPlan plan, Action<BoundPlan> again)
    {
        const string How = "--allow-nonfinite (ModelOptions.AllowNonFinite) shows what comes of it.";
        using var searching = plan.Searching();
        try
        {
            again(searching);
        }
        catch (NonFinitePoint found)
        {
            return new NonFiniteException($"{failed.Message}; {found.Message}. {How}", found.Place, found.Row);
        }
        catch (NonFiniteException)
        {
            // Its points were looked at and passed: it begins where the first pass found it.
        }

        return failed.First is { } own
            ? new NonFiniteException($"{failed.Message}; the first point that is not finite is '{own}'. {How}", own, failed.Row)
            : new NonFiniteException($"{failed.Message}; every point that leads to it is finite. {How}", row: failed.Row);
    }

    private Run ComputeOnce(
        BoundPlan plan, int rows, Func<RunScope, Tensor?> compute, TokenKinds? kinds, Decoder? decoder, RunStart? from, IReadOnlySet<string>? running)
    {
        var range = decoder is null ? null : BlockRange.Of(decoder.Shape, from?.Layer, plan.Plan.StopAfter) with { InFront = InFrontOf(decoder.Shape.Name) };
        var scope = new RunScope(plan, new RunRows(rows, kinds ?? TokenKinds.None), range) { AllowsNonFinite = AllowsNonFinite };
        plan.Check(scope.Rows, range, running);
        using var mode = plan.NeedsGradients ? enable_grad() : no_grad();
        using var tensors = NewDisposeScope();
        try
        {
            var output = compute(scope);
            RequireFinite(output, scope);
            var untouched = scope.Tally.Untouched(scope.Prompts);
            plan.Count(scope, untouched);
            return new Run(scope.Kept, output?.DetachFromDisposeScope(), range is { ToTheEnd: false } ? range.Last : null)
            {
                Prompts = scope.Prompts,
                AllowsNonFinite = AllowsNonFinite,
                UntouchedEdits = untouched,
                FusedBlocks = scope.FusedBlocks,
            };
        }
        catch
        {
            scope.DisposeKept();
            throw;
        }
    }

    private static void RequireFinite(Tensor? output, RunScope run)
    {
        if (run.AllowsNonFinite)
        {
            return;
        }

        if (output is not null && NonFinite.First(output, run.Plan.EditsLogits) is { } found)
        {
            throw new NonFiniteException(
                $"run: {found} of the {run.Answer} [{string.Join(", ", output.shape)}]", row: found.Index.Count > 0 ? (int)found.Index[0] : null);
        }

        if (run.Hidden is { } hidden)
        {
            throw hidden;
        }
    }

    /// <summary>Binds for one run.</summary>
    private protected T With<T>(RunPlan? plan, Func<BoundPlan, T> run)
    {
        using var bound = Bind(plan ?? RunPlan.Empty);
        return run(bound);
    }

    private HashSet<string> InFrontOf(string stack) => [.. Stacks.Select(s => s.Name).TakeWhile(n => n != stack)];
}
