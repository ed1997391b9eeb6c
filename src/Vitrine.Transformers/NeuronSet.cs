namespace Vitrine.Transformers;

/// <summary>One feed-forward neuron.</summary>
/// <param name="Layer">Block, from 0.</param>
/// <param name="Index">Coordinate of the down projection's input, from 0.</param>
public readonly record struct Neuron(int Layer, int Index) : IComparable<Neuron>
{
    /// <inheritdoc/>
    public int CompareTo(Neuron other) => Layer != other.Layer ? Layer.CompareTo(other.Layer) : Index.CompareTo(other.Index);

    /// <inheritdoc/>
    public override string ToString() => $"{Layer}:{Index}";
}

/// <summary>Chosen feed-forward neurons of one stack, in the order of their choice, each at most once.</summary>
public sealed class NeuronSet : IEquatable<NeuronSet>
{
    /// <summary>Creates the set.</summary>
    /// <param name="neurons">In order of choice; repetitions are dropped.</param>
    /// <param name="stack">The stack that holds them.</param>
    public NeuronSet(IEnumerable<Neuron> neurons, string stack = "language")
    {
        ArgumentNullException.ThrowIfNull(neurons);
        Neurons = [.. neurons.Distinct()];
        Stack = stack;
        foreach (var neuron in Neurons)
        {
            if (neuron.Layer < 0 || neuron.Index < 0)
            {
                throw new VitrineException($"neuron {neuron}: layer and index count from 0.");
            }
        }
    }

    /// <summary>The stack that holds them, e.g. <c>language</c>.</summary>
    public string Stack { get; }

    /// <summary>In order of choice.</summary>
    public IReadOnlyList<Neuron> Neurons { get; }

    /// <summary>How many there are.</summary>
    public int Count => Neurons.Count;

    /// <summary>Ascending indices of one layer.</summary>
    public long[] In(int layer) => [.. Neurons.Where(n => n.Layer == layer).Select(n => (long)n.Index).Order()];

    /// <summary>Ascending layers that hold a chosen neuron.</summary>
    public IReadOnlyList<int> Layers => [.. Neurons.Select(n => n.Layer).Distinct().Order()];

    /// <inheritdoc/>
    public bool Equals(NeuronSet? other) => other is not null && Stack == other.Stack && Neurons.SequenceEqual(other.Neurons);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as NeuronSet);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Stack, Neurons.Count, Neurons.Count > 0 ? Neurons[0] : default);
}
