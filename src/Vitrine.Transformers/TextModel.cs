using Vitrine.Checkpoints;
using Vitrine.Inputs.Chat;
using Vitrine.Inputs.Pictures;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Weights;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>
/// A text model: a decoder, an encoder or a classifier. Where its files hold a tokenizer, it reads and writes words; where it is a model of pictures and texts,
/// prompts may have pictures (<see cref="Sees"/>).
/// </summary>
public sealed class TextModel : Model
{
    private readonly ModelSource source;
    private readonly ClassHead? classes;
    private readonly TokenizerOptions reading;
    private readonly Lazy<Tokenizer> tokenizer;
    private readonly Lazy<GenerationSettings> settings;
    private readonly Lazy<PictureRecipe> recipe;
    private readonly ProcessedWeights? processed;
    private readonly PictureSide? pictures;

    private TextModel(ModelSource source, WeightReader weights, Decoder language, ClassHead? classes, PictureSide? pictures, TokenizerOptions reading)
        : base(source.Location.Name, source.Config.Text("model_type"), weights, [.. pictures is null ? [] : new Stack[] { pictures.Tower }, language],
            [.. pictures?.Shapes ?? [], language.Shape, .. classes?.Shape is { } shape ? [shape] : Array.Empty<Points.StackShape>()])
    {
        (this.source, Language, this.classes, this.pictures, this.reading) = (source, language, classes, pictures, reading);
        tokenizer = new Lazy<Tokenizer>(() => ModelFiles.OpenTokenizer(source.Location, reading));
        settings = new Lazy<GenerationSettings>(() => Transformers.GenerationSettings.Read(source));
        recipe = new Lazy<PictureRecipe>(() => PictureRecipes.Open(source));
    }

    private TextModel(TextModel of, Decoder language, ProcessedWeights processed)
        : base(of, of.Name, [.. of.Towers, language], of.Stacks)
        => (source, Language, classes, reading, tokenizer, settings, recipe, pictures, this.processed)
            = (of.source, language, of.classes, of.reading, of.tokenizer, of.settings, of.recipe, of.pictures, processed);

    /// <summary>Embedding, blocks and head.</summary>
    public Decoder Language { get; }

    /// <summary>Where it lies.</summary>
    public ModelLocation Location => source.Location;

    /// <summary>Names of the classes; null where the model is no classifier.</summary>
    public Labels? Labels => classes?.Labels;

    /// <summary>Whether prompts may have pictures.</summary>
    public bool Sees => pictures is not null;

    /// <summary>From a picture to what the model reads of it.</summary>
    /// <exception cref="VitrineException">The model sees no pictures, or its files do not say how.</exception>
    public PictureRecipe Recipe
    {
        get
        {
            _ = RequireSight("picture recipe");
            return recipe.Value;
        }
    }

    /// <summary>Text to ids and back.</summary>
    /// <exception cref="VitrineException">The model's files hold none, or a broken one.</exception>
    public Tokenizer Tokenizer => tokenizer.Value;

    internal override bool ReadsGenerationConfig => true;

    /// <summary>Ids at which a generation ends, as the files name them; none where they name none.</summary>
    public IReadOnlyList<int> StopIds => GenerationSettings.StopIds;

    /// <summary>What the files say of generation: rules, ends, how tokens are to be drawn.</summary>
    /// <exception cref="VitrineException">A value in them is of the wrong kind; file and key are named.</exception>
    public GenerationSettings GenerationSettings => settings.Value;

    /// <summary>Opens a text model.</summary>
    /// <param name="name">A folder with config.json and weights, a <c>.gguf</c> file, or ORG/NAME in the local cache. Nothing is downloaded.</param>
    /// <param name="options">How; <see cref="ModelOptions.Default"/> when null.</param>
    /// <exception cref="VitrineException">A file, key or tensor is missing, unknown or of another shape, or the model is none of text; it is named.</exception>
    public static TextModel Open(string name, ModelOptions? options = null)
        => (TextModel)ModelCatalog.TextAndImage.Open(name, ModelKind.Text, options);

    /// <summary>Opens weights of any file format under the names of the Hugging Face layout; the model has no tokenizer.</summary>
    /// <param name="config">The keys of a config.json.</param>
    /// <param name="checkpoint">The model owns it from here on, also when it cannot be opened.</param>
    /// <param name="options">How; <see cref="ModelOptions.Default"/> when null.</param>
    /// <exception cref="VitrineException">A key or tensor is missing, unknown or of another shape; it is named.</exception>
    public static TextModel Open(ConfigReader config, Checkpoint checkpoint, ModelOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        var weights = new WeightReader(checkpoint, config.Source, options ?? ModelOptions.Default);
        try
        {
            var source = new ModelSource(new ModelLocation(config.Source, "", null), config, ModelCatalog.TextAndImage.FamilyOf(config, ModelKind.Text));
            return VisionLanguageFamily.All.FirstOrDefault(f => f.ModelType == config.Text("model_type")) is { } seeing
                ? Load(seeing, source, seeing.Read(config), weights, TokenizerOptions.Default)
                : Load(TextFamily.Of(config), source, weights, TokenizerOptions.Default);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>The template that turns a conversation into a prompt.</summary>
    /// <exception cref="VitrineException">The model has none.</exception>
    public ChatTemplate ChatTemplate() => ModelFiles.OpenChatTemplate(Location, reading);

    /// <summary>Prompts as the model reads them, special tokens included.</summary>
    /// <exception cref="VitrineException">The model has no tokenizer, or a prompt is empty.</exception>
    public TokenBatch Encode(params string[] prompts) => Encode([.. prompts.Select(p => new PicturePrompt(p))]);

    /// <summary>
    /// Prompts with pictures as the model reads them: each picture is prepared as the recipe says, and its placeholder written out as the processor of the
    /// family does.
    /// </summary>
    /// <param name="prompts">Each with one placeholder a picture.</param>
    /// <param name="addSpecialTokens">Whether the tokenizer's own are added; a chat template has written them already.</param>
    /// <exception cref="VitrineException">
    /// The model has no tokenizer, a prompt is empty, there are more placeholders than pictures, or fewer, or the model sees no pictures.
    /// </exception>
    public TokenBatch Encode(IReadOnlyList<PicturePrompt> prompts, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        if (pictures is null)
        {
            return prompts.Any(p => p.Pictures.Count > 0)
                ? throw new VitrineException($"prompt: has {prompts.Max(p => p.Pictures.Count)} pictures; this {Family} model reads texts alone.")
                : TokenBatch.Of(Tokenizer.EncodeBatch(prompts.Select(p => p.Text), addSpecialTokens));
        }

        Preparation[][] seen = [.. prompts.Select(p => p.Pictures.Select(Recipe.Prepare).ToArray())];
        return TokenBatch.Of([.. prompts.Select((p, r) => pictures.Encode(p.Text, seen[r], Tokenizer, addSpecialTokens))]).With(seen);
    }

    /// <summary>Where the tokens of a batch stand for the decoder, as its position ids say.</summary>
    /// <exception cref="VitrineException">A row has other placeholders than its pictures give tokens.</exception>
    public TokenPositions PositionsOf(TokenBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var placed = pictures?.Place(Language, batch) ?? DecoderInput.Of(Language, batch);
        return new TokenPositions(placed.PositionIds ?? [placed.Positions], placed.PositionShift ?? new long[batch.Ids.Count]);
    }

    /// <summary>The text that stands for a picture in a prompt, e.g. <c>&lt;image&gt;</c>.</summary>
    /// <exception cref="VitrineException">The model sees no pictures, or its tokenizer does not know the placeholder.</exception>
    public string PicturePlaceholder => RequireSight("picture").Placeholder(Tokenizer);

    /// <summary>For each row of a batch, what every token of its pictures shows; none in a model that sees no pictures.</summary>
    /// <exception cref="VitrineException">A row has other placeholders than its pictures give tokens.</exception>
    public IReadOnlyList<IReadOnlyList<PictureToken>> PictureTokensOf(TokenBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return pictures?.TokensOf(batch) ?? [.. batch.Ids.Select(_ => (IReadOnlyList<PictureToken>)[])];
    }

    /// <summary>Its image tower, as an encoder of its own: where its heads look, what its neurons answer to.</summary>
    /// <param name="owns">Whether this model is disposed with it; otherwise it must outlive it.</param>
    /// <exception cref="VitrineException">The model sees no pictures, or its files do not say how.</exception>
    public VisionModel See(bool owns = false) => new(this, RequireSight("image tower").Tower, pictures!.Alone(Recipe), owns);

    /// <summary>One forward pass over a text.</summary>
    /// <param name="prompt">In words.</param>
    /// <param name="plan">What to read and change; nothing when null.</param>
    public Run Run(string prompt, RunPlan? plan = null) => Run(Encode(prompt), plan);

    /// <summary>One forward pass over prompts.</summary>
    /// <param name="batch">Prompts.</param>
    /// <param name="plan">What to read and change, and where to stop; nothing when null.</param>
    /// <param name="from">Where to start; at the embeddings when null.</param>
    /// <returns>
    /// Logits (B,T,V) and what was captured; class logits (B,classes) of a classifier; hidden states (B,T,d) of an encoder without head; the residual (B,T,d)
    /// where the plan stops early. T counts the columns that were computed.
    /// </returns>
    public Run Run(TokenBatch batch, RunPlan? plan = null, RunStart? from = null) => With(plan, bound => Run(batch, bound, from));

    /// <summary>The same under a plan that was bound before (<see cref="Model.Bind"/>).</summary>
    public Run Run(TokenBatch batch, BoundPlan plan, RunStart? from = null)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (classes is not null && from?.Column > 0)
        {
            throw new VitrineException("run: a classifier's deciding token may stand before the column where the run starts; start at column 0.");
        }

        return ComputePart(plan, batch.Ids.Count, run => Output(run, batch, from), KindsOf(batch), Language, from, RunningFor(batch));
    }

    /// <summary>The logit lens of a text: what the model would say if it stopped behind each block, at every position.</summary>
    /// <param name="prompt">In words.</param>
    /// <param name="plan">What to change meanwhile; nothing when null.</param>
    /// <param name="count">Tokens to keep at each place.</param>
    /// <exception cref="VitrineException">The model has no head over a vocabulary, or no tokenizer.</exception>
    public LogitLens Lens(string prompt, RunPlan? plan = null, int count = 5) => Lens(Encode(prompt), plan, count);

    /// <summary>The logit lens of prompts.</summary>
    /// <param name="batch">Prompts.</param>
    /// <param name="plan">What to change meanwhile; nothing when null.</param>
    /// <param name="count">Tokens to keep at each place.</param>
    /// <exception cref="VitrineException">The model has no head over a vocabulary.</exception>
    public LogitLens Lens(TokenBatch batch, RunPlan? plan = null, int count = 5)
    {
        if (Language.Shape.Vocabulary == 0)
        {
            throw new VitrineException($"{Name}: this {Family} model has no head over a vocabulary, which the logit lens reads in.");
        }

        using var run = Run(batch, (plan ?? RunPlan.Empty).Then(RunPlan.Capturing(LogitLens.Needs(Language.Shape))));
        return LogitLens.Of(Language, run, Tokenizer.Shown, count);
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

    /// <summary>
    /// Greedy generation with a key/value cache, under the rules of the model's files; the plan acts in the prefill and in every step that its scopes name.
    /// </summary>
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

    /// <summary>
    /// Generation with a key/value cache: greedy or sampled, to a number of tokens or to a stop; the plan acts in the prefill and in every step that its scopes
    /// name.
    /// </summary>
    /// <param name="batch">Prompts.</param>
    /// <param name="options">How tokens are chosen, and when a row stops.</param>
    /// <param name="plan">What to read and change. Gradients are those of the logits, the chosen tokens held as they are.</param>
    /// <param name="from">Where the prefill starts; at the embeddings when null.</param>
    /// <param name="progress">Hears of each step's tokens as soon as they are chosen, on the calling thread.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <exception cref="VitrineException">
    /// The model has no vocabulary to answer in, a setting means nothing, or the model's files ask for what is not computed; file and key are named.
    /// </exception>
    public Generation Generate(
        TokenBatch batch, GenerationOptions options, RunPlan? plan = null, RunStart? from = null, IProgress<GeneratedStep>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        if (Language.Head is null || Language.Spec.Attention.Mask is not (AttentionMask.Causal or AttentionMask.Prefix))
        {
            throw new VitrineException($"generate: this {Family} model does not predict a next token.");
        }

        if (batch.PositionIds is not null)
        {
            throw new VitrineException("generate: position ids of a caller's own are read by single passes only.");
        }

        if (plan?.StopAfter is { } stop)
        {
            throw new VitrineException($"plan: stops after block {stop}; a generation cannot stop before its end.");
        }

        if (options.Rules is null && UsesGenerationConfig)
        {
            GenerationSettings.RequireComputed();
            options = options with { Rules = GenerationSettings.Rules };
        }

        int[][] prompts = [.. batch.Ids.Zip(batch.Positions, (ids, positions) => ids.Where((_, i) => positions[i] >= 0).ToArray())];
        var choice = new TokenChoice(options, batch.Ids.Count, progress, prompts);
        int[][] ids = [];
        var made = With(plan, bound => ComputePart(bound, batch.Ids.Count, Decoded, KindsOf(batch), Language, from, RunningFor(batch)));
        return new Generation(ids, made) { Lengths = [.. choice.Texts.Select(t => t.Count)] };

        Tensor? Decoded(RunScope run)
        {
            (ids, var logits) = Language.Decode(run, Input(run, batch), choice, from, cancellation);
            return logits;
        }
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
        return new TextModel(this, Language.Processed(weights), weights);
    }

    internal static TextModel Load(TextFamily family, ModelSource source, ModelOptions options)
    {
        _ = family.Read(source.Config); // a wrong key is told before weights are looked at
        var weights = source.Weights(options, outlines: true);
        try
        {
            return Load(family, source, weights, options.Tokenizer);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    private static TextModel Load(TextFamily family, ModelSource source, WeightReader weights, TokenizerOptions reading)
    {
        var (language, classes) = family.Load(weights, family.Read(source.Config));
        weights.RefuseOthers(family.IsUnused);
        return new TextModel(source, weights, language, classes, pictures: null, reading);
    }

    internal static TextModel Load(VisionLanguageFamily family, ModelSource source, ModelOptions options)
    {
        var load = family.Read(source.Config);
        var weights = source.Weights(options);
        try
        {
            return Load(family, source, load, weights, options.Tokenizer);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    private static TextModel Load(
        VisionLanguageFamily family, ModelSource source, Func<WeightReader, VisionLanguageParts> load, WeightReader weights, TokenizerOptions reading)
    {
        var (pictures, language) = load(weights);
        weights.RefuseOthers(family.IsUnused);
        return new TextModel(source, weights, language, classes: null, pictures, reading);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        processed?.Dispose();
        base.Dispose(disposing);
    }

    private DecoderInput Input(RunScope run, TokenBatch batch) => batch.Pictures is not null || pictures is not null
        ? RequireSight("pictures").Input(run, Language, batch)
        : DecoderInput.Of(Language, batch);

    private TokenKinds KindsOf(TokenBatch batch)
        => pictures is null || batch.Pictures is null || batch.Kinds.Rows is not null ? batch.Kinds : pictures.Kinds(batch, Language.Shape.Name);

    /// <summary>Stacks that run: without pictures, no tower does.</summary>
    private HashSet<string>? RunningFor(TokenBatch batch)
        => pictures is not null && batch.Pictures is null ? [.. Stacks.Except(pictures.Shapes).Select(s => s.Name)] : null;

    private PictureSide RequireSight(string what)
        => pictures ?? throw new VitrineException($"{what}: this {Family} model reads texts alone; expected a model of pictures and texts.");

    private Tensor Output(RunScope run, TokenBatch batch, RunStart? from)
    {
        var input = Input(run, batch);
        using var pass = Language.PassOver(run, input, from?.Column ?? 0);
        var residual = Language.Residual(input, pass, from);
        if (!run.Range!.ToTheEnd)
        {
            run.Answer = "residual";
            return residual;
        }

        run.Answer = classes is not null ? "class logits" : Language.Head is not null ? "logits" : "hidden states";
        var hidden = Language.FinalNorm(residual, pass);
        return classes is not null ? classes.Forward(hidden, classes.Deciding(batch), pass)
            : Language.Head is not null ? Language.Logits(hidden, pass)
            : hidden;
    }
}

/// <summary>What was generated.</summary>
/// <param name="Ids">[row][token], the new tokens only; padding behind the end of rows that stopped before others.</param>
/// <param name="Run">Its logits (B,count,V) are those that each token was taken from.</param>
public sealed record Generation(IReadOnlyList<IReadOnlyList<int>> Ids, Run Run) : IDisposable
{
    /// <summary>New tokens of each row, the one that stopped it included, padding left out.</summary>
    public IReadOnlyList<int> Lengths { get; init; } = [.. Ids.Select(row => row.Count)];

    /// <inheritdoc/>
    public void Dispose() => Run.Dispose();
}
