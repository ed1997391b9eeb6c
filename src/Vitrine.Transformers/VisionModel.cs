using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>An image encoder opened from a folder in the layout of transformers or timm; CLIP brings its text tower. Its weights are read-only: runs may go side by side.</summary>
public sealed class VisionModel : IDisposable
{
    private readonly Checkpoint checkpoint;
    private readonly List<Tensor> owned;
    private readonly VisionParts parts;
    private readonly StackShape[] shapes;

    private VisionModel(string family, Checkpoint checkpoint, List<Tensor> owned, VisionParts parts)
    {
        (Family, this.checkpoint, this.owned, this.parts) = (family, checkpoint, owned, parts);
        shapes = [parts.Vision.Stack.Shape, .. parts.Text is { } text ? [text.Text.Stack.Shape] : Array.Empty<StackShape>()];
    }

    /// <summary>The families that this version opens, by their <c>model_type</c>, and <c>timm</c>; names that are read alike stand together.</summary>
    public static IReadOnlyList<IReadOnlyList<string>> Families { get; } = [.. VisionFamily.All.GroupBy(f => f.Read).Select(g => g.Select(f => f.ModelType).ToArray()), [VisionFamily.Timm.ModelType]];

    /// <summary>The <c>model_type</c> of config.json, or <c>timm</c>.</summary>
    public string Family { get; }

    /// <summary>The tower of pictures.</summary>
    public VisionStack Vision => parts.Vision;

    /// <summary>The tower of texts; null where there is none.</summary>
    public TextTower? Text => parts.Text;

    /// <summary>Names of the classes; null where the model is no classifier.</summary>
    public Labels? Labels => parts.Labels;

    /// <summary>Every stack, as addresses see them.</summary>
    public IReadOnlyList<StackShape> Stacks => shapes;

    /// <summary>Identifies the weights: a hash over the files' headers.</summary>
    public string Fingerprint => checkpoint.Fingerprint;

    /// <summary>Opens a folder of config.json and safetensors.</summary>
    /// <param name="folder">In the layout of transformers or of timm.</param>
    /// <param name="dtype">What to compute in; float64 exists to tell a bug from rounding.</param>
    /// <param name="storage">Whether 16-bit matrices stay as their file has them.</param>
    /// <exception cref="VitrineException">A file, key or tensor is missing, unknown or of another shape; it is named.</exception>
    public static VisionModel Open(string folder, ScalarType dtype = ScalarType.Float32, WeightStorage storage = WeightStorage.Auto)
    {
        var json = ConfigReader.Open(Path.Combine(folder, "config.json"));
        var family = VisionFamily.Of(json);
        var load = family.Read(json);
        var checkpoint = Checkpoint.Open(folder);
        var weights = new WeightReader(checkpoint, folder, dtype, storage);
        try
        {
            var parts = load(weights);
            weights.RefuseOthers(family.IsUnused);
            return new VisionModel(family.ModelType, checkpoint, weights.Owned, parts);
        }
        catch
        {
            weights.Owned.ForEach(t => t.Dispose());
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>One forward pass over pictures.</summary>
    /// <param name="pixels">(B,3,H,W), normalised; stays the caller's. Other sizes than the training's where the family resamples its positions.</param>
    /// <param name="plan">What to read and change.</param>
    /// <returns>
    /// The run's output is the class logits (B,classes) of a classifier, CLIP's projected pictures (B,P), else the pooled output (B,d), else the features (B,T,d).
    /// </returns>
    public Run Run(Tensor pixels, RunPlan? plan = null)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        var bound = BoundPlan.Bind(plan ?? RunPlan.Empty, shapes[..1], Vision.Stack.Dtype);
        using var mode = TextModel.Mode(bound);
        using var scope = NewDisposeScope();
        var kept = new Dictionary<Address, Tensor>();
        return new Run(kept, Output(pixels, bound, kept).DetachFromDisposeScope());
    }

    /// <summary>The class of each picture.</summary>
    /// <param name="pixels">(B,3,H,W), normalised; stays the caller's.</param>
    /// <param name="plan">What to read and change.</param>
    /// <exception cref="VitrineException">The model is no classifier.</exception>
    public Classification Classify(Tensor pixels, RunPlan? plan = null)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        return Labels is null
            ? throw new VitrineException($"classify: this {Family} model has no class head; config.json does not name a *ForImageClassification.")
            : Classification.Of(Run(pixels, plan), Labels, [.. Enumerable.Repeat(0L, (int)pixels.shape[0])]);
    }

    /// <summary>How well each picture and each text agree.</summary>
    /// <param name="pixels">(B,3,H,W), normalised; stays the caller's.</param>
    /// <param name="texts">Each with its end token.</param>
    /// <param name="plan">What to read and change, in both towers.</param>
    /// <exception cref="VitrineException">The model has no text tower.</exception>
    public PictureTextMatch Match(Tensor pixels, TokenBatch texts, RunPlan? plan = null)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        ArgumentNullException.ThrowIfNull(texts);
        if (Text is null)
        {
            throw new VitrineException($"match: this {Family} model has no text tower.");
        }

        var bound = BoundPlan.Bind(plan ?? RunPlan.Empty, shapes, Vision.Stack.Dtype);
        using var mode = TextModel.Mode(bound);
        using var scope = NewDisposeScope();
        var kept = new Dictionary<Address, Tensor>();
        var (picture, text) = (Output(pixels, bound, kept), Text.Forward(texts, bound, kept));             // (B, P), (B', P)
        var logits = (Direction(picture) * Text.LogitScale.exp()).matmul(Direction(text).t());             // (B, B')
        return new PictureTextMatch(new Run(kept, logits.DetachFromDisposeScope()), picture.DetachFromDisposeScope(), text.DetachFromDisposeScope());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        owned.ForEach(t => t.Dispose());
        checkpoint.Dispose();
    }

    private Tensor Output(Tensor pixels, BoundPlan bound, Dictionary<Address, Tensor> kept)
    {
        var (features, pooled) = Vision.Forward(pixels, bound, kept);
        return pooled is null ? features : parts.Head is null ? pooled : parts.Head.Apply(pooled);
    }

    private static Tensor Direction(Tensor x) => x / linalg.vector_norm(x, 2, [-1], keepdim: true);
}

/// <summary>Pictures and texts in one space.</summary>
/// <param name="Run">Its logits (pictures, texts) are cosines times the model's factor.</param>
/// <param name="Pictures">(B,P), not normalised.</param>
/// <param name="Texts">(B,P), not normalised.</param>
public sealed record PictureTextMatch(Run Run, Tensor Pictures, Tensor Texts) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Run.Dispose();
        Pictures.Dispose();
        Texts.Dispose();
    }
}
