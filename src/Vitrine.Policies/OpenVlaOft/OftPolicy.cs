using Vitrine.Inputs.Pictures;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Policies.OpenVlaOft;

/// <summary>OpenVLA-OFT: pictures, a state and an instruction to a chunk of actions in one pass (Kim et al. 2025).</summary>
/// <remarks>
/// OpenVLA's towers, projector and Llama, in which every token sees every other; behind the prompt stand as many empty tokens as the chunk has numbers, and a
/// head reads the chunk off the hidden states one place before each of them, where a decoder would have said them.
/// </remarks>
public sealed class OftPolicy : Policy
{
    private const string ProprioPart = "proprio", ActionPart = "action";

    /// <summary>Stands where a number of the chunk will be read (its embedding is set to zero), and behind all of them.</summary>
    private const int PlaceholderId = 1, StopId = 2;

    private static readonly string[] Names = ["dx", "dy", "dz", "droll", "dpitch", "dyaw", "gripper"];
    private readonly Parts parts;
    private readonly InstructionPrompt prompt;
    private readonly WeightReader[] files;

    private OftPolicy(ModelSource source, WeightReader weights, WeightReader[] files, Parts parts)
        : base(source, weights, [.. parts.Towers, parts.Language], [.. Shapes(parts)], parts.Files.All)
        => (this.parts, this.files, prompt) = (parts, files, new InstructionPrompt(parts.Tokenizer, parts.Template));

    /// <summary>How instructions are put to it.</summary>
    public PromptTemplate Template => parts.Template;

    /// <inheritdoc/>
    public override Decoder Language => parts.Language;

    /// <inheritdoc/>
    public override Tokenizer Tokenizer => parts.Tokenizer;

    /// <summary>From a picture to the towers' pixels.</summary>
    public override PictureRecipe Recipe => parts.Recipe;

    /// <summary>Tokens of one picture.</summary>
    public override int ImageTokens => Towers[0].Grid * Towers[0].Grid;

    /// <summary>Control steps of a chunk.</summary>
    public int Horizon => parts.Chunk;

    /// <summary>The whole chunk is carried out.</summary>
    public override int ActionSteps => parts.Chunk;

    /// <summary>Numbers of the state that it reads; 0 where it reads none.</summary>
    public int StateWidth => parts.Proprio?.Width ?? 0;

    /// <inheritdoc/>
    public override PolicyNeeds Needs => new() { StateWidth = StateWidth, Horizon = Horizon };

    /// <inheritdoc/>
    public override IReadOnlyList<string> ActionNames
        => parts.Head.Dimensions == Names.Length ? Names : [.. Enumerable.Range(0, parts.Head.Dimensions).Select(d => $"{d}")];

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> UnitKeys => [.. parts.Statistics.Keys];

    /// <summary>Opens a fine-tune: an OpenVLA checkpoint with <c>action_head--STEP_checkpoint.pt</c> beside it.</summary>
    /// <param name="name">A folder, or ORG/NAME in the cache.</param>
    /// <param name="options">How.</param>
    /// <exception cref="VitrineException">A file, key or tensor is missing, unknown or of another shape; it is named.</exception>
    public static OftPolicy Open(string name, OftOptions? options = null) => (OftPolicy)Policy.Open(name, options);

    internal static OftPolicy Load(ModelSource source, ModelOptions opening)
    {
        var (folder, config, options) = (source.Location.Folder, source.Config, opening as OftOptions ?? new OftOptions());
        var text = Llama.Read(config.Object("text_config")).Attending((a, _) => a with { Mask = AttentionMask.Full });
        var described = VisionTowers.Read(config, options.TimmArguments);
        var (read, actionHead, proprioProjector) = (new PolicyFiles(), OftFiles.ActionHead(folder), OftFiles.ProprioProjector(folder));
        read.Add(actionHead, "the head that answers with numbers");
        var files = new List<WeightReader> { OftFiles.Weights(actionHead, opening) };
        WeightReader? weights = null;
        try
        {
            var head = new L1Head(files[0], text.Spec.Width);
            ProprioProjector? proprio = null;
            if (proprioProjector is not null)
            {
                read.Add(proprioProjector, "from a state to a token");
                files.Add(OftFiles.Weights(proprioProjector, opening));
                proprio = new ProprioProjector(files[^1], text.Spec.Width);
            }

            var statistics = OftStatistics.Open(
                source.Location.FolderOf("dataset_statistics.json"), config, options.BetweenExtremes ?? head.Dimensions == 14);
            var template = options.Template ?? PromptTemplate.Of(folder, config.Has("_name_or_path") ? config.Text("_name_or_path") : null);
            var maxLength = config.Size("llm_max_length", 2048);
            _ = (config.Size("n_action_bins", 256), config.Count("pad_to_multiple_of", 64), config.Sizes("image_sizes"));
            OpenVlaKeys.RefuseOthers(config);
            weights = source.Weights(opening);
            VisionTowers.RequireFitting(config, described, weights, $"{nameof(OftOptions)}.{nameof(OftOptions.TimmArguments)}");
            Tower[] towers = [.. described.Select(t => TimmVisionTransformer.Load(
                weights, t.Prefix, t.Config, t.Name, t.BlocksToRun, t.BlocksToRun - 1, "scale_factor"))];
            var projector = new Projector(weights, towers.Sum(t => t.Shape.Width), text.Spec.Width, isFused: towers.Length == 2);
            var language = LlamaLayout.Load(weights.Under("language_model."), text).Decoder;
            weights.RefuseOthers(name => LlamaLayout.IsUnused(name) || described.Any(t => TimmVisionTransformer.IsUnused(name, t.Prefix, t.BlocksToRun)));
            return new OftPolicy(source, weights, [.. files], new Parts(
                towers, projector, language, ModelFiles.OpenTokenizer(source.Location, opening.Tokenizer),
                PictureRecipe.Open(folder).PrecededBy(options.Before), statistics, template, head, proprio,
                options.Chunk ?? ChunkOf(folder, head.Dimensions, proprio?.Width), maxLength, read));
        }
        catch
        {
            files.ForEach(f => f.Dispose());
            weights?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override PromptLayout Layout(IReadOnlyList<Observation> observations)
    {
        ArgumentNullException.ThrowIfNull(observations);
        return new PromptLayout
        {
            Stack = Language.Shape.Name,
            DecidingSteps = 1,
            Rows = [.. observations.Select(Row)],
            Towers = Towers.Select(t => t.Shape.Name).Append(parts.Projector.Shape.Name).ToDictionary(t => t, _ => ImageTokens),
        };
    }

    /// <inheritdoc/>
    protected internal override PolicyRun Act(ActRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var units = Statistics(request.Units);
        var layout = Layout(request.Observations);
        if (request.Options.From is { Column: > 0 })
        {
            throw new VitrineException($"{Name}: every token sees every other; a run starts at column 0.");
        }

        PolicyAction[]? actions = null;
        var run = Compute(request.Plan, layout.Rows.Count, Acted, layout.Kinds(), Language, request.Options.From);
        return new PolicyRun(run, layout, actions) { Units = (_, numbers) => [.. numbers.Select((v, d) => units.Action.Unnormalise(d, v))] };

        Tensor? Acted(RunScope scope)
        {
            var input = Input(scope, request.Observations, layout, units);
            request.Cancellation.ThrowIfCancellationRequested();
            using var pass = Language.PassOver(scope, input);
            var residual = Language.Residual(input, pass, request.Options.From);
            if (scope.StopsEarly)
            {
                return residual;
            }

            var normed = Language.FinalNorm(residual, pass);                                               // (B, T, d)
            if (pass.Plan.Of(Language.Shape.Name).Wants(Point.Logits))
            {
                _ = Language.Logits(normed, pass);
            }

            var chunk = Decided(scope, normed, layout);
            actions = scope.Device.type == TorchSharp.DeviceType.META ? null : InUnits(chunk, units);
            return chunk;
        }
    }

    /// <inheritdoc/>
    protected internal override PictureRecipe RecipeOf(Tower tower)
    {
        if (Recipe.Sequence.Count == 0 || Recipe.Sequence[^1] is not Inputs.Pictures.Towers pair)
        {
            return Recipe;
        }

        IPictureStep[] steps = [.. Recipe.Sequence.SkipLast(1), .. pair.Recipes[Towers.ToList().IndexOf(tower)]];
        return new PictureRecipe(steps, 3, Recipe.Height, Recipe.Width) { Engine = Recipe.Engine };
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        Array.ForEach(files, f => f.Dispose());
    }

    private static IEnumerable<StackShape> Shapes(Parts parts) =>
    [
        .. parts.Towers.Select(t => t.Shape), parts.Projector.Shape,
        .. parts.Proprio is null ? Array.Empty<StackShape>() : [StackShape.Part(ProprioPart, parts.Language.Shape.Width, Point.Out)],
        parts.Language.Shape, StackShape.Part(ActionPart, parts.Head.Dimensions, Hidden(parts.Language.Shape.Width), Chunk(parts.Head.Dimensions)),
    ];

    private static Point Hidden(int width) => new("hidden", width);

    private static Point Chunk(int dimensions) => new("chunk", dimensions);

    /// <remarks>Constants of openvla-oft, prismatic/vla/constants.py.</remarks>
    private static int ChunkOf(string folder, int action, int? state) => (action, state) switch
    {
        (7, 8) => 8,
        (14, 14) => 25,
        (7, 7) => 5,
        _ => throw new VitrineException(
            $"{folder}: no file says how many control steps a chunk has, and actions of {action} numbers with a state of {state ?? 0} are none of LIBERO's, "
                + $"ALOHA's or BRIDGE's; give it with {nameof(OftOptions)}.{nameof(OftOptions.Chunk)}."),
    };

    /// <summary>The camera that is no wrist camera, then those on the wrists, as the reference's evaluation has them.</summary>
    private static IEnumerable<KeyValuePair<string, Picture>> Ordered(Observation observation)
        => observation.Cameras.OrderBy(c => c.Key.Contains("wrist", StringComparison.OrdinalIgnoreCase) ? 1 : 0);

    private PromptRow Row(Observation observation)
    {
        if (observation.Cameras.Count == 0)
        {
            throw new VitrineException("act: the observation has no camera.");
        }

        var (ids, pictures) = (prompt.Ids(observation.Instruction), Ordered(observation).Select(c => c.Key).ToArray());
        var behind = (pictures.Length * ImageTokens) + (parts.Proprio is null ? 0 : 1);
        var length = behind + ids.Length + (parts.Chunk * parts.Head.Dimensions) + 1;
        if (length > parts.MaxLength)
        {
            throw new VitrineException(
                $"act: {ids.Length} tokens of the prompt with pictures, state and the chunk's places are {length}; the policy reads {parts.MaxLength} "
                    + "(llm_max_length). Shorten the instruction.");
        }

        return new PromptRow
        {
            Pictures = pictures.Index().ToDictionary(p => p.Item, p => new PromptPicture(1 + (p.Index * ImageTokens), Towers[0].Grid, Towers[0].Grid)),
            Words = [.. ids.Select((id, i) => new PromptWord(i == 0 ? 0 : behind + i, id))],
            State = parts.Proprio is null ? [] : [behind],
            Deciding = behind + ids.Length - 1,
            DecidingCount = parts.Chunk * parts.Head.Dimensions,
        };
    }

    /// <summary>First word, pictures, state, the other words, empty tokens, the stop token; padding behind the shorter rows.</summary>
    private DecoderInput Input(RunScope scope, IReadOnlyList<Observation> observations, PromptLayout layout, OftStatistics units)
    {
        var count = layout.Rows[0].DecidingCount;
        int[] lengths = [.. layout.Rows.Select(r => (int)r.Deciding + 1 + count + 1)];
        var columns = lengths.Max();
        long[][] positions = [.. lengths.Select(n => Enumerable.Range(0, columns).Select(i => i < n ? (long)i : -1).ToArray())];
        return new DecoderInput(positions, Embedded);

        Tensor Embedded()
        {
            var owners = layout.Owners;
            var pixels = Seen(observations);
            var features = Towers.Select((tower, i) => tower.Forward(scope, pixels.narrow(1, 3 * i, 3), owners).Features).ToArray();
            var image = parts.Projector.Forward(scope, cat(features, -1), owners);                         // (pictures, P, d)
            var state = parts.Proprio is null ? null : State(scope, observations, units);                  // (B, 1, d)
            var (rows, picture) = (new List<Tensor>(), 0);
            foreach (var (b, row) in layout.Rows.Index())
            {
                var words = Language.Embed([[.. row.Words.Select(w => w.Id)]])[0];                         // (n, d)
                var own = image.narrow(0, picture, row.Pictures.Count).flatten(0, 1);
                picture += row.Pictures.Count;
                var empty = zeros([count, words.shape[1]], Dtype, Device);
                var stop = Language.Embed([[StopId]])[0];
                var padding = zeros([columns - lengths[b], words.shape[1]], Dtype, Device);
                Tensor[] told = state is null ? [] : [state[b]];
                rows.Add(cat([words.narrow(0, 0, 1), own, .. told, words.narrow(0, 1, words.shape[0] - 1), empty, stop, padding], 0));
            }

            return stack([.. rows]);                                                                       // (B, T, d)
        }
    }

    private Tensor State(RunScope scope, IReadOnlyList<Observation> observations, OftStatistics units)
    {
        var (width, bounds) = (parts.Proprio!.Width, units.State);
        if (bounds?.Width != width)
        {
            throw new VitrineException(
                $"{Folder}: the state has {width} numbers; the statistics of '{units.Key}' have {(bounds is null ? "none" : $"{bounds.Width}")}.");
        }

        var numbers = observations.SelectMany(o => Only(o, width).Select((v, i) => bounds.Normalise(i, v))).ToArray();
        using var pass = scope.PassOver(1);
        return pass.At(ProprioPart, Point.Out, parts.Proprio.Apply(tensor(numbers, [observations.Count, width]).to(Dtype, Device))).unsqueeze(1);
    }

    private static IReadOnlyList<double> Only(Observation observation, int width) => observation.State.Count switch
    {
        1 when observation.State.Values.First().Values is var values => values.Count == width
            ? values
            : throw new VitrineException($"act: the state has {values.Count} numbers; the policy reads {width}."),
        var count => observation.State.TryGetValue("state", out var named) && named.Values.Count == width
            ? named.Values
            : throw new VitrineException(
                $"act: the policy reads a state of {width} numbers; the observation has {count} vectors{(count == 0 ? "" : ", none of them called 'state'")}."),
    };

    private Tensor Seen(IReadOnlyList<Observation> observations)
    {
        float[][] all = [.. observations.SelectMany(o => Ordered(o).Select(c => Recipe.Apply(c.Value)))];
        return tensor([.. all.SelectMany(p => p)], [all.Length, Recipe.Channels, Recipe.Height, Recipe.Width], device: Device);
    }

    /// <remarks>
    /// The slice begins at the last token of the prompt and ends one before the last empty token: what a token's place says is read off the place before it.
    /// </remarks>
    private Tensor Decided(RunScope scope, Tensor normed, PromptLayout layout)
    {
        var count = layout.Rows[0].DecidingCount;
        var hidden = stack([.. layout.Rows.Select((row, b) => normed[b].narrow(0, row.Deciding, count))]);
        using var tokens = scope.PassOver(count);
        hidden = tokens.At(ActionPart, Hidden(Language.Shape.Width), hidden);                              // (B, C A, d)
        using var steps = scope.PassOver(parts.Chunk);
        return steps.At(ActionPart, Chunk(parts.Head.Dimensions), parts.Head.Apply(hidden));              // (B, C, A)
    }

    private PolicyAction[] InUnits(Tensor chunk, OftStatistics units)
    {
        using var scope = NewDisposeScope();
        var numbers = chunk.detach().to(float64).cpu().contiguous().data<double>().ToArray();
        var (horizon, width) = (parts.Chunk, parts.Head.Dimensions);
        return
        [
            .. numbers.Chunk(horizon * width).Select(row => row.Chunk(width).ToArray())
                .Select(rows => new PolicyAction(rows, [.. rows.Select(r => (IReadOnlyList<double>)[.. r.Select((v, d) => units.Action.Unnormalise(d, v))])])),
        ];
    }

    private OftStatistics Statistics(string? key)
    {
        RequireUnits(key);
        var units = key is null ? parts.Statistics.Values.First()
            : parts.Statistics.TryGetValue(key, out var found) ? found
            : parts.Statistics[$"{key}_no_noops"];
        return units.Action.Width == parts.Head.Dimensions
            ? units
            : throw new VitrineException(
                $"{Folder}: the statistics of '{units.Key}' are of {units.Action.Width} numbers; the head gives {parts.Head.Dimensions}.");
    }

    /// <inheritdoc/>
    protected internal override void RequireUnits(string? units)
        => base.RequireUnits(units is not null && !UnitKeys.Contains(units) && UnitKeys.Contains($"{units}_no_noops") ? $"{units}_no_noops" : units);

    /// <summary>What the policy is made of.</summary>
    private sealed record Parts(
        Tower[] Towers, Projector Projector, Decoder Language, Tokenizer Tokenizer, PictureRecipe Recipe,
        IReadOnlyDictionary<string, OftStatistics> Statistics, PromptTemplate Template, L1Head Head, ProprioProjector? Proprio, int Chunk,
        int MaxLength, PolicyFiles Files);
}
