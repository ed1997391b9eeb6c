using Vitrine.Checkpoints;
using Vitrine.Checkpoints.Gguf;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Families;

/// <summary>Takes tensors out of a checkpoint by name and shape, and refuses what nobody asked for. A model owns it from its construction on.</summary>
public sealed class WeightReader : IDisposable
{
    private readonly Checkpoint checkpoint;
    private readonly string source;
    private readonly ModelOptions options;
    private readonly string prefix;
    private readonly bool keeps, keepsRows;
    private readonly HashSet<string> taken;
    private readonly List<Tensor> owned;
    private readonly HashSet<string> tables;
    private readonly bool owns;

    /// <param name="checkpoint">Whose tensors; owned from here on.</param>
    /// <param name="source">What to call the configuration in errors.</param>
    /// <param name="options">What is computed in, and where; 16-bit matrices may stay as the file has them, everything small is widened here, once.</param>
    public WeightReader(Checkpoint checkpoint, string source, ModelOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        (this.checkpoint, this.source, this.options, prefix, taken, owned, tables, owns) = (checkpoint, source, options, "", [], [], [], true);
        keeps = DtypePolicy.KeepsStored(options.Storage, checkpoint, options.Dtype, AvailableMemory.Read);
        keepsRows = DtypePolicy.KeepsRows(options.Storage, options.Dtype) && !options.Outline && options.Device.type == TorchSharp.DeviceType.CPU;
    }

    private WeightReader(WeightReader whole, string prefix)
    {
        (checkpoint, source, options, keeps, keepsRows) = (whole.checkpoint, whole.source, whole.options, whole.keeps, whole.keepsRows);
        (this.prefix, taken, owned, tables, GivesOutlines) = (prefix, whole.taken, whole.owned, whole.tables, whole.GivesOutlines);
    }

    /// <summary>Whether shapes and types stand for tensors (<see cref="ModelOptions.Outline"/>), in a model all of whose parts do with them.</summary>
    internal bool GivesOutlines { get; init; }

    /// <summary>Where the tensors come from.</summary>
    public Checkpoint Checkpoint => checkpoint;

    /// <summary>How the model is opened.</summary>
    public ModelOptions Options => options;

    /// <summary>Whether the checkpoint has a tensor.</summary>
    public bool Has(string name) => checkpoint.Contains(prefix + name);

    /// <summary>Whether the checkpoint has any tensor whose name begins so.</summary>
    internal bool HasUnder(string inner) => checkpoint.Names.Any(n => n.StartsWith(prefix + inner, StringComparison.Ordinal));

    /// <summary>What to call the configuration in errors.</summary>
    internal string Source => source;

    /// <summary>
    /// The part of the checkpoint whose names begin so, under the names that stand behind: a language model inside a policy reads as if it were alone.
    /// </summary>
    /// <param name="inner">E.g. <c>language_model.</c></param>
    /// <returns>What it takes belongs to this one; disposing it does nothing.</returns>
    public WeightReader Under(string inner) => new(this, prefix + inner);

    /// <summary>The sizes of a tensor, for what a configuration does not say.</summary>
    /// <exception cref="VitrineException">It is missing.</exception>
    public IReadOnlyList<long> Shape(string name) => checkpoint.Entry(prefix + name).Shape;

    /// <summary>Gives a tensor that was made of weights to the model.</summary>
    internal Tensor Keep(Tensor tensor) => Own(tensor);

    /// <summary>A tensor in the precision and on the device of the model, owned by the model.</summary>
    /// <exception cref="VitrineException">It is missing or of another shape.</exception>
    public Tensor Take(string name, params long[] shape) => Own(TakeLoose(name, shape, isKept: false));

    /// <summary>The same where an outline may do.</summary>
    internal StoredTensor Stored(string name, params long[] shape) => Kept(name, shape, isKept: false);

    /// <summary>
    /// The decoder of one of the text families, for a model of one's own to be built around: <c>weights.Under("language_model.").Decoder(config)</c>.
    /// </summary>
    /// <param name="config">Of the text model; its <c>model_type</c> names the family.</param>
    /// <param name="name">First part of its addresses; two decoders of one model need two.</param>
    /// <returns>Its weights belong to whoever owns this checkpoint.</returns>
    /// <exception cref="VitrineException">A key or tensor is missing, unknown or of another shape, or the family is none of text; it is named.</exception>
    public Decoder Decoder(ConfigReader config, string name = "language")
    {
        var family = TextFamily.Of(config);
        var (decoder, _) = family.Load(this, family.Read(config));
        RefuseOthers(family.IsUnused);
        return decoder.Called(name);
    }

    /// <summary>The image tower of one of the encoders' families, as <see cref="Decoder"/>.</summary>
    /// <param name="config">Of the image model; its <c>model_type</c> names the family.</param>
    /// <exception cref="VitrineException">A key or tensor is missing, unknown or of another shape, or the family is none of pictures; it is named.</exception>
    public Tower Tower(ConfigReader config)
    {
        var family = VisionFamily.Of(config);
        var tower = family.Read(config)(this).Tower;
        RefuseOthers(family.IsUnused);
        return tower;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (owns)
        {
            owned.ForEach(t => t.Dispose());
            owned.Clear();
            checkpoint.Dispose();
        }
    }

    internal Linear Linear(string name, long outputs, long inputs, bool bias)
        => Linear(Matrix($"{name}.weight", outputs, inputs), bias ? Stored($"{name}.bias", outputs) : null);

    /// <summary>A token embedding.</summary>
    internal TextEmbedding Words(string name, long vocabulary, long width)
    {
        tables.Add(prefix + name);
        var (stored, blocks) = Matrix(name, vocabulary, width);
        return new(stored, blocks) { Dtype = options.Dtype };
    }

    /// <summary>A head that is the token embedding, tied to it.</summary>
    /// <remarks>peft adapts the embedding alone and leaves the head on the base's table; a merged table would change both.</remarks>
    /// <exception cref="VitrineException">An adapter changes the embedding.</exception>
    internal Linear TiedHead(TextEmbedding embedding)
        => checkpoint.Adapter is { } adapter && tables.FirstOrDefault(adapter.ChangesAlone) is { } table
            ? throw new VitrineException($"{adapter.Folder}: the adapter changes '{table}', to which the head is tied; peft leaves the head as it was, which "
                + "this version does not compute. --no-adapter opens the base model alone.")
            : new Linear(embedding.StoredWords, null, embedding.Dtype, embedding.Blocks);

    /// <summary>Query, key and value projections stored one above the other.</summary>
    internal (Linear Query, Linear Key, Linear Value) ThreeLinears(string name, long outputs, long inputs, bool bias)
    {
        var parts = Stacked(name, 3, outputs, inputs, bias);
        return (parts[0], parts[1], parts[2]);
    }

    /// <summary>The same under names of its own.</summary>
    internal (Linear Query, Linear Key, Linear Value) ThreeLinears(string weight, string bias, long outputs, long inputs)
    {
        var parts = Parts(Matrix(weight, 3 * outputs, inputs), Stored(bias, 3 * outputs), 3, outputs);
        return (parts[0], parts[1], parts[2]);
    }

    /// <summary>Key and value projections stored one above the other, with bias.</summary>
    internal (Linear Key, Linear Value) TwoLinears(string name, long outputs, long inputs)
    {
        var parts = Stacked(name, 2, outputs, inputs, bias: true);
        return (parts[0], parts[1]);
    }

    /// <summary>A projection stored transposed, [in, out] (GPT-2's Conv1D), as a view.</summary>
    internal Linear TransposedLinear(string name, long outputs, long inputs) => Linear(Transposed(name, outputs, inputs), Stored($"{name}.bias", outputs));

    /// <summary>Query, key and value projections stored transposed and side by side, as views.</summary>
    internal (Linear Query, Linear Key, Linear Value) ThreeTransposedLinears(string name, long outputs, long inputs)
    {
        var parts = Parts(Transposed(name, 3 * outputs, inputs), Stored($"{name}.bias", 3 * outputs), 3, outputs);
        return (parts[0], parts[1], parts[2]);
    }

    /// <summary>Query, key and value projections interleaved head by head: rows (head, part, coordinate).</summary>
    /// <remarks>The three are copied apart; the fused tensor is let go.</remarks>
    internal (Linear Query, Linear Key, Linear Value) ThreeInterleavedLinears(string name, long heads, long headWidth, long inputs, bool bias)
    {
        var outputs = heads * headWidth;
        if (GivesOutlines)
        {
            var (matrix, added) = (Matrix($"{name}.weight", 3 * outputs, inputs), bias ? Stored($"{name}.bias", 3 * outputs) : null);
            var alike = Parts(matrix, added, 3, outputs);
            return (alike[0], alike[1], alike[2]);
        }

        var weight = TakeLoose($"{name}.weight", [3 * outputs, inputs], keeps);
        var shift = bias ? TakeLoose($"{name}.bias", [3 * outputs], isKept: false) : null;
        var parts = Enumerable.Range(0, 3).Select(i => new Linear(
            Apart(weight.view(heads, 3, headWidth, inputs), i).view(outputs, inputs),
            shift is null ? null : Apart(shift.view(heads, 3, headWidth), i).view(outputs),
            options.Dtype)).ToArray();
        foreach (var part in parts)
        {
            Own(part.Stored);
            _ = part.Bias is null ? null : Own(part.Bias);
        }

        weight.Dispose();
        shift?.Dispose();
        return (parts[0], parts[1], parts[2]);

        static Tensor Apart(Tensor of, int i) => of.select(1, i).contiguous();
    }

    internal Norm Norm(NormSpec spec, string name, long width) => spec.Kind == NormKind.AdaptiveRms
        ? new Norm(spec, Own(ones(width, options.Dtype, options.Device)), null) { Modulation = Linear($"{name}.dense", 3 * width, width, bias: true) }
        : Norm(spec, $"{name}.weight", $"{name}.bias", width);

    /// <remarks>A gain stored as its distance from 1 is put together here, once; in 16 bits the sum would lose what it is stored so for.</remarks>
    internal Norm Norm(NormSpec spec, string gain, string bias, long width)
    {
        var weight = Stored(gain, width);
        return new Norm(
            spec, spec.Kind == NormKind.RmsFromOne && weight.IsHere ? FromOne(weight.Value) : weight,
            spec.Kind == NormKind.LayerNorm ? Stored(bias, width) : null);
    }

    private Tensor FromOne(Tensor distance)
    {
        using var scope = NewDisposeScope();
        var wide = distance.Widened();
        return Own(ones_like(wide).Plus(wide));
    }

    /// <summary>A tensor in another shape, without copying.</summary>
    internal Tensor View(Tensor of, params long[] shape) => Own(of.view(shape));

    /// <summary>A number in the precision of the model.</summary>
    internal StoredTensor Constant(double value)
        => GivesOutlines ? StoredTensor.Outline([], options.Dtype) : Own(tensor(value, float64).to(options.Dtype, options.Device));

    /// <summary>Refuses tensors that were not taken.</summary>
    /// <param name="unused">Names that the family is known not to read.</param>
    /// <exception cref="VitrineException">There is one; it is named.</exception>
    public void RefuseOthers(Func<string, bool> unused)
    {
        options.Progress?.Report(1);
        ArgumentNullException.ThrowIfNull(unused);
        var own = checkpoint.Names.Where(n => n.StartsWith(prefix, StringComparison.Ordinal));
        var others = own.Where(n => !taken.Contains(n) && !unused(n[prefix.Length..])).Order(StringComparer.Ordinal).ToArray();
        if (others.Length > 0)
        {
            throw new VitrineException(
                $"{source}: unknown tensor '{others[0]}'{(others.Length > 1 ? $" and {others.Length - 1} more" : "")}; config.json does not ask for it. Is "
                    + "this another model?");
        }
    }

    /// <summary>A matrix, in the precision that it is kept in.</summary>
    private (StoredTensor Stored, BlockRows? Blocks) Matrix(string name, long outputs, long inputs, bool isTransposed = false)
    {
        var whole = prefix + name;
        if (keepsRows && options.Untrained?.Invoke(whole) != true && checkpoint.Contains(whole) && checkpoint.HasRows(whole))
        {
            Taken(whole, [outputs, inputs]);
            var (bytes, rows) = checkpoint.ReadRows(whole)!.Value;
            return (Own(bytes), rows);
        }

        return (Kept(name, [outputs, inputs], keeps, isTransposed), null);
    }

    /// <summary>A matrix stored [in, out], seen [out, in]; blocks lie so always.</summary>
    private (StoredTensor Stored, BlockRows? Blocks) Transposed(string name, long outputs, long inputs)
    {
        var (stored, blocks) = Matrix($"{name}.weight", inputs, outputs, isTransposed: true);
        return (blocks is null ? stored.Turned(Own) : stored, blocks);
    }

    private Linear Linear((StoredTensor Stored, BlockRows? Blocks) matrix, StoredTensor? bias) => new(matrix.Stored, bias, options.Dtype, matrix.Blocks);

    private Linear[] Stacked(string name, int count, long outputs, long inputs, bool bias)
        => Parts(Matrix($"{name}.weight", count * outputs, inputs), bias ? Stored($"{name}.bias", count * outputs) : null, count, outputs);

    private Linear[] Parts((StoredTensor Stored, BlockRows? Blocks) whole, StoredTensor? bias, int count, long outputs)
        => [.. Enumerable.Range(0, count)
            .Select(i => Linear((whole.Stored.Rows(i * outputs, outputs, Own), whole.Blocks), bias?.Rows(i * outputs, outputs, Own)))];

    /// <summary>A tensor of the model's, or its outline.</summary>
    private StoredTensor Kept(string name, long[] shape, bool isKept, bool isTransposed = false)
    {
        if (!GivesOutlines)
        {
            return Own(TakeLoose(name, shape, isKept, isTransposed));
        }

        Taken(prefix + name, shape);
        return StoredTensor.Outline(shape, KeptDtype(prefix + name, isKept));
    }

    /// <summary>A tensor that the caller disposes.</summary>
    private Tensor TakeLoose(string name, long[] shape, bool isKept, bool isTransposed = false)
    {
        var whole = prefix + name;
        Taken(whole, shape);
        if (options.Device.type == TorchSharp.DeviceType.META)
        {
            return empty(shape, KeptDtype(whole, isKept), options.Device).DetachFromDisposeScope(); // there are no numbers, so none are read
        }

        using var scope = NewDisposeScope();
        var stored = options.Untrained?.Invoke(whole) == true ? Initial(whole, shape).to(StoredDtype(whole)) : checkpoint.Read(whole);
        var merged = checkpoint.Adapter?.Merged(whole, stored, isTransposed, options.Dtype) ?? stored;
        var tensor = IsKept(merged.dtype, isKept) ? merged : merged.to(options.Dtype);
        var here = options.Device.type == TorchSharp.DeviceType.CPU ? tensor : tensor.to(options.Device);
        if (options.Leaves is { } leaves)
        {
            here = leaves[whole] = here.clone().requires_grad_();
        }

        return here.DetachFromDisposeScope();
    }

    private void Taken(string whole, long[] shape)
    {
        options.Cancellation.ThrowIfCancellationRequested();
        taken.Add(whole);
        options.Progress?.Report((double)taken.Count / checkpoint.Names.Count());
        checkpoint.Require(whole, shape);
    }

    /// <summary>What the file has a tensor in, where that is narrow; else what is computed in.</summary>
    private ScalarType StoredDtype(string name)
        => checkpoint.Entry(name).Dtype switch { Dtype.BF16 => ScalarType.BFloat16, Dtype.F16 => ScalarType.Float16, _ => options.Dtype };

    private Tensor Initial(string name, long[] shape)
    {
        if (shape.Length == 1)
        {
            return name.Contains("norm", StringComparison.Ordinal) && name.EndsWith(".weight", StringComparison.Ordinal) ? ones(shape) : zeros(shape);
        }

        var seed = name.Aggregate(14695981039346656037UL, (hash, c) => (hash ^ c) * 1099511628211UL);      // FNV-1a
        using var generator = new Generator(seed, CPU);
        return randn(shape, generator: generator) / Math.Sqrt(shape[^1]);
    }

    private bool IsKept(ScalarType stored, bool isKept)
        => stored == options.Dtype || (isKept && stored is (ScalarType.BFloat16 or ScalarType.Float16));

    private ScalarType KeptDtype(string name, bool isKept) => isKept && checkpoint.Adapter?.Changes(name) != true
        ? StoredDtype(name)
        : options.Dtype;

    private Tensor Own(Tensor tensor)
    {
        owned.Add(tensor.DetachFromDisposeScope());
        return tensor;
    }
}
