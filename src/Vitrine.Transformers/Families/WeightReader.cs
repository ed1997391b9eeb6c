using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Families;

/// <summary>Takes tensors out of a checkpoint by name and shape, and refuses what nobody asked for.</summary>
internal sealed class WeightReader(Checkpoint checkpoint, string source, ScalarType dtype)
{
    private readonly HashSet<string> taken = [];

    /// <summary>Everything that was taken; the model that reads it owns it.</summary>
    public List<Tensor> Owned { get; } = [];

    public bool Has(string name) => checkpoint.Contains(name);

    public Tensor Take(string name, params long[] shape)
    {
        taken.Add(name);
        var stored = checkpoint.Read(name, shape);
        var tensor = stored.dtype == dtype ? stored : stored.to(dtype);
        if (!ReferenceEquals(tensor, stored))
        {
            stored.Dispose();
        }

        Owned.Add(tensor.DetachFromDisposeScope());
        return tensor;
    }

    public Linear Linear(string prefix, long outputs, long inputs, bool bias)
        => new(Take($"{prefix}.weight", outputs, inputs), bias ? Take($"{prefix}.bias", outputs) : null);

    /// <summary>Query, key and value projections stored one above the other.</summary>
    public (Linear Query, Linear Key, Linear Value) ThreeLinears(string prefix, long outputs, long inputs, bool bias)
    {
        var parts = Stacked(prefix, 3, outputs, inputs, bias);
        return (parts[0], parts[1], parts[2]);
    }

    /// <summary>Key and value projections stored one above the other, with bias.</summary>
    public (Linear Key, Linear Value) TwoLinears(string prefix, long outputs, long inputs)
    {
        var parts = Stacked(prefix, 2, outputs, inputs, bias: true);
        return (parts[0], parts[1]);
    }

    public Norm Norm(NormSpec spec, string prefix, long width)
        => new(spec, Take($"{prefix}.weight", width), spec.Kind == NormKind.LayerNorm ? Take($"{prefix}.bias", width) : null);

    /// <summary>Refuses tensors that were not taken.</summary>
    /// <param name="unused">Names that the family is known not to read.</param>
    public void RefuseOthers(Func<string, bool> unused)
    {
        var others = checkpoint.Names.Where(n => !taken.Contains(n) && !unused(n)).Order(StringComparer.Ordinal).ToArray();
        if (others.Length > 0)
        {
            throw new VitrineException(
                $"{source}: unknown tensor '{others[0]}'{(others.Length > 1 ? $" and {others.Length - 1} more" : "")}; config.json does not ask for it. Is this another model?");
        }
    }

    private Linear[] Stacked(string prefix, int count, long outputs, long inputs, bool bias)
    {
        var whole = Linear(prefix, count * outputs, inputs, bias);
        return [.. Enumerable.Range(0, count).Select(i => new Linear(Rows(whole.Weight, i), whole.Bias is { } b ? Rows(b, i) : null))];

        Tensor Rows(Tensor of, int i)
        {
            var rows = of.narrow(0, i * outputs, outputs).DetachFromDisposeScope();
            Owned.Add(rows);
            return rows;
        }
    }
}
