using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>What a run kept: activations by address. Nothing stays hooked in the model.</summary>
public sealed class Run : IDisposable
{
    private readonly Dictionary<Address, Tensor> activations;

    private readonly Tensor? output;
    private readonly int? stoppedAfter;

    internal Run(Dictionary<Address, Tensor> activations, Tensor? output, int? stoppedAfter = null)
        => (this.activations, this.output, this.stoppedAfter) = (activations, output, stoppedAfter);

    /// <summary>[row][token] positions of each decoder's prompt.</summary>
    internal IReadOnlyDictionary<string, long[][]> Prompts { get; init; } = new Dictionary<string, long[][]>();

    /// <summary>Whether a scalar that is no number has gradients.</summary>
    internal bool AllowsNonFinite { get; init; }

    /// <summary>Edits of the plan that touched nothing: a position beyond the prompt, a step that never came, an empty list.</summary>
    public IReadOnlyList<UntouchedEdit> UntouchedEdits { get; internal init; } = [];

    /// <summary>Blocks of decode steps that ran without tensors, since nobody looked into them.</summary>
    internal int FusedBlocks { get; init; }

    /// <summary>What was captured, owned by the run.</summary>
    public IReadOnlyDictionary<Address, Tensor> Activations => activations;

    /// <summary>The model's output (B,T,V) for text, the tower's features (B,T,d) for pictures; owned by the run.</summary>
    /// <exception cref="VitrineException">The run stopped before its end, or was told not to keep them.</exception>
    public Tensor Logits => stoppedAfter is null
        ? output ?? throw new VitrineException("run: its logits were not kept.")
        : throw new VitrineException($"run: it stopped after block {stoppedAfter} and has no logits; read its residual.");

    /// <summary>
    /// The residual (B,T,d) behind the block where the run stopped early, with what the model adds there: what the next block would read; owned by the run.
    /// </summary>
    /// <exception cref="VitrineException">It ran to the end.</exception>
    public Tensor Residual
        => stoppedAfter is not null
            ? output!
            : throw new VitrineException("run: it went to the end; capture the residual that you want, e.g. language.3.resid_post.");

    /// <summary>One captured activation.</summary>
    /// <exception cref="VitrineException">It was not captured; the nearest that was is named.</exception>
    public Tensor this[string address] => activations.TryGetValue(Address.Parse(address), out var tensor)
        ? tensor
        : throw new VitrineException(
            $"activation '{address}' was not captured; the nearest that was is '{Nearest.Of(address, activations.Keys.Select(a => a.ToString()))}'.");

    /// <summary>Derivative of a scalar with respect to every point of <see cref="RunPlan.Gradients"/>, everything downstream recomputed.</summary>
    /// <param name="of">From the run to a scalar computed from <see cref="Logits"/> or captured activations.</param>
    /// <param name="wanted">The addresses; all differentiable ones when null.</param>
    /// <exception cref="NonFiniteException">The scalar is no number.</exception>
    /// <returns>Tensors in the points' shapes, owned by the caller; zeros where the scalar does not depend on the point.</returns>
    public IReadOnlyDictionary<Address, Tensor> GradientsOf(Func<Run, Tensor> of, IEnumerable<Address>? wanted = null)
    {
        ArgumentNullException.ThrowIfNull(of);
        var addresses = (wanted ?? activations.Keys).Where(a => activations[a].requires_grad).ToArray();
        if (addresses.Length == 0)
        {
            throw new VitrineException("gradients: the plan names no address in 'gradients'.");
        }

        using var scope = NewDisposeScope();
        var scalar = of(this);
        if (scalar.numel() != 1)
        {
            throw new VitrineException($"gradients: expected a scalar, found [{string.Join(", ", scalar.shape)}].");
        }

        if (!AllowsNonFinite && Engine.NonFinite.First(scalar) is { } found)
        {
            throw new NonFiniteException($"gradients: the scalar is {found.Name}; expected a finite number.");
        }

        if (!scalar.requires_grad)
        {
            return addresses.ToDictionary(a => a, a => zeros_like(activations[a]).detach().MoveToOuterDisposeScope()); // libtorch would end the process
        }

        var gradients = autograd.grad([scalar.reshape()], [.. addresses.Select(a => activations[a])], retain_graph: true, allow_unused: true);
        var result = new Dictionary<Address, Tensor>();
        for (var i = 0; i < addresses.Length; i++)
        {
            var gradient = gradients[i] is { IsInvalid: false } g ? g : zeros_like(activations[addresses[i]]);
            result[addresses[i]] = gradient.detach().MoveToOuterDisposeScope();
        }

        return result;
    }

    /// <summary>Hands everything to the caller; the run is not to be used any more.</summary>
    internal (Dictionary<Address, Tensor> Activations, Tensor? Output) Release() => (activations, output);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in activations.Values)
        {
            tensor.Dispose();
        }

        output?.Dispose();
    }
}
