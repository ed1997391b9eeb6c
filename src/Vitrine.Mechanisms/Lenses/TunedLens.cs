using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Checkpoints.PyTorch;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Lenses;

/// <summary>The tuned lens: an affine translator for each depth, added to the residual: h + A_i h + b_i, i below the number of blocks.</summary>
/// <remarks>
/// Belrose et al. 2023. Files are those of the authors' library (tuned-lens 0.2): config.json, and params.pt with <c>0.weight</c>, <c>0.bias</c> ...;
/// translator i reads <c>hidden_states[i]</c>, the residual in front of block i.
/// </remarks>
public sealed class TunedLens : Lens
{
    private const string ConfigFile = "config.json", ParametersFile = "params.pt", Linear = "linear_tuned_lens";

    private readonly (Tensor Weight, Tensor? Bias)[] translators;

    private TunedLens((Tensor Weight, Tensor? Bias)[] translators) => this.translators = translators;

    /// <inheritdoc/>
    public override string Name => "tuned lens";

    /// <summary>Blocks of the model.</summary>
    public int Layers => translators.Length;

    /// <summary>d.</summary>
    public int Width => (int)translators[0].Weight.shape[0];

    /// <summary>Of which model, as its files say.</summary>
    public string BaseModel { get; private init; } = "";

    /// <summary>Which revision of it; null where its files do not say.</summary>
    public string? Revision { get; private init; }

    /// <summary>
    /// The library's hash of how numpy prints the unembedding, as its files say and as they are written again; null for none, which the library accepts.
    /// </summary>
    public string? UnembeddingHash { get; private init; }

    /// <summary>A translator's matrix (d,d) and bias (d), owned by the lens; no bias where the lens has none.</summary>
    public (Tensor Weight, Tensor? Bias) this[int depth] => translators[depth];

    /// <summary>A lens that changes nothing: it reads what the logit lens reads.</summary>
    /// <param name="stack">Of a model that speaks.</param>
    /// <param name="baseModel">For its files.</param>
    /// <returns>Owned by the caller.</returns>
    public static TunedLens Identity(Stack stack, string baseModel)
    {
        ArgumentNullException.ThrowIfNull(stack);
        var (layers, width) = (stack.Shape.Layers, stack.Shape.Width);
        using var scope = NewDisposeScope();
        return new TunedLens([.. Enumerable.Range(0, layers).Select(_ => (
            zeros([width, width], float32, stack.Device).DetachFromDisposeScope(), (Tensor?)zeros([width], float32, stack.Device).DetachFromDisposeScope()))])
        {
            BaseModel = baseModel,
        };
    }

    /// <summary>Reads a folder of the library.</summary>
    /// <returns>Owned by the caller.</returns>
    /// <exception cref="VitrineException">A file or a tensor is missing, unknown or of another shape, or the lens is of another kind.</exception>
    public static TunedLens Open(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (!File.Exists(Path.Combine(folder, ConfigFile)) || !File.Exists(Path.Combine(folder, ParametersFile)))
        {
            throw new VitrineException(
                $"{folder}: is no tuned lens; expected a folder with {ConfigFile} and {ParametersFile}, as the tuned-lens library saves it.");
        }

        var config = ConfigReader.Open(Path.Combine(folder, ConfigFile));
        config.MustBe("lens_type", Linear);
        var (width, layers, hasBias) = (config.Size("d_model"), config.Size("num_hidden_layers"), config.Flag("bias", true));
        var (baseModel, revision, hash) = (config.Text("base_model_name_or_path", ""), OrNull("base_model_revision"), OrNull("unembed_hash"));
        config.RefuseOthers();
        using var file = TorchFile.Open(Path.Combine(folder, ParametersFile));
        var names = Enumerable.Range(0, layers).SelectMany(i => hasBias ? new[] { $"{i}.weight", $"{i}.bias" } : [$"{i}.weight"]).ToHashSet();
        if (file.Tensors.Keys.FirstOrDefault(k => !names.Contains(k)) is { } unknown)
        {
            throw new VitrineException($"{file.Path}: '{unknown}' belongs to no translator; {ConfigFile} says {layers} of width {width}.");
        }

        using var scope = NewDisposeScope();
        var read = Enumerable.Range(0, layers).Select(i => (Tensor($"{i}.weight", width, width), hasBias ? Tensor($"{i}.bias", width) : null)).ToArray();
        foreach (var (weight, bias) in read)
        {
            weight.DetachFromDisposeScope();
            bias?.DetachFromDisposeScope();
        }

        return new TunedLens(read) { BaseModel = baseModel, Revision = revision, UnembeddingHash = hash };

        string? OrNull(string key) => config.Has(key) ? config.Text(key) : null;

        Tensor Tensor(string name, params long[] shape)
            => !file.Tensors.TryGetValue(name, out var entry) ? throw new VitrineException($"{file.Path}: has no '{name}'.")
                : !entry.Shape.SequenceEqual(shape)
                    ? throw new VitrineException(
                        $"{file.Path}: '{name}' is [{string.Join(", ", entry.Shape)}]; {ConfigFile} asks for [{string.Join(", ", shape)}].")
                    : file.Read(name).to(float32).contiguous().clone();
    }

    /// <summary>Writes a folder that the library reads.</summary>
    /// <exception cref="VitrineException">It cannot be written.</exception>
    public void Save(string folder)
    {
        AtomicFile.RequireFolder(folder);
        TorchStateWriter.Save(Path.Combine(folder, ParametersFile),
            [.. translators.SelectMany((t, i) => new (string, Tensor?)[] { ($"{i}.weight", t.Weight), ($"{i}.bias", t.Bias) })
                .Where(t => t.Item2 is not null).Select(t => (t.Item1, t.Item2!))]);
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json, new JsonWriterOptions { Indented = true, IndentSize = 1 }))
        {
            writer.WriteStartObject();
            writer.WriteString("base_model_name_or_path", BaseModel);
            writer.WriteNumber("d_model", Width);
            writer.WriteNumber("num_hidden_layers", Layers);
            writer.WriteBoolean("bias", translators[0].Bias is not null);
            writer.WriteString("base_model_revision", Revision);
            writer.WriteString("unembed_hash", UnembeddingHash);
            writer.WriteString("lens_type", Linear);
            writer.WriteEndObject();
        }

        AtomicFile.WriteAllBytes(Path.Combine(folder, ConfigFile), [.. json.ToArray(), (byte)'\n']);
    }

    /// <inheritdoc/>
    public override Tensor Apply(Tensor residual, int depth)
    {
        ArgumentNullException.ThrowIfNull(residual);
        if (depth >= translators.Length)
        {
            return residual;
        }

        var wide = residual.Widened();
        var (weight, bias) = translators[depth];
        return wide.Plus(nn.functional.linear(wide, weight.to(wide.dtype, wide.device), bias?.to(wide.dtype, wide.device)));
    }

    /// <inheritdoc/>
    public override void RequireOf(Stack stack)
    {
        ArgumentNullException.ThrowIfNull(stack);
        if ((Layers, Width) != (stack.Shape.Layers, stack.Shape.Width))
        {
            throw new VitrineException($"tuned lens: has {Layers} translators of width {Width}; stack '{stack.Shape.Name}' has {stack.Shape.Layers} blocks "
                + $"of width {stack.Shape.Width}. Was it trained for {BaseModel}?");
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        foreach (var (weight, bias) in disposing ? translators : [])
        {
            weight.Dispose();
            bias?.Dispose();
        }
    }
}
