using Vitrine.Inputs.Pictures;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>A picture as a model sees it.</summary>
/// <param name="Shown">The part of the picture that the model sees, at its size, before normalisation.</param>
/// <param name="Pixels">(1,3,H,W), normalised.</param>
/// <param name="Steps">What was done to the picture, in words.</param>
public sealed record PictureInput(Picture Shown, Tensor Pixels, IReadOnlyList<string> Steps) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Pixels.Dispose();
}

/// <summary>
/// An image encoder, in the layout of transformers or timm, or one tower of a policy; CLIP brings its texts. Where its files hold a picture recipe, it sees
/// pictures.
/// </summary>
public sealed class VisionModel : Model
{
    private readonly VisionParts parts;
    private readonly Lazy<PictureRecipe> recipe;
    private readonly IDisposable? owner;

    private VisionModel(ModelSource source, string family, WeightReader weights, VisionParts parts)
        : base(source.Location.Name, family, weights, [parts.Tower, .. parts.Text is { } text ? [text.Decoder] : Array.Empty<Stack>()])
        => (this.parts, recipe) = (parts, new Lazy<PictureRecipe>(() => PictureRecipes.Open(source)));

    /// <summary>One tower of a larger model, as an encoder of its own.</summary>
    /// <param name="of">The larger model.</param>
    /// <param name="tower">Which tower.</param>
    /// <param name="recipe">From a picture to its pixels.</param>
    /// <param name="owns">Whether the larger model is disposed with this one; otherwise it must outlive it.</param>
    internal VisionModel(Model of, Tower tower, PictureRecipe recipe, bool owns)
        : base(of, $"{of.Name} {tower.Shape.Name}", [tower])
        => (parts, this.recipe, owner) = (new VisionParts(tower), new Lazy<PictureRecipe>(recipe), owns ? of : null);

    private VisionModel(VisionModel of, VisionParts parts)
        : base(of, of.Name, [.. of.Towers, .. of.Decoders]) => (this.parts, recipe) = (parts, of.recipe);

    /// <summary>The tower of pictures.</summary>
    public Tower Tower => parts.Tower;

    /// <summary>The stack of texts; null where there is none.</summary>
    public Decoder? Text => parts.Text?.Decoder;

    /// <summary>Names of the classes; null where the model is no classifier.</summary>
    public Labels? Labels => parts.Labels;

    /// <summary>From a picture to the tower's pixels.</summary>
    /// <exception cref="VitrineException">The model's files do not say it.</exception>
    public PictureRecipe Recipe => recipe.Value;

    /// <summary>Opens an image encoder.</summary>
    /// <param name="name">A folder of config.json and weights in the layout of transformers or of timm, or ORG/NAME in the local cache.</param>
    /// <param name="options">How; <see cref="ModelOptions.Default"/> when null.</param>
    /// <exception cref="VitrineException">
    /// A file, key or tensor is missing, unknown or of another shape, or the model is no image encoder; it is named.
    /// </exception>
    public static VisionModel Open(string name, ModelOptions? options = null)
        => (VisionModel)ModelCatalog.TextAndImage.Open(name, ModelKind.Image, options);

    /// <summary>The same model whose output's coordinates are taken for classes of these names. This one must outlive it.</summary>
    /// <exception cref="VitrineException">It is a classifier already.</exception>
    public VisionModel Named(Labels labels)
        => Labels is null
            ? new VisionModel(this, parts with { Labels = labels })
            : throw new VitrineException($"{Name}: has {Labels.Names.Count} classes of its own.");

    /// <summary>Prepares a picture as the model was trained to see it.</summary>
    /// <returns>Owned by the caller.</returns>
    /// <exception cref="VitrineException">The model has no recipe, or it makes no single frame of three channels.</exception>
    public PictureInput Prepare(Picture picture)
    {
        var prepared = Recipe.Prepare(picture);
        return prepared.Pixels is [{ Channels: 3 } pixels]
            ? new PictureInput(prepared.Frames[0], tensor(pixels.Values, [1, 3, pixels.Height, pixels.Width], device: Device), Recipe.Steps)
            : throw new VitrineException($"picture recipe: {prepared.Pixels.Count} frames came of one picture; an image tower takes one of three channels.");
    }

    /// <summary>One forward pass over pictures.</summary>
    /// <param name="pixels">(B,3,H,W), normalised; stays the caller's. Other sizes than the training's where the family resamples its positions.</param>
    /// <param name="plan">What to read and change.</param>
    /// <returns>
    /// The run's output is the class logits (B,classes) of a classifier, CLIP's projected pictures (B,P), else the pooled output (B,d), else the features
    /// (B,T,d).
    /// </returns>
    public Run Run(Tensor pixels, RunPlan? plan = null) => With(plan, bound => Run(pixels, bound));

    /// <summary>The same under a plan that was bound before (<see cref="Model.Bind"/>).</summary>
    public Run Run(Tensor pixels, BoundPlan plan)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        return ComputePart(
            plan, (int)pixels.shape[0], run => Output(run, pixels), kinds: null, decoder: null, from: null, running: new HashSet<string> { Tower.Shape.Name });
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
    /// <exception cref="VitrineException">The model reads no texts.</exception>
    public PictureTextMatch Match(Tensor pixels, TokenBatch texts, RunPlan? plan = null)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        ArgumentNullException.ThrowIfNull(texts);
        if (parts.Text is not { } side)
        {
            throw new VitrineException($"match: this {Family} model has no text tower.");
        }

        Tensor? picture = null, text = null;
        var matched = With(plan, bound => Compute(bound, Math.Max((int)pixels.shape[0], texts.Ids.Count), run =>
        {
            (picture, text) = (Output(run, pixels).DetachFromDisposeScope(), side.Forward(run, texts).DetachFromDisposeScope());       // (B, P), (B', P)
            return (Direction(picture) * side.LogitScale.exp()).matmul(Direction(text).t());              // (B, B')
        }));
        return new PictureTextMatch(matched, picture!, text!);
    }

    internal static VisionModel Load(VisionFamily family, ModelSource source, ModelOptions options)
    {
        var load = family.Read(source.Config);
        var weights = source.Weights(options);
        try
        {
            var parts = load(weights);
            weights.RefuseOthers(family.IsUnused);
            return new VisionModel(source, source.Config.Text("model_type", family.ModelType), weights, parts);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        owner?.Dispose();
    }

    private Tensor Output(RunScope run, Tensor pixels)
    {
        var (features, pooled) = Tower.Forward(run, pixels);
        run.Answer = pooled is null ? "features" : parts.Head is null ? "pooled output" : Labels is null ? "projected pictures" : "class logits";
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
