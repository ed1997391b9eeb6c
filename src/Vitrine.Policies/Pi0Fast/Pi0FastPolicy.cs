using TorchSharp;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies.Actions;
using Vitrine.Policies.LeRobot;
using Vitrine.Policies.Pi;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using static TorchSharp.torch;

namespace Vitrine.Policies.Pi0Fast;

/// <summary>pi0-FAST: PaliGemma says a chunk of actions in tokens of FAST (Pertsch et al. 2025).</summary>
/// <remarks>
/// Pictures and prompt, the state in it, see each other both ways; behind them stands a beginning-of-sentence token, and every token that is said sees all
/// before it. Source: lerobot, modeling_pi0_fast.py.
/// </remarks>
public sealed class Pi0FastPolicy : LeRobotPolicy
{
    private readonly Pi0FastParts parts;

    private Pi0FastPolicy(ModelSource source, WeightReader weights, LeRobotFolder folder, Pi0FastParts parts)
        : base(source, weights, folder, [parts.Vision, parts.Language], [parts.Vision.Shape, parts.Connector.Shape, parts.Language.Shape])
        => this.parts = parts;

    /// <inheritdoc/>
    public override Decoder Language => parts.Language;

    /// <summary>From a picture to the pixels that it reads, of any of its cameras.</summary>
    public override PictureRecipe Recipe => parts.Recipe;

    /// <summary>Tokens of a picture.</summary>
    public override int ImageTokens => parts.Connector.TokensOf(parts.Vision.Grid * parts.Vision.Grid);

    /// <summary>Rows of the chunk that it says: <c>n_action_steps</c>, which are all carried out.</summary>
    public override int Horizon => ActionSteps;

    /// <summary>Tokens that it says at most.</summary>
    public int MostTokens => parts.MostTokens;

    /// <summary>Chunks as tokens of FAST, and back.</summary>
    public FastTokenizer Fast => parts.Fast;

    /// <summary>FAST's tokens among ids that the policy said; what stands around them is left out.</summary>
    public IReadOnlyList<int> FastIds(IReadOnlyList<int> said)
    {
        ArgumentNullException.ThrowIfNull(said);
        return parts.Speech.FastIds(said);
    }

    /// <summary>The ids by which the policy says a chunk, opening and end included.</summary>
    /// <param name="fastIds">FAST's tokens of it.</param>
    public IReadOnlyList<int> Sentence(IReadOnlyList<int> fastIds)
    {
        ArgumentNullException.ThrowIfNull(fastIds);
        return parts.Speech.Sentence(fastIds);
    }

    /// <summary>The chunk that ids say, in the network's units.</summary>
    /// <exception cref="VitrineException">No chunk can be read of them.</exception>
    public FastDecoding Decode(IReadOnlyList<int> said)
    {
        ArgumentNullException.ThrowIfNull(said);
        return parts.Speech.Decode(said, Horizon, Files.Config.Action.Width, mustOpen: false).Chunk;
    }

    internal static Pi0FastPolicy Load(ModelSource source, ModelOptions options)
    {
        var config = PiConfig.Read(source, NormalisationMode.MeanStd, promptLength: 200);
        var (json, home) = (source.Config, source.Location.Folder);
        if (json.Number("temperature", 0) != 0)
        {
            throw new VitrineException($"{json.Source}: temperature is {json.Number("temperature", 0)}; this version takes the largest logit (temperature 0).");
        }

        var (most, mustOpen) = (json.Size("max_decoding_steps", 256), json.Flag("validate_action_token_prefix", true));
        var name = json.Text("action_tokenizer_name", "lerobot/fast-action-tokenizer");
        var skipped = json.Count("fast_skip_tokens", 128);
        _ = (json.Size("max_state_dim", 32), json.Size("max_action_dim", 32));
        config.RefuseOthers(LeRobotKeys.InertPi0Fast);
        var weights = source.Weights(options);
        try
        {
            var folder = LeRobotFolder.Open(source, config.Files, weights, options, older: null);
            var fast = FastOf(home, folder.ActionTokenizer?.Name ?? name, config.Files.Files);
            var own = new PiWeights(weights);
            var vision = own.Vision(options, config.Recipe.Height, config.Recipe.Width);
            var language = own.Language(AttentionMask.Prefix);
            var connector = own.Connector(language.Shape.Width, vision.Shape.Width);
            var words = folder.Tokenizer ?? throw new VitrineException($"{home}: its pipeline has no tokenizer_processor.");
            weights.RefuseOthers(PiWeights.IsUnused);
            return new Pi0FastPolicy(source, weights, folder, new Pi0FastParts(
                vision, connector, language, config.Recipe, fast,
                new FastSpeech(words, fast, words.VocabularySize, folder.ActionTokenizer?.Skipped ?? skipped), most, mustOpen));
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override PromptLayout Layout(IReadOnlyList<Observation> observations) => LayoutOf(Prepared(observations));

    /// <inheritdoc/>
    protected internal override PolicyRun Act(ActRequest request)
    {
        RequirePlain(request);
        var inputs = Prepared(request.Observations);
        var layout = LayoutOf(inputs);
        PolicyAction[]? actions = null;
        var run = Compute(request.Plan, inputs.Length, Acted, layout.Kinds(), Language);
        return new PolicyRun(run, layout, actions);

        Tensor? Acted(RunScope scope)
        {
            var input = Input(scope, inputs, layout);
            request.Options.Progress?.Report(new ActProgress(0, parts.MostTokens));
            if (scope.StopsEarly)
            {
                using var pass = Language.PassOver(scope, input);
                return Language.Residual(input, pass, from: null);
            }

            var steps = request.Options.Progress is { } progress ? new TokenProgress(progress, parts.MostTokens) : null;
            var choice = new TokenChoice(new GenerationOptions(parts.MostTokens) { StopIds = [parts.Speech.EndId] }, inputs.Length, steps);
            var (ids, logits) = Language.Decode(scope, input, choice, from: null, request.Cancellation);
            layout = layout with { DecidingSteps = ids[0].Length };
            actions = scope.Device.type == DeviceType.META ? null : [.. inputs.Zip(choice.Texts).Select(row => Told(row.First, row.Second))];
            return logits;
        }
    }

    /// <inheritdoc/>
    protected internal override PictureRecipe RecipeOf(Tower tower) => parts.Recipe;

    private protected override Pixels PixelsOf(Picture picture, PolicyFeature camera) => parts.Recipe.Prepare(picture).Pixels[0];

    private PolicyAction Told(PolicyInput input, IReadOnlyList<int> said)
    {
        var (chunk, problem) = parts.Speech.Decode(said, Horizon, Files.Config.Action.Width, parts.MustOpen);
        return Files.ToAction([.. chunk.Actions.Select(row => row.Select(v => (float)v).ToArray())], input) with { Said = [.. said], Problem = problem };
    }

    private DecoderInput Input(RunScope scope, PolicyInput[] inputs, PromptLayout layout)
    {
        int[] lengths = [.. layout.Rows.Select(r => (int)r.Deciding + 1)];
        var columns = lengths.Max();
        return new DecoderInput([.. lengths.Select(n => Enumerable.Range(0, columns).Select(i => i < n ? (long)i : -1).ToArray())], Embedded)
        {
            PrefixLengths = [.. lengths.Select(n => (long)n)],
        };

        Tensor Embedded()
        {
            float[][] all =
            [
                .. inputs.SelectMany(i => Files.Config.Cameras.Where(c => i.Pictures.ContainsKey(c.Name)).Select(c => PixelsOf(i.Pictures[c.Name], c).Values)),
            ];
            var pixels = tensor([.. all.SelectMany(p => p)], [all.Length, 3, Recipe.Height, Recipe.Width], device: Device);
            var image = parts.Connector.Forward(scope, parts.Vision.Forward(scope, pixels, layout.Owners).Features, layout.Owners);   // (pictures, P, d)
            var (rows, picture) = (new List<Tensor>(), 0);
            foreach (var (b, row) in layout.Rows.Index())
            {
                var words = Language.Embed([[.. row.Words.Select(w => w.Id)]])[0];                         // (n, d)
                var own = image.narrow(0, picture, row.Pictures.Count).flatten(0, 1);
                picture += row.Pictures.Count;
                rows.Add(cat([own, words, zeros([columns - lengths[b], words.shape[1]], Dtype, Device)], 0));
            }

            return stack([.. rows]);                                                                       // (B, T, d)
        }
    }

    private PromptLayout LayoutOf(IReadOnlyList<PolicyInput> inputs)
    {
        var side = (int)Math.Sqrt(ImageTokens);
        return new PromptLayout
        {
            Stack = Language.Shape.Name,
            DecidingSteps = parts.MostTokens,
            Rows = [.. inputs.Select(Row)],
            Towers = new Dictionary<string, int>
            {
                [parts.Vision.Shape.Name] = parts.Vision.Grid * parts.Vision.Grid,
                [parts.Connector.Shape.Name] = ImageTokens,
            },
        };

        PromptRow Row(PolicyInput input)
        {
            var cameras = Present(input).ToArray();
            int[] words = [.. input.Words ?? [], parts.Speech.BeginId];
            var behind = cameras.Length * ImageTokens;
            return new PromptRow
            {
                Pictures = cameras.Index().ToDictionary(c => c.Item.ShortName, c => new PromptPicture(c.Index * ImageTokens, side, side)),
                Words = [.. words.Select((id, i) => new PromptWord(behind + i, id))],
                Deciding = behind + words.Length - 1,
            };
        }
    }

    private static FastTokenizer FastOf(string folder, string name, PolicyFiles files)
    {
        var inside = Path.Combine(folder, name);
        if (!Path.IsPathRooted(name) && Directory.Exists(inside))
        {
            return Opened(inside);
        }

        try
        {
            return Opened(ModelLocation.Resolve(name).Folder);
        }
        catch (VitrineException e)
        {
            throw new VitrineException(
                $"{folder}: its actions are said by the tokenizer '{name}', which is neither a folder here nor in the local cache; put its "
                    + $"processor_config.json and tokenizer.json into {inside}. ({e.Message})", e);
        }

        FastTokenizer Opened(string at)
        {
            files.Add(Path.Combine(at, "processor_config.json"), "chunks of actions to tokens");
            files.AddTokenizer(at);
            return FastTokenizer.Open(at);
        }
    }
}
