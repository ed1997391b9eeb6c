using Vitrine.Checkpoints.PyTorch;
using static TorchSharp.torch;

namespace Vitrine.Checkpoints.Adapters;

/// <summary>A LoRA adapter (Hu et al. 2021) in peft's files, merged tensor by tensor: W + alpha / r B A.</summary>
/// <remarks>
/// Products and sums are made in float32, or wider where the weights are, and rounded once; peft's own merge of 16-bit weights rounds the difference before it
/// is added. Every tensor of the adapter has a place in the base model, or the adapter is refused.
/// </remarks>
public sealed class LoraAdapter : IDisposable
{
    private const string Safetensors = "adapter_model.safetensors", Torch = "adapter_model.bin", Prefix = "base_model.model.";

    /// <summary>Parts of a module's adaptation, as peft ends their names.</summary>
    private const string A = ".lora_A.weight", B = ".lora_B.weight", BBias = ".lora_B.bias", RowsA = ".lora_embedding_A", RowsB = ".lora_embedding_B";

    private readonly ITensorFile file;
    private readonly Dictionary<string, Change> changes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> replacements = new(StringComparer.Ordinal);

    private LoraAdapter(string folder, AdapterConfig config, ITensorFile file, IReadOnlyCollection<string> names)
    {
        (Folder, Config, this.file) = (folder, config, file);
        var home = new BaseNames(names);
        foreach (var name in file.Tensors.Keys.Order(StringComparer.Ordinal))
        {
            Place(name, home);
        }

        foreach (var (target, change) in changes.Where(c => c.Value is { First: null } or { Second: null, Bias: null }))
        {
            throw new VitrineException($"{file.Path}: '{target}' has only one half of its product ({change.First ?? change.Second}).");
        }
    }

    /// <summary>Where it lies.</summary>
    public string Folder { get; }

    /// <summary>What its configuration says.</summary>
    public AdapterConfig Config { get; }

    /// <summary>Tensors of the base that it changes or replaces, by the base's names.</summary>
    public IReadOnlyList<string> Changed => [.. changes.Keys.Concat(replacements.Keys).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>Its files, as a fingerprint covers them.</summary>
    internal IReadOnlyList<string> Files => [Path.Combine(Folder, AdapterConfig.FileName), file.Path];

    /// <summary>Opens an adapter and finds the place of each of its tensors.</summary>
    /// <param name="folder">With <c>adapter_config.json</c> and <c>adapter_model.safetensors</c> or <c>.bin</c>.</param>
    /// <param name="names">Tensors of the base.</param>
    /// <exception cref="VitrineException">It is none that is computed here, a file is missing or broken, or a tensor finds no place; it is named.</exception>
    public static LoraAdapter Open(string folder, IReadOnlyCollection<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        var config = AdapterConfig.Open(folder);
        var (safe, torch) = (Path.Combine(folder, Safetensors), Path.Combine(folder, Torch));
        ITensorFile file = File.Exists(safe) ? SafetensorsFile.Open(safe)
            : File.Exists(torch) ? TorchFile.Open(torch)
            : throw new VitrineException($"{config.Source}: its weights are missing; expected {Safetensors} or {Torch} beside it. --no-adapter opens the base "
                + "model alone.");
        try
        {
            return new LoraAdapter(folder, config, file, names);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The tensor that stands in place of a base's; null where there is none.</summary>
    internal (ITensorFile File, string Name)? Replacement(string name) => replacements.TryGetValue(name, out var own) ? (file, own) : null;

    /// <summary>Names of the base, or new ones, whose tensors are the adapter's.</summary>
    internal IEnumerable<string> Replaced => replacements.Keys;

    /// <summary>Whether a tensor of the base is the sum of its own and the adapter's.</summary>
    public bool Changes(string name) => changes.ContainsKey(name);

    /// <summary>Whether a tensor is changed where it stands, and not where another module is tied to it.</summary>
    /// <remarks>A table that was saved whole because the vocabulary grew is the base's own, wherever it is read.</remarks>
    public bool ChangesAlone(string name)
        => Changes(name) || (replacements.ContainsKey(name) && Config.SavedModules.Any(m => name.EndsWith($"{m}.weight", StringComparison.Ordinal)));

    /// <summary>A tensor of the base with its change.</summary>
    /// <param name="name">Of the base.</param>
    /// <param name="stored">As the base has it; stays the caller's.</param>
    /// <param name="isTransposed">Whether it is stored [in, out] (Conv1D of GPT-2).</param>
    /// <param name="dtype">float64 where the model computes in it.</param>
    /// <returns>In float32 or wider, owned by the caller; null where the adapter does not change it.</returns>
    /// <exception cref="VitrineException">The shapes do not fit.</exception>
    public Tensor? Merged(string name, Tensor stored, bool isTransposed, ScalarType dtype)
    {
        if (!changes.TryGetValue(name, out var change))
        {
            return null;
        }

        ArgumentNullException.ThrowIfNull(stored);
        using var scope = NewDisposeScope();
        var wide = dtype == ScalarType.Float64 || stored.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        var delta = change.Bias is { } bias ? Number(bias, wide) : Product(change, isTransposed, wide);
        return delta.shape.SequenceEqual(stored.shape)
            ? stored.to(wide).add(delta.mul(change.Scaling)).MoveToOuterDisposeScope()
            : throw new VitrineException($"{file.Path}: the adapter of '{name}' is [{string.Join(", ", delta.shape)}]; the base has "
                + $"[{string.Join(", ", stored.shape)}]. Is it an adapter of another model?");
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private Tensor Product(Change change, bool isTransposed, ScalarType wide)
    {
        var (a, b) = (Number(change.First!, wide), Number(change.Second!, wide));
        if (a.dim() != 2 || b.dim() != 2 || a.shape[0] != change.Rank || b.shape[1] != change.Rank)
        {
            throw new VitrineException($"{file.Path}: '{change.First}' is [{string.Join(", ", a.shape)}] and '{change.Second}' "
                + $"[{string.Join(", ", b.shape)}]; {AdapterConfig.FileName} asks for rank {change.Rank}. Convolutions are not adapted.");
        }

        var product = b.mm(a);                                                                             // (out, in)
        return isTransposed || change.IsEmbedding ? product.t() : product;
    }

    private Tensor Number(string name, ScalarType wide) => file.Read(name).to(wide);

    private void Place(string name, BaseNames home)
    {
        var bare = name.StartsWith(Prefix, StringComparison.Ordinal)
            ? name[Prefix.Length..]
            : throw Unplaced(name, $"its name does not begin with '{Prefix}'");
        if (Ends(bare, A, RowsA) is { } first)
        {
            var isEmbedding = bare.EndsWith(RowsA, StringComparison.Ordinal);
            Add(name, first, home, ".weight", c => c with { First = name, IsEmbedding = isEmbedding });
        }
        else if (Ends(bare, B, RowsB) is { } second)
        {
            Add(name, second, home, ".weight", c => c with { Second = name });
        }
        else if (Ends(bare, BBias) is { } biased && Config.HasBias)
        {
            Add(name, biased, home, ".bias", c => c with { Bias = name, First = name });
        }
        else
        {
            Replace(name, bare.Replace(".base_layer.", ".", StringComparison.Ordinal), home);
        }
    }

    private void Add(string name, string module, BaseNames home, string kind, Func<Change, Change> with)
    {
        if (!Config.Adapts(module))
        {
            throw Unplaced(name, $"{AdapterConfig.FileName} does not name the module '{module}' in target_modules, so peft would leave it out");
        }

        var target = home.Find(module + kind) ?? throw Unplaced(name, $"the base model has no tensor '{module}{kind}'");
        changes[target] = with(changes.GetValueOrDefault(target) ?? new Change(Config.RankOf(module), Config.ScalingOf(module)));
    }

    /// <remarks>A whole module may be new to the base's file: a head that was tied to the embedding, the classes of a fine-tuned classifier.</remarks>
    private void Replace(string name, string bare, BaseNames home)
    {
        var isSaved = Config.SavedModules.Any(m => bare.StartsWith($"{m}.", StringComparison.Ordinal) || bare.Contains($".{m}.", StringComparison.Ordinal));
        var target = home.Find(bare) ?? (isSaved ? bare : throw Unplaced(name, $"the base model has no tensor '{bare}'"));
        replacements[target] = name;
    }

    private VitrineException Unplaced(string name, string why)
        => new($"{file.Path}: tensor '{name}' finds no place: {why}. --no-adapter opens the base model alone.");

    private static string? Ends(string name, params ReadOnlySpan<string> endings)
    {
        foreach (var ending in endings)
        {
            if (name.EndsWith(ending, StringComparison.Ordinal))
            {
                return name[..^ending.Length];
            }
        }

        return null;
    }

    /// <summary>What is added to one tensor of the base.</summary>
    /// <param name="Rank">r.</param>
    /// <param name="Scaling">alpha / r or alpha / sqrt(r).</param>
    private sealed record Change(int Rank, double Scaling)
    {
        /// <summary>Name of A, [r, in], or of an embedding's, [r, V].</summary>
        public string? First { get; init; }

        /// <summary>Name of B, [out, r], or of an embedding's, [d, r].</summary>
        public string? Second { get; init; }

        /// <summary>Name of B's bias, where the change is one of a bias.</summary>
        public string? Bias { get; init; }

        /// <summary>Whether rows of a table are changed: the table is [V, d], B A is [d, V].</summary>
        public bool IsEmbedding { get; init; }
    }
}
