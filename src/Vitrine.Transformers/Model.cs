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

    /// <summary>Whether generations follow the rules of the model's files where a caller names none.</summary>
    protected bool UsesGenerationConfig => weights.Options.GenerationConfig;

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
    /// <param name="compute">From the running model to its output, or null for none. The output outlives the run; all else is disposed.</param>
    /// <param name="kinds">Kinds of tokens that edits may name.</param>
    /// <param name="decoder">
    /// The decoder that the plan's <see cref="RunPlan.StopAfter"/> and <paramref name="from"/> mean; where it is null, the run can do neither.
    /// </param>
    /// <param name="from">Where the decoder starts; at its embeddings when null.</param>
    /// <exception cref="VitrineException">The plan does not fit the batch, or does not reach what it names.</exception>
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

        var range = decoder is null ? null : BlockRange.Of(decoder.Shape, from?.Layer, plan.Plan.StopAfter) with { InFront = InFrontOf(decoder.Shape.Name) };
        var scope = new RunScope(plan, new RunRows(rows, kinds ?? TokenKinds.None), range);
        plan.Check(scope.Rows, range, running);
        using var mode = plan.NeedsGradients ? enable_grad() : no_grad();
        using var tensors = NewDisposeScope();
        try
        {
            var output = compute(scope)?.DetachFromDisposeScope();
            return new Run(scope.Kept, output, range is { ToTheEnd: false } ? range.Last : null) { Prompts = scope.Prompts };
        }
        catch
        {
            scope.DisposeKept();
            throw;
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
