using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>A text model opened from a configuration and its weights: a decoder, an encoder or a classifier. Its weights are read-only: runs may go side by side.</summary>
public sealed class TextModel : IDisposable
{
    private readonly Checkpoint checkpoint;
    private readonly List<Tensor> owned;
    private readonly TextStack language;
    private readonly ClassHead? classes;
    private readonly StackShape[] shapes;

    private TextModel(string family, Checkpoint checkpoint, List<Tensor> owned, TextStack language, ClassHead? classes)
    {
        (Family, this.checkpoint, this.owned, this.language, this.classes) = (family, checkpoint, owned, language, classes);
        shapes = [language.Stack.Shape, .. classes?.Shape is { } shape ? [shape] : Array.Empty<StackShape>()];
    }

    /// <summary>The <c>model_type</c> of config.json.</summary>
    public string Family { get; }

    /// <summary>The blocks.</summary>
    public Stack Language => language.Stack;

    /// <summary>Every stack, class head included, as addresses see them.</summary>
    public IReadOnlyList<StackShape> Stacks => shapes;

    /// <summary>Identifies the weights: a hash over the files' headers.</summary>
    public string Fingerprint => checkpoint.Fingerprint;

    /// <summary>Names of the classes; null where the model is no classifier.</summary>
    public Labels? Labels => classes?.Labels;

    /// <summary>Opens a folder.</summary>
    /// <param name="folder">With config.json and model.safetensors, or shards and their index.</param>
    /// <param name="dtype">What to compute in; float64 exists to tell a bug from rounding.</param>
    /// <param name="config">Another configuration file of the same folder.</param>
    /// <exception cref="VitrineException">A file, key or tensor is missing, unknown or of another shape; it is named.</exception>
    public static TextModel Open(string folder, ScalarType dtype = ScalarType.Float32, string config = "config.json")
    {
        var json = ConfigReader.Open(Path.Combine(folder, config));
        var family = TextFamily.Of(json);
        return Load(family, family.Read(json), json.Source, Checkpoint.Open(folder), dtype);
    }

    /// <summary>Opens weights of any file format under the names of the Hugging Face layout.</summary>
    /// <param name="config">The keys of a config.json.</param>
    /// <param name="checkpoint">The model owns it from here on, also when it cannot be opened.</param>
    /// <param name="dtype">What to compute in.</param>
    /// <exception cref="VitrineException">A key or tensor is missing, unknown or of another shape; it is named.</exception>
    public static TextModel Open(ConfigReader config, Checkpoint checkpoint, ScalarType dtype = ScalarType.Float32)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(checkpoint);
        try
        {
            var family = TextFamily.Of(config);
            return Load(family, family.Read(config), config.Source, checkpoint, dtype);
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>One forward pass over whole prompts.</summary>
    /// <param name="batch">Prompts.</param>
    /// <param name="plan">What to read and change; nothing when null.</param>
    /// <returns>Logits (B,T,V) and what was captured; class logits (B,classes) of a classifier; hidden states (B,T,d) of an encoder without head.</returns>
    public Run Run(TokenBatch batch, RunPlan? plan = null)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var bound = BoundPlan.Bind(plan ?? RunPlan.Empty, shapes, Language.Dtype);
        using var mode = Mode(bound);
        using var scope = NewDisposeScope();
        var kept = new Dictionary<Address, Tensor>();
        using var pass = language.NewPass(batch, bound, kept);
        var hidden = language.Forward(language.Embed(Matrix(batch.Ids)), pass, batch.Segments is { } segments ? Matrix(segments) : null);
        var output = classes is not null ? classes.Forward(hidden, classes.Deciding(batch), pass)
            : Language.Head is not null ? Language.Logits(hidden, pass)
            : hidden;
        return new Run(kept, output.DetachFromDisposeScope());
    }

    /// <summary>The class of each prompt.</summary>
    /// <param name="batch">Prompts.</param>
    /// <param name="plan">What to read and change; nothing when null.</param>
    /// <exception cref="VitrineException">The model is no classifier.</exception>
    public Classification Classify(TokenBatch batch, RunPlan? plan = null)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return classes is null
            ? throw new VitrineException($"classify: this {Family} model has no class head; config.json does not name a *ForSequenceClassification.")
            : Classification.Of(Run(batch, plan), classes.Labels, classes.Deciding(batch));
    }

    /// <summary>Greedy generation with a key/value cache; the plan acts in the prefill and in every step that its scopes name.</summary>
    /// <param name="batch">Prompts.</param>
    /// <param name="count">New tokens; no stop token is looked for.</param>
    /// <param name="plan">What to read and change.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <exception cref="VitrineException">The model has no vocabulary to answer in.</exception>
    public Generation Generate(TokenBatch batch, int count, RunPlan? plan = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        if (Language.Head is null || !Language.Spec.Attention.Causal)
        {
            throw new VitrineException($"generate: this {Family} model does not predict a next token.");
        }

        if (batch.PositionIds is not null)
        {
            throw new VitrineException("generate: position ids of a caller's own are read by single passes only.");
        }

        var bound = BoundPlan.Bind(plan ?? RunPlan.Empty, shapes, Language.Dtype);
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var kept = new Dictionary<Address, Tensor>();
        var (ids, logits) = language.Decode(language.Embed(Matrix(batch.Ids)), [.. batch.Positions.Select(r => r.ToArray())], count, bound, kept, cancellation);
        return new Generation(ids, new Run(kept, logits.DetachFromDisposeScope()));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        owned.ForEach(t => t.Dispose());
        checkpoint.Dispose();
    }

    internal static IDisposable Mode(BoundPlan plan) => plan.NeedsGradients ? enable_grad() : no_grad();

    private static TextModel Load(TextFamily family, TextConfig config, string source, Checkpoint checkpoint, ScalarType dtype)
    {
        var weights = new WeightReader(checkpoint, source, dtype);
        try
        {
            var (language, classes) = family.Load(weights, config);
            weights.RefuseOthers(family.IsUnused);
            return new TextModel(family.ModelType, checkpoint, weights.Owned, language, classes);
        }
        catch
        {
            weights.Owned.ForEach(t => t.Dispose());
            checkpoint.Dispose();
            throw;
        }
    }

    private static Tensor Matrix(IReadOnlyList<IReadOnlyList<long>> rows) => tensor([.. rows.SelectMany(r => r)], [rows.Count, rows[0].Count]);
}

/// <summary>What was generated.</summary>
/// <param name="Ids">[row][token], the new tokens only.</param>
/// <param name="Run">Its logits (B,count,V) are those that each token was taken from.</param>
public sealed record Generation(IReadOnlyList<IReadOnlyList<long>> Ids, Run Run) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Run.Dispose();
}
