using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Policies.OpenVla;

/// <summary>OpenVLA: a picture and an instruction to seven action tokens (Kim et al. 2024).</summary>
/// <remarks>Two image towers, a projector, and a Llama that reads the beginning-of-text token, the image tokens, then the prompt. Weights are read-only: acts may go side by side.</remarks>
public sealed class OpenVlaPolicy : IActor, IDisposable
{
    private readonly Checkpoint checkpoint;
    private readonly List<Tensor> owned;
    private readonly VisionStack[] towers;
    private readonly Projector projector;
    private readonly TextStack language;
    private readonly IReadOnlyDictionary<string, ActionStatistics> statistics;
    private readonly StackShape[] shapes;
    private readonly int? emptyToken;
    private readonly int maxLength;
    private readonly Dictionary<string, string> prefixes;

    private OpenVlaPolicy(
        string folder, Checkpoint checkpoint, List<Tensor> owned, VisionStack[] towers, Projector projector, TextStack language, Tokenizer tokenizer, PictureRecipe recipe,
        IReadOnlyDictionary<string, ActionStatistics> statistics, ActionTokens actions, Dictionary<string, string> prefixes, PromptTemplate template, int maxLength)
    {
        (Folder, this.checkpoint, this.owned, this.towers, this.projector, this.language, Tokenizer, Recipe, this.statistics, Actions, this.prefixes) =
            (folder, checkpoint, owned, towers, projector, language, tokenizer, recipe, statistics, actions, prefixes);
        (Template, this.maxLength) = (template, maxLength);
        shapes = [.. towers.Select(t => t.Stack.Shape), projector.Shape, language.Stack.Shape];
        emptyToken = tokenizer.Id("\u2581");
    }

    /// <summary>Where it was opened.</summary>
    public string Folder { get; }

    /// <summary>Identifies the weights: a hash over the files' headers.</summary>
    public string Fingerprint => checkpoint.Fingerprint;

    /// <summary>How many weights the checkpoint holds, unused ones included.</summary>
    public long Parameters => checkpoint.Names.Sum(n => checkpoint.Entry(n).Shape.Aggregate(1L, (a, s) => a * s));

    /// <summary>How many weights of the checkpoint belong to a stack, unused ones included.</summary>
    /// <param name="stack">Its name.</param>
    public long ParametersOf(string stack) => prefixes.TryGetValue(stack, out var prefix)
        ? checkpoint.Names.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).Sum(n => checkpoint.Entry(n).Shape.Aggregate(1L, (a, s) => a * s))
        : throw new VitrineException($"{Folder}: has no stack '{stack}', only {string.Join(", ", prefixes.Keys)}.");

    /// <summary>The decoder that speaks in actions.</summary>
    public Stack Language => language.Stack;

    /// <summary>How instructions are put to it.</summary>
    public PromptTemplate Template { get; }

    /// <summary>The image towers, <c>dino</c> then <c>siglip</c>, or one of them alone.</summary>
    public IReadOnlyList<VisionStack> Towers => towers;

    /// <summary>Every stack of the model, in the order of the pass.</summary>
    public IReadOnlyList<StackShape> Stacks => shapes;

    /// <summary>Words to ids and back.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>From a picture to the towers' pixels.</summary>
    public PictureRecipe Recipe { get; }

    /// <summary>The code of actions as tokens.</summary>
    public ActionTokens Actions { get; }

    /// <summary>Image tokens that stand behind the first token of the prompt.</summary>
    public int ImageTokens => towers[0].Grid * towers[0].Grid;

    /// <summary>Data sets that actions can be un-normalised for.</summary>
    public IReadOnlyCollection<string> UnnormKeys => [.. statistics.Keys];

    /// <summary>Opens a folder in the layout of the published checkpoints.</summary>
    /// <param name="folder">config.json, safetensors, tokenizer.json, preprocessor_config.json, dataset_statistics.json.</param>
    /// <param name="dtype">What to compute in; float64 exists to tell a bug from rounding.</param>
    /// <param name="timmArguments">timm's arguments of the two towers, for a checkpoint whose sizes are not those of its timm names.</param>
    /// <exception cref="VitrineException">A file, key or tensor is missing, unknown or of another shape; it is named.</exception>
    public static OpenVlaPolicy Open(string folder, ScalarType dtype = ScalarType.Float32, IReadOnlyList<JsonElement>? timmArguments = null)
        => Open(folder, new OpenVlaOptions { Dtype = dtype, TimmArguments = timmArguments });

    /// <summary>Opens a folder in the layout of the published checkpoints.</summary>
    /// <param name="folder">config.json, safetensors, tokenizer.json, preprocessor_config.json, and dataset_statistics.json unless config.json has norm_stats.</param>
    /// <param name="options">How.</param>
    /// <exception cref="VitrineException">A file, key or tensor is missing, unknown or of another shape; it is named.</exception>
    public static OpenVlaPolicy Open(string folder, OpenVlaOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var config = ConfigReader.Open(Path.Combine(folder, "config.json"));
        if (config.Text("model_type") is not "openvla" and var other)
        {
            throw new VitrineException($"{config.Source}: model_type is '{other}'; expected 'openvla'.");
        }

        var text = Llama.Read(config.Object("text_config"));
        var described = VisionTowers.Read(config, options.TimmArguments);
        var statistics = ActionStatistics.Open(folder, config);
        var actions = new ActionTokens(text.Vocabulary - config.Count("pad_to_multiple_of", 64), config.Size("n_action_bins", 256));
        var tokenizer = Tokenizer.Open(folder);
        var recipe = PictureRecipe.Open(folder).Behind(options.Before);
        var template = options.Template ?? PromptTemplate.Of(folder, config.Has("_name_or_path") ? config.Text("_name_or_path") : null);
        var maxLength = config.Size("llm_max_length", 2048);
        var checkpoint = Checkpoint.Open(folder);
        var weights = new WeightReader(checkpoint, folder, options.Dtype, options.Storage);
        try
        {
            VisionStack[] towers = [.. described.Select(t => TimmVisionTransformer.Load(weights, t.Prefix, t.Config, t.Name, t.BlocksToRun, t.BlocksToRun - 1, "scale_factor"))];
            if (towers[0].Grid != towers[^1].Grid)
            {
                throw new VitrineException($"{config.Source}: the towers see {towers[0].Grid} and {towers[^1].Grid} patches on a side; they must agree.");
            }

            var prefixes = described.ToDictionary(t => t.Name, t => t.Prefix);
            (prefixes["projector"], prefixes["language"]) = ("projector.", "language_model.");
            var projector = new Projector(weights, towers.Sum(t => t.Stack.Shape.Width), text.Spec.Width, isFused: towers.Length == 2);
            var language = Llama.Load(weights, "language_model.", text);
            weights.RefuseOthers(name => Llama.IsUnused(name) || described.Any(t => TimmVisionTransformer.IsUnused(name, t.Prefix, t.BlocksToRun)));
            return new OpenVlaPolicy(folder, checkpoint, weights.Owned, towers, projector, language, tokenizer, recipe, statistics, actions, prefixes, template, maxLength);
        }
        catch
        {
            weights.Owned.ForEach(t => t.Dispose());
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>How actions of a data set were normalised.</summary>
    /// <param name="key">Its name; may be null when there is only one. LIBERO's sets are found without the <c>_no_noops</c> of their filtered copies, as the published evaluation does.</param>
    /// <exception cref="VitrineException">It is unknown; the known ones are named.</exception>
    public ActionStatistics Statistics(string? key)
        => key is null && statistics.Count == 1 ? statistics.Values.First()
            : key is not null && (statistics.TryGetValue(key, out var found) || statistics.TryGetValue($"{key}_no_noops", out found)) ? found
            : throw new VitrineException($"{Folder}: {(key is null ? "an unnorm_key is needed" : $"unknown unnorm_key '{key}'")}; known are {string.Join(", ", statistics.Keys.Order(StringComparer.Ordinal))}.");

    /// <summary>The prompt of an instruction, as openvla-7b and its fine-tunes were trained on it; <see cref="Template"/> is this checkpoint's own.</summary>
    public static string Prompt(string instruction) => PromptTemplate.Current.Text(instruction);

    /// <summary>Ids of an instruction's prompt, image tokens left out.</summary>
    /// <remarks>OpenVLA reads the lone space piece behind the prompt (id 29871 of Llama's vocabulary); a vocabulary without that piece does without it.</remarks>
    /// <exception cref="VitrineException">There is no instruction.</exception>
    public long[] PromptIds(string instruction)
    {
        if (string.IsNullOrWhiteSpace(instruction))
        {
            throw new VitrineException("act: the instruction is empty; expected what the robot is to do, e.g. 'pick up the red block'.");
        }

        var ids = Tokenizer.Encode(Template.Text(instruction)).Select(i => (long)i).ToArray();
        return emptyToken is { } empty && ids[^1] != empty ? [.. ids, empty] : ids;
    }

    /// <summary>Acts on observations, each as if it were alone.</summary>
    /// <param name="observations">At least one.</param>
    /// <param name="plan">What to read and change. Step 0 reads picture and prompt and predicts dimension 0; step k reads action token k-1.</param>
    /// <param name="unnormKey">Whose units to answer in; may be null when the checkpoint has one data set.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <exception cref="VitrineException">An instruction is empty or too long, a picture is refused, the data set is unknown, or the plan does not fit.</exception>
    public PolicyRun Act(IReadOnlyList<Observation> observations, RunPlan? plan = null, string? unnormKey = null, CancellationToken cancellation = default)
        => Act(observations, plan, unnormKey, progress: null, cancellation);

    /// <summary>Acts on observations, each as if it were alone, and tells how far it is.</summary>
    /// <param name="observations">At least one.</param>
    /// <param name="plan">What to read and change.</param>
    /// <param name="unnormKey">Whose units to answer in.</param>
    /// <param name="progress">Hears of the picture and of each action token, on the calling thread.</param>
    /// <param name="cancellation">Stops between passes.</param>
    public PolicyRun Act(IReadOnlyList<Observation> observations, RunPlan? plan, string? unnormKey, IProgress<ActProgress>? progress, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(observations);
        if (observations.Count == 0)
        {
            throw new VitrineException("act: there is no observation.");
        }

        var (c, h, w) = (Recipe.Channels, Recipe.Height, Recipe.Width);
        var pixels = new float[observations.Count * c * h * w];
        for (var i = 0; i < observations.Count; i++)
        {
            Recipe.Apply(observations[i].Picture).CopyTo(pixels, i * c * h * w);
        }

        using var tensorOfPixels = tensor(pixels, [observations.Count, c, h, w]);
        return Act(tensorOfPixels, [.. observations.Select(o => PromptIds(o.Instruction))], plan, unnormKey, progress, cancellation);
    }

    /// <summary>Acts on prepared pixels and prompt ids.</summary>
    /// <param name="pixels">(B,6,S,S), DINO's three channels first.</param>
    /// <param name="prompts">Ids of each row, image tokens left out.</param>
    /// <param name="plan">What to read and change.</param>
    /// <param name="unnormKey">Whose units to answer in.</param>
    /// <param name="cancellation">Stops between passes.</param>
    public PolicyRun Act(Tensor pixels, IReadOnlyList<long[]> prompts, RunPlan? plan = null, string? unnormKey = null, CancellationToken cancellation = default)
        => Act(pixels, prompts, plan, unnormKey, progress: null, cancellation);

    private PolicyRun Act(Tensor pixels, IReadOnlyList<long[]> prompts, RunPlan? plan, string? unnormKey, IProgress<ActProgress>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        ArgumentNullException.ThrowIfNull(prompts);
        var units = Statistics(unnormKey);
        RequireRoom(prompts, units);
        var bound = BoundPlan.Bind(plan ?? RunPlan.Empty, shapes, Language.Dtype, prompts.Count, Kinds(prompts));
        if (bound.NeedsGradients)
        {
            throw new VitrineException("act: gradients are asked of a single pass, not of seven decoded tokens.");
        }

        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var kept = new Dictionary<Address, Tensor>();
        var features = towers.Select((tower, i) => tower.Forward(pixels.narrow(1, 3 * i, 3), bound, kept).Features).ToArray();
        var image = projector.Forward(cat(features, -1), bound, kept);                                     // (B, P, d)
        var batch = TokenBatch.Of([.. prompts.Select(p => (IReadOnlyList<long>)p)]);
        var words = language.Embed(tensor([.. batch.Ids.SelectMany(r => r)], [batch.Ids.Count, batch.Ids[0].Count]));
        var embedded = cat([words.narrow(1, 0, 1), image, words.narrow(1, 1, words.shape[1] - 1)], 1);     // the picture goes in behind the first token
        var positions = batch.Positions.Select(row => Insert(row, (int)image.shape[1])).ToArray();
        progress?.Report(new ActProgress(0, units.Dimensions));
        var choice = new TokenChoice(new GenerationOptions(units.Dimensions), prompts.Count, progress is null ? null : new Steps(progress, units.Dimensions));
        var (ids, logits) = language.Decode(embedded, positions, choice, bound, kept, cancellation);
        return new PolicyRun(ActionReading.Of(ids, logits!, Actions, units), new Run(kept, logits!.DetachFromDisposeScope()));
    }

    /// <inheritdoc/>
    IReadOnlyList<double[]> IActor.Act(IReadOnlyList<Observation> observations, CancellationToken cancellation)
    {
        using var run = Act(observations, cancellation: cancellation);
        return [.. run.Actions.Select(a => a.Values.ToArray())];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        owned.ForEach(t => t.Dispose());
        checkpoint.Dispose();
    }

    /// <remarks>The decoder was trained on so many tokens at most; what it does with more is unknown.</remarks>
    private void RequireRoom(IReadOnlyList<long[]> prompts, ActionStatistics units)
    {
        foreach (var prompt in prompts)
        {
            if (prompt.Length == 0)
            {
                throw new VitrineException("act: a prompt has no token; expected at least the first one, behind which the picture stands.");
            }

            if (prompt.Length + ImageTokens + units.Dimensions > maxLength)
            {
                throw new VitrineException(
                    $"act: the prompt has {prompt.Length} tokens; with {ImageTokens} of the picture and {units.Dimensions} of the action that is more than the {maxLength} of llm_max_length. Shorten the instruction.");
            }
        }
    }

    /// <summary>Which tokens are the picture's and which the text's, so that edits can name them <c>image</c> and <c>text</c>.</summary>
    private TokenKinds Kinds(IReadOnlyList<long[]> prompts) => new(new Dictionary<string, IReadOnlyList<IReadOnlyList<long>>>
    {
        ["image"] = [.. prompts.Select(_ => Enumerable.Range(1, ImageTokens).Select(i => (long)i).ToArray())],
        ["text"] = [.. prompts.Select(p => new[] { 0L }.Concat(Enumerable.Range(ImageTokens + 1, Math.Max(0, p.Length - 1)).Select(i => (long)i)).ToArray())],
    });

    private static long[] Insert(IReadOnlyList<long> row, int image)
        => [row[0], .. Enumerable.Range(1, image).Select(i => (long)i), .. row.Skip(1).Select(p => p < 0 ? -1 : p + image)];

    private sealed class Steps(IProgress<ActProgress> progress, int dimensions) : IProgress<GeneratedStep>
    {
        public void Report(GeneratedStep value) => progress.Report(new ActProgress(value.Step + 1, dimensions));
    }
}
