using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using Vitrine.Transformers.Weights;
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
    private ProcessedWeights? processed;

    private TextModel(string family, Checkpoint checkpoint, List<Tensor> owned, TextStack language, ClassHead? classes)
    {
        (Family, this.checkpoint, this.owned, this.language, this.classes) = (family, checkpoint, owned, language, classes);
        shapes = [language.Stack.Shape, .. classes?.Shape is { } shape ? [shape] : Array.Empty<StackShape>()];
    }

    /// <summary>The families that this version opens, by their <c>model_type</c>.</summary>
    public static IReadOnlyList<string> Families { get; } = [.. TextFamily.All.Select(f => f.ModelType)];

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
    /// <param name="storage">Whether 16-bit matrices stay as their file has them.</param>
    /// <exception cref="VitrineException">A file, key or tensor is missing, unknown or of another shape; it is named.</exception>
    public static TextModel Open(string folder, ScalarType dtype = ScalarType.Float32, string config = "config.json", WeightStorage storage = WeightStorage.Auto)
    {
        var json = ConfigReader.Open(Path.Combine(folder, config));
        var family = TextFamily.Of(json);
        return Load(family, family.Read(json), json.Source, Checkpoint.Open(folder), dtype, storage);
    }

    /// <summary>Opens weights of any file format under the names of the Hugging Face layout.</summary>
    /// <param name="config">The keys of a config.json.</param>
    /// <param name="checkpoint">The model owns it from here on, also when it cannot be opened.</param>
    /// <param name="dtype">What to compute in.</param>
    /// <param name="storage">Whether 16-bit matrices stay as their file has them.</param>
    /// <exception cref="VitrineException">A key or tensor is missing, unknown or of another shape; it is named.</exception>
    public static TextModel Open(ConfigReader config, Checkpoint checkpoint, ScalarType dtype = ScalarType.Float32, WeightStorage storage = WeightStorage.Auto)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(checkpoint);
        try
        {
            var family = TextFamily.Of(config);
            return Load(family, family.Read(config), config.Source, checkpoint, dtype, storage);
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>One forward pass over prompts.</summary>
    /// <param name="batch">Prompts.</param>
    /// <param name="plan">What to read and change, and where to stop; nothing when null.</param>
    /// <param name="from">Where to start; at the embeddings when null.</param>
    /// <returns>
    /// Logits (B,T,V) and what was captured; class logits (B,classes) of a classifier; hidden states (B,T,d) of an encoder without head; the residual (B,T,d) where the plan
    /// stops early. T counts the columns that were computed.
    /// </returns>
    public Run Run(TokenBatch batch, RunPlan? plan = null, RunStart? from = null)
    {
        ArgumentNullException.ThrowIfNull(batch);
        plan ??= RunPlan.Empty;
        var computed = Computed.Of(Language.Shape, from?.Layer, plan.StopAfter);
        if (classes is not null && from?.Column > 0)
        {
            throw new VitrineException("run: a classifier's deciding token may stand before the column where the run starts; start at column 0.");
        }

        var bound = BoundPlan.Bind(plan, shapes, Language.Dtype, batch.Ids.Count, batch.Kinds, computed);
        using var mode = Mode(bound);
        using var scope = NewDisposeScope();
        var kept = new Dictionary<Address, Tensor>();
        using var pass = language.NewPass(batch, from?.Column ?? 0, bound, kept);
        var (rows, columns) = (batch.Ids.Count, batch.Ids[0].Count);
        using var cache = from?.Cache(rows, columns, computed, Language.Shape);
        var residual = from is null
            ? language.Enter(language.Embed(Matrix(batch.Ids)), pass, batch.Segments is { } segments ? Matrix(segments) : null)
            : from.Residual(rows, columns, Language.Shape);
        residual = Language.Through(residual, pass, cache, computed.First, computed.Last).Residual;
        if (!computed.ToTheEnd)
        {
            return new Run(kept, residual.DetachFromDisposeScope(), stoppedAfter: computed.Last);
        }

        var hidden = Language.FinalNorm(residual, pass);
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
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        return Generate(batch, new GenerationOptions(count), plan, cancellation: cancellation);
    }

    /// <summary>Generation with a key/value cache: greedy or sampled, to a number of tokens or to a stop; the plan acts in the prefill and in every step that its scopes name.</summary>
    /// <param name="batch">Prompts.</param>
    /// <param name="options">How tokens are chosen, and when a row stops.</param>
    /// <param name="plan">What to read and change.</param>
    /// <param name="progress">Hears of each step's tokens as soon as they are chosen, on the calling thread.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <exception cref="VitrineException">The model has no vocabulary to answer in, or a setting means nothing.</exception>
    public Generation Generate(TokenBatch batch, GenerationOptions options, RunPlan? plan = null, IProgress<GeneratedStep>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        if (Language.Head is null || !Language.Spec.Attention.Causal)
        {
            throw new VitrineException($"generate: this {Family} model does not predict a next token.");
        }

        if (batch.PositionIds is not null)
        {
            throw new VitrineException("generate: position ids of a caller's own are read by single passes only.");
        }

        var bound = BoundPlan.Bind(plan ?? RunPlan.Empty, shapes, Language.Dtype, batch.Ids.Count, batch.Kinds);
        if (bound.NeedsGradients)
        {
            throw new VitrineException("generate: gradients are asked of a single pass, not of decoded tokens.");
        }

        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var kept = new Dictionary<Address, Tensor>();
        var choice = new TokenChoice(options, batch.Ids.Count, progress);
        var (ids, logits) = language.Decode(language.Embed(Matrix(batch.Ids)), [.. batch.Positions.Select(r => r.ToArray())], choice, bound, kept, cancellation);
        return new Generation(ids, new Run(kept, logits?.DetachFromDisposeScope())) { Lengths = [.. choice.Texts.Select(t => t.Count)] };
    }

    /// <summary>The same model with its weights rewritten; it runs, and is read, like any other. This one must outlive it.</summary>
    /// <param name="folding">What to rewrite.</param>
    /// <param name="keep">Whether folded layers stay in memory; otherwise each is computed when it is asked for, and only one at a time is there.</param>
    /// <exception cref="VitrineException">A rewriting would change what this model answers.</exception>
    public TextModel Processed(Folding folding, bool keep = false)
    {
        ArgumentNullException.ThrowIfNull(folding);
        folding.Check(Language);
        if (classes is not null && folding.Norms)
        {
            throw new VitrineException("folding: a class head reads behind the last norm; its weights are not folded.");
        }

        var weights = new ProcessedWeights(Language, folding, keep);
        return new TextModel(Family, checkpoint, [], language.Processed(weights), classes) { processed = weights };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (processed is not null)
        {
            processed.Dispose();
            return;
        }

        owned.ForEach(t => t.Dispose());
        checkpoint.Dispose();
    }

    internal TextStack Text => language;

    internal static IDisposable Mode(BoundPlan plan) => plan.NeedsGradients ? enable_grad() : no_grad();

    private static TextModel Load(TextFamily family, TextConfig config, string source, Checkpoint checkpoint, ScalarType dtype, WeightStorage storage)
    {
        var weights = new WeightReader(checkpoint, source, dtype, storage);
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
/// <param name="Ids">[row][token], the new tokens only; padding behind the end of rows that stopped before others.</param>
/// <param name="Run">Its logits (B,count,V) are those that each token was taken from.</param>
public sealed record Generation(IReadOnlyList<IReadOnlyList<long>> Ids, Run Run) : IDisposable
{
    /// <summary>New tokens of each row, the one that stopped it included, padding left out.</summary>
    public IReadOnlyList<int> Lengths { get; init; } = [.. Ids.Select(row => row.Count)];

    /// <inheritdoc/>
    public void Dispose() => Run.Dispose();
}
