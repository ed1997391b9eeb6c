using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>The value vectors of one stack of a model, a decoder or an image tower, in main memory wherever the model computes.</summary>
/// <remarks>
/// The directions in which neurons write into the residual stream (<see cref="Stack.ValueVectors(int)"/>), or the columns of the down projection as they are
/// (<see cref="IsRaw"/>); the two differ where a norm or a LayerScale stands behind the feed-forward.
/// </remarks>
public sealed class StackValueVectors : IValueVectorSource, IDisposable
{
    private readonly Stack stack;
    private readonly Func<string> fingerprint;
    private Model? owned;

    /// <summary>Of a stack at hand, which must outlive this.</summary>
    /// <param name="stack">Of any model.</param>
    /// <param name="fingerprint">Of the model's weights.</param>
    public StackValueVectors(Stack stack, string fingerprint)
        : this(stack, stack?.Shape.Name ?? "", () => fingerprint)
    {
    }

    /// <summary>Of a stack of an opened model, which must outlive this.</summary>
    /// <param name="model">Of any family.</param>
    /// <param name="stack">
    /// Which stack; when null a policy's <see cref="Policy.Language"/>, an image encoder's tower, else the only decoder, else the only tower.
    /// </param>
    /// <exception cref="VitrineException">The model has no such stack, or several that may be meant; they are named.</exception>
    public StackValueVectors(Model model, string? stack = null)
        : this(StackOf(model, stack), model, owned: null)
    {
    }

    private StackValueVectors(Stack stack, Model model, Model? owned)
        : this(stack, $"{model.Name} {stack.Shape.Name}", () => model.Fingerprint) => this.owned = owned;

    private StackValueVectors(Stack stack, string name, Func<string> fingerprint) => (this.stack, Name, this.fingerprint) = (stack, name, fingerprint);

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>Name of the stack.</summary>
    public string Stack => stack.Shape.Name;

    /// <summary>Whether what stands between the neurons and the residual stream is left out.</summary>
    public bool IsRaw { get; init; }

    /// <inheritdoc/>
    public string? Form => stack.BehindNeurons is not { } between ? null : IsRaw ? "raw" : $"behind the {between}";

    /// <inheritdoc/>
    public string Fingerprint => fingerprint();

    /// <inheritdoc/>
    public int Layers => stack.Shape.Layers;

    /// <inheritdoc/>
    public int Neurons => stack.Shape.Neurons;

    /// <inheritdoc/>
    public int Width => stack.Shape.Width;

    /// <inheritdoc/>
    public int Vocabulary => stack.Shape.Vocabulary;

    /// <summary>How a model is opened to be read and not run: its weights stay mapped as their file has them, so that only what is read is touched.</summary>
    /// <param name="options">What else is asked; nothing when null.</param>
    /// <remarks>
    /// What is no view of its file is still made at once: what a family stores interleaved (GPT-NeoX's queries, keys and values).
    /// </remarks>
    public static ModelOptions Mapped(ModelOptions? options = null) => (options ?? ModelOptions.Default) with { Storage = WeightStorage.AsStored };

    /// <summary>Opens a model for the sake of its value vectors; it is disposed with them.</summary>
    /// <param name="name">As <see cref="ModelCatalog.Open(string, ModelOptions?)"/> takes it.</param>
    /// <param name="stack">As the constructor takes it.</param>
    /// <param name="options">How, but for the weights: see <see cref="Mapped"/>.</param>
    /// <param name="catalog">Which families there are; <see cref="Policy.Catalog"/> when null.</param>
    /// <param name="raw">As <see cref="IsRaw"/>.</param>
    /// <exception cref="VitrineException">There is no such model or stack.</exception>
    public static StackValueVectors Open(
        string name, string? stack = null, ModelOptions? options = null, ModelCatalog? catalog = null, bool raw = false)
    {
        var model = (catalog ?? Policy.Catalog).Open(name, Mapped(options));
        try
        {
            return new StackValueVectors(StackOf(model, stack), model, owned: model) { IsRaw = raw };
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="NonFiniteException">A vector holds what is no finite number.</exception>
    public Tensor Vectors(int layer)
        => Finite(InMainMemory(IsRaw ? stack.RawValueVectors(layer) : stack.ValueVectors(layer)), at => $"the value vector of neuron {layer}:{at}");

    /// <inheritdoc/>
    /// <exception cref="NonFiniteException">A vector holds what is no finite number.</exception>
    public Tensor Vectors(int layer, IReadOnlyList<int> neurons) => Finite(
        InMainMemory(IsRaw ? stack.RawValueVectors(layer, neurons) : stack.ValueVectors(layer, neurons)),
        at => $"the value vector of neuron {layer}:{neurons[(int)at]}");

    /// <inheritdoc/>
    /// <exception cref="NonFiniteException">The row of a token holds what is no finite number.</exception>
    public Tensor Unembedding() => Finite(InMainMemory(stack.Unembedding()), at => $"the unembedding of token {at}");

    /// <inheritdoc/>
    public Tensor Gain() => InMainMemory(stack.FinalGain());

    /// <inheritdoc/>
    public void Dispose()
    {
        owned?.Dispose();
        owned = null;
    }

    private static Stack StackOf(Model model, string? name)
    {
        ArgumentNullException.ThrowIfNull(model);
        Stack[] stacks = [.. model.Towers, .. model.Decoders];
        var found = name is not null ? Array.Find(stacks, s => s.Shape.Name == name) : model switch
        {
            Policy policy => policy.Language,
            VisionModel encoder => encoder.Tower,
            { Decoders: [var only] } => only,
            { Decoders: [], Towers: [var only] } => only,
            _ => null,
        };
        var known = string.Join(", ", stacks.Select(s => s.Shape.Name));
        return found ?? throw new VitrineException(
            name is null
                ? $"{model.Name}: several stacks have neurons, {known}; name one of them."
                : $"{model.Name}: there is no stack '{name}' with neurons; there are {known}.");
    }

    /// <remarks>Nothing can be ranked beside a NaN, and a product with one is NaN everywhere.</remarks>
    private Tensor Finite(Tensor tensor, Func<long, string> what)
    {
        if (NonFinite.First(tensor) is not { } found)
        {
            return tensor;
        }

        tensor.Dispose();
        throw new NonFiniteException($"{Name}: {what(found.Index[0])} is {found.Name} at coordinate {found.Index[1]}. Is the checkpoint broken?");
    }

    private static Tensor InMainMemory(Tensor tensor)
    {
        if (tensor.device_type == TorchSharp.DeviceType.CPU)
        {
            return tensor;
        }

        using (tensor)
        {
            return tensor.cpu();
        }
    }
}
