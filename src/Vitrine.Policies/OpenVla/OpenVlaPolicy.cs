using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Policies.Actions;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using static TorchSharp.torch;

namespace Vitrine.Policies.OpenVla;

/// <summary>OpenVLA: a picture and an instruction to seven action tokens (Kim et al. 2024).</summary>
/// <remarks>Two image towers, a projector, and a Llama that reads the beginning-of-text token, the image tokens, then the prompt.</remarks>
public sealed class OpenVlaPolicy : Policy
{
    private static readonly string[] Names = ["dx", "dy", "dz", "droll", "dpitch", "dyaw", "gripper"];
    private readonly Parts parts;
    private readonly IReadOnlyDictionary<string, string> prefixes;
    private readonly InstructionPrompt prompt;

    private OpenVlaPolicy(ModelSource source, WeightReader weights, Parts parts, IReadOnlyDictionary<string, string> prefixes)
        : base(source, weights, [.. parts.Towers, parts.Language], [.. parts.Towers.Select(t => t.Shape), parts.Projector.Shape, parts.Language.Shape])
    {
        (this.parts, this.prefixes, prompt) = (parts, prefixes, new InstructionPrompt(parts.Tokenizer, parts.Template));
    }

    /// <summary>What its files say of generation; an action is generated.</summary>
    internal override bool ReadsGenerationConfig => true;

    private Lazy<GenerationSettings> Settings { get; init; } = null!;

    /// <summary>What the keys of its config.json do, beside those of every family.</summary>
    public static IReadOnlyList<CompanionKey> ConfigKeys => OpenVlaKeys.All;

    /// <summary>How instructions are put to it.</summary>
    public PromptTemplate Template => parts.Template;

    /// <inheritdoc/>
    public override Decoder Language => parts.Language;

    /// <inheritdoc/>
    public override Tokenizer Tokenizer => parts.Tokenizer;

    /// <summary>From a picture to the towers' pixels.</summary>
    public override PictureRecipe Recipe => parts.Recipe;

    /// <inheritdoc/>
    public override ActionTokens Actions => parts.Actions;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ActionNames
        => parts.Statistics.Values.First().Dimensions is var count && count == Names.Length ? Names : [.. Enumerable.Range(0, count).Select(d => $"{d}")];

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> UnitKeys => [.. parts.Statistics.Keys];

    /// <inheritdoc/>
    public override PolicyNeeds Needs => new() { Cameras = [Observation.OnlyCamera], ReadsOnePicture = true, NeedsEveryCamera = true, Horizon = 1 };

    /// <summary>Image tokens that stand behind the first token of the prompt.</summary>
    public override int ImageTokens => Towers[0].Grid * Towers[0].Grid;

    /// <summary>How many weights of the checkpoint belong to a stack, unused ones included.</summary>
    public override long ParametersOfStack(string stack) => prefixes.TryGetValue(stack, out var prefix)
        ? ParametersOf(prefix)
        : throw new VitrineException($"{Folder}: has no stack '{stack}', only {string.Join(", ", prefixes.Keys)}.");

    /// <summary>Opens a folder in the layout of the published checkpoints.</summary>
    /// <param name="name">A folder, ORG/NAME in the cache, or an embedded policy.</param>
    /// <param name="options">How.</param>
    /// <exception cref="VitrineException">A file, key or tensor is missing, unknown or of another shape; it is named.</exception>
    public static OpenVlaPolicy Open(string name, OpenVlaOptions? options = null) => (OpenVlaPolicy)Policy.Open(name, options);

    /// <summary>Opens a policy that the catalogue found.</summary>
    internal static OpenVlaPolicy Load(ModelSource source, ModelOptions opening)
    {
        var (folder, config, options) = (source.Location.Folder, source.Config, opening as OpenVlaOptions ?? new OpenVlaOptions());
        var text = Llama.Read(config.Object("text_config"));
        var described = VisionTowers.Read(config, options.TimmArguments);
        var statistics = ActionStatistics.Open(source.Location.FolderOf("dataset_statistics.json"), config);
        var actions = new ActionTokens(text.Vocabulary - config.Count("pad_to_multiple_of", 64), config.Size("n_action_bins", 256));
        var tokenizer = ModelFiles.OpenTokenizer(source.Location, opening.Tokenizer);
        var recipe = PictureRecipe.Open(folder).PrecededBy(options.Before);
        var template = options.Template ?? PromptTemplate.Of(folder, config.Has("_name_or_path") ? config.Text("_name_or_path") : null);
        var maxLength = config.Size("llm_max_length", 2048);
        config.Sizes("image_sizes");
        OpenVlaKeys.RefuseOthers(config);
        var weights = source.Weights(opening);
        try
        {
            VisionTowers.RequireFitting(config, described, weights, $"{nameof(OpenVlaOptions)}.{nameof(OpenVlaOptions.TimmArguments)}");
            Tower[] towers = [.. described.Select(t => TimmVisionTransformer.Load(weights, t.Prefix, t.Config, t.Name, t.BlocksToRun, t.BlocksToRun - 1,
                "scale_factor"))];
            if (towers[0].Grid != towers[^1].Grid)
            {
                throw new VitrineException($"{config.Source}: the towers see {towers[0].Grid} and {towers[^1].Grid} patches on a side; they must agree.");
            }

            var prefixes = described.ToDictionary(t => t.Name, t => t.Prefix);
            (prefixes["projector"], prefixes["language"]) = ("projector.", "language_model.");
            var projector = new Projector(weights, towers.Sum(t => t.Shape.Width), text.Spec.Width, isFused: towers.Length == 2);
            var language = LlamaLayout.Load(weights.Under("language_model."), text).Decoder;
            weights.RefuseOthers(name => LlamaLayout.IsUnused(name) || described.Any(t => TimmVisionTransformer.IsUnused(name, t.Prefix, t.BlocksToRun)));
            return new OpenVlaPolicy(
                source, weights, new Parts(towers, projector, language, tokenizer, recipe, statistics, actions, template, maxLength), prefixes)
            {
                Settings = new Lazy<GenerationSettings>(() => GenerationSettings.Read(source)),
            };
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>How actions of a data set were normalised.</summary>
    /// <param name="key">
    /// Its name; may be null when there is only one. LIBERO's sets are found without the <c>_no_noops</c> of their filtered copies, as the published evaluation
    /// does.
    /// </param>
    /// <exception cref="VitrineException">It is unknown; the known ones are named.</exception>
    public ActionStatistics Statistics(string? key)
    {
        RequireUnits(key);
        return key is null ? parts.Statistics.Values.First() : parts.Statistics.TryGetValue(key, out var found) ? found : parts.Statistics[$"{key}_no_noops"];
    }

    /// <summary>Ids of an instruction's prompt, image tokens left out.</summary>
    /// <remarks>
    /// OpenVLA reads the lone space piece behind the prompt (id 29871 of Llama's vocabulary); a vocabulary without that piece does without it.
    /// </remarks>
    /// <exception cref="VitrineException">There is no instruction.</exception>
    public int[] PromptIds(string instruction) => prompt.Ids(instruction);

    /// <inheritdoc/>
    public override PromptLayout Layout(IReadOnlyList<Observation> observations)
    {
        ArgumentNullException.ThrowIfNull(observations);
        return Layout([.. observations.Select(o => PromptIds(o.Instruction))]);
    }

    /// <summary>Acts on prepared pixels and prompt ids.</summary>
    /// <param name="pixels">(B,6,S,S), DINO's three channels first.</param>
    /// <param name="prompts">Ids of each row, image tokens left out.</param>
    /// <param name="plan">What to read and change.</param>
    /// <param name="units">Whose units to answer in.</param>
    /// <param name="cancellation">Stops between passes.</param>
    public PolicyRun Act(Tensor pixels, IReadOnlyList<int[]> prompts, RunPlan? plan = null, string? units = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        ArgumentNullException.ThrowIfNull(prompts);
        using var bound = Bind(plan ?? RunPlan.Empty);
        return Act(() => pixels.alias(), Layout(prompts),
            new ActRequest { Observations = [], Plan = bound, Units = units, Options = new ActOptions(), Cancellation = cancellation });
    }

    /// <inheritdoc/>
    protected internal override PolicyRun Act(ActRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Act(() => Pixels(request.Observations), Layout(request.Observations), request);
    }

    /// <inheritdoc/>
    protected internal override void RequireUnits(string? units)
        => base.RequireUnits(units is not null && !UnitKeys.Contains(units) && UnitKeys.Contains($"{units}_no_noops") ? $"{units}_no_noops" : units);

    /// <summary>The recipe of one tower out of that of the pair.</summary>
    protected internal override PictureRecipe RecipeOf(Tower tower)
    {
        if (Recipe.Sequence.Count == 0 || Recipe.Sequence[^1] is not Towers pair)
        {
            return Recipe;
        }

        IPictureStep[] steps = [.. Recipe.Sequence.SkipLast(1), .. pair.Recipes[Towers.ToList().IndexOf(tower)]];
        return new PictureRecipe(steps, 3, Recipe.Height, Recipe.Width) { Engine = Recipe.Engine };
    }

    /// <summary>Reads sequences whose answers stand in them, as in training: what it says at chosen tokens.</summary>
    /// <param name="plan">Bound to this policy; weights have gradients where it names any.</param>
    /// <param name="pictures">Seen by the towers once each; null where the sequences have no picture.</param>
    /// <param name="frames">[row]: whose picture stands behind its first token.</param>
    /// <param name="sequences">[row][token], image tokens left out.</param>
    /// <param name="wanted">Rows and columns, image tokens counted.</param>
    /// <returns>A run whose output is the logits (wanted,V).</returns>
    internal Run Taught(
        BoundPlan plan, IReadOnlyList<Observation>? pictures, IReadOnlyList<int> frames, IReadOnlyList<int[]> sequences,
        IReadOnlyList<(int Row, int Column)> wanted)
    {
        var image = pictures is null ? 0 : ImageTokens;
        return Compute(plan, sequences.Count, Said, kinds: null, Language);

        Tensor Said(RunScope scope)
        {
            var batch = TokenBatch.Of([.. sequences]);
            var input = new DecoderInput([.. batch.Positions.Select(row => Insert(row, image))], () => Embedded(scope, batch));
            using var pass = Language.PassOver(scope, input);
            var normed = Language.FinalNorm(Language.Residual(input, pass, from: null), pass);             // (B, T, d)
            var rows = tensor([.. wanted.Select(w => (long)w.Row)], device: Device);
            var columns = tensor([.. wanted.Select(w => (long)w.Column)], device: Device);
            return Language.Logits(normed.index(TensorIndex.Tensor(rows), TensorIndex.Tensor(columns)), pass);
        }

        Tensor Embedded(RunScope scope, TokenBatch batch)
        {
            var words = Language.Embed(batch.Ids);
            if (pictures is null)
            {
                return words;
            }

            var seen = Seen(scope, Pixels(pictures));                                                      // (frames, P, d)
            return Inserted(words, seen.index_select(0, tensor([.. frames.Select(f => (long)f)], device: Device)));
        }
    }

    private PolicyRun Act(Func<Tensor> pixels, PromptLayout layout, ActRequest request)
    {
        var units = Statistics(request.Units);
        layout = layout with { DecidingSteps = units.Dimensions };
        RequireRoom(layout, units);
        var (options, rows, rules) = (request.Options, layout.Rows.Count, Rules());
        PolicyAction[]? actions = null;
        var run = Compute(request.Plan, rows, Acted, layout.Kinds(), Language, options.From);
        return new PolicyRun(run, layout, actions) { Units = (_, numbers) => [.. numbers.Select((v, d) => units.Unnormalise(d, v))], Tokens = Actions };

        Tensor? Acted(RunScope scope)
        {
            var input = Input(scope, pixels, layout);
            options.Progress?.Report(new ActProgress(0, units.Dimensions));
            if (!scope.Range!.ToTheEnd)
            {
                using var pass = Language.PassOver(scope, input, options.From?.Column ?? 0);
                return Language.Residual(input, pass, options.From);
            }

            var steps = options.Progress is { } progress ? new TokenProgress(progress, units.Dimensions) : null;
            var generation = new GenerationOptions(units.Dimensions) { Rules = rules };
            var choice = new TokenChoice(generation, rows, steps, [.. layout.Rows.Select(r => r.Words.Select(w => w.Id).ToArray())]);
            var (ids, logits) = Language.Decode(scope, input, choice, options.From, request.Cancellation);
            actions = scope.Device.type == TorchSharp.DeviceType.META ? null : ActionReading.Of(ids, logits!, Actions, units);
            return logits;
        }
    }

    /// <remarks>The published model generates its action greedily under the rules of its files; it counts the words of the prompt, not the picture.</remarks>
    private TokenRules Rules()
    {
        if (!UsesGenerationConfig)
        {
            return TokenRules.None;
        }

        Settings.Value.RequireComputed();
        return Settings.Value.Rules;
    }

    /// <summary>Towers and projector run where the decoder starts at its embeddings; the picture goes in behind the first token.</summary>
    private DecoderInput Input(RunScope scope, Func<Tensor> pixels, PromptLayout layout)
    {
        var batch = TokenBatch.Of([.. layout.Rows.Select(r => (IReadOnlyList<int>)[.. r.Words.Select(w => w.Id)])]);
        var image = scope.Range!.FromEmbeddings ? Seen(scope, pixels()) : null;                            // (B, P, d)
        var embedded = image is null ? null : Inserted(Language.Embed(batch.Ids), image);
        return new DecoderInput([.. batch.Positions.Select(row => Insert(row, ImageTokens))], () => embedded!);
    }

    /// <summary>Pictures as the decoder reads them (B,P,d).</summary>
    /// <param name="scope">Of the run.</param>
    /// <param name="pixels">(B,3 x towers,H,W).</param>
    private Tensor Seen(RunScope scope, Tensor pixels)
        => parts.Projector.Forward(scope, cat([.. Towers.Select((tower, i) => tower.Forward(scope, pixels.narrow(1, 3 * i, 3)).Features)], -1));

    /// <summary>Embedded words with a picture behind the first (B,T+P,d).</summary>
    private static Tensor Inserted(Tensor words, Tensor image) => cat([words.narrow(1, 0, 1), image, words.narrow(1, 1, words.shape[1] - 1)], 1);

    private Tensor Pixels(IReadOnlyList<Observation> observations)
    {
        var (c, h, w) = (Recipe.Channels, Recipe.Height, Recipe.Width);
        var pixels = new float[observations.Count * c * h * w];
        for (var i = 0; i < observations.Count; i++)
        {
            Recipe.Apply(observations[i].Picture).CopyTo(pixels, i * c * h * w);
        }

        return tensor(pixels, [observations.Count, c, h, w], device: Device);
    }

    private PromptLayout Layout(IReadOnlyList<int[]> prompts) => new()
    {
        Stack = Language.Shape.Name,
        DecidingSteps = parts.Statistics.Values.First().Dimensions,
        Rows =
        [
            .. prompts.Select(ids => new PromptRow
            {
                Pictures = new Dictionary<string, PromptPicture> { [Observation.OnlyCamera] = new(1, Towers[0].Grid, Towers[0].Grid) },
                Words = [.. ids.Select((id, i) => new PromptWord(i == 0 ? 0 : ImageTokens + i, id))],
                Deciding = ids.Length + ImageTokens - 1,
            }),
        ],
    };

    /// <remarks>The decoder was trained on so many tokens at most; what it does with more is unknown.</remarks>
    private void RequireRoom(PromptLayout layout, ActionStatistics units)
    {
        foreach (var row in layout.Rows)
        {
            if (row.Words.Count == 0)
            {
                throw new VitrineException("act: a prompt has no token; expected at least the first one, behind which the picture stands.");
            }

            if (row.Words.Count + ImageTokens + units.Dimensions > parts.MaxLength)
            {
                throw new VitrineException(
                    $"act: the prompt has {row.Words.Count} tokens; with {ImageTokens} of the picture and {units.Dimensions} of the action that is more than "
                        + $"the {parts.MaxLength} of llm_max_length. Shorten the instruction.");
            }
        }
    }

    private static long[] Insert(IReadOnlyList<long> row, int image)
        => [row[0], .. Enumerable.Range(1, image).Select(i => (long)i), .. row.Skip(1).Select(p => p < 0 ? -1 : p + image)];

    /// <summary>What the policy is made of.</summary>
    private sealed record Parts(
        Tower[] Towers, Projector Projector, Decoder Language, Tokenizer Tokenizer, PictureRecipe Recipe,
        IReadOnlyDictionary<string, ActionStatistics> Statistics, ActionTokens Actions, PromptTemplate Template, int MaxLength);
}
