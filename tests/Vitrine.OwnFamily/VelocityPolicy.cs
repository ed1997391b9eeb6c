using TorchSharp;
using Vitrine.Inputs.Pictures;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Policies;
using Vitrine.Policies.Actions;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.OwnFamily;

/// <summary>A policy that gives numbers instead of tokens.</summary>
/// <remarks>
/// One linear map makes tokens of a picture's raw pixels, a decoder reads them before the words, another map makes an action of the last word's residual.
/// </remarks>
public sealed class VelocityPolicy : Policy
{
    /// <summary>Pixels on a side of a picture, of a patch, and patches on a side.</summary>
    internal const int PictureSize = 64, PatchSize = 16, Grid = PictureSize / PatchSize;

    private const string ActionPart = "action";
    private readonly Tensor eye;
    private readonly Tensor head;
    private readonly IReadOnlyDictionary<string, ActionStatistics> statistics;

    private VelocityPolicy(ModelSource source, WeightReader weights, Decoder language)
        : base(source, weights, [language], [language.Shape, StackShape.Part(ActionPart, Names.Length, Velocity)])
    {
        (Language, Tokenizer, statistics) = (language, Tokenizer.Open(Folder), ActionStatistics.Open(Folder, source.Config));
        eye = weights.Take("eye.weight", language.Shape.Width, PatchSize * PatchSize * 3);
        head = weights.Take("head.weight", Names.Length, language.Shape.Width);
        weights.RefuseOthers(_ => false);
    }

    /// <summary>How a catalogue knows it.</summary>
    public static ModelFamily Described { get; } = new("velocity", ModelKind.Policy, Open);

    /// <summary><c>action.velocity</c> (B,1,7): what the head says, before it is put into the robot's units.</summary>
    public static Point Velocity { get; } = new("velocity", Names.Length);

    /// <inheritdoc/>
    public override Decoder Language { get; }

    /// <inheritdoc/>
    public override Tokenizer Tokenizer { get; }

    /// <inheritdoc/>
    public override int ImageTokens => Grid * Grid;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ActionNames => Names;

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> UnitKeys => [.. statistics.Keys];

    internal static string[] Names => ["dx", "dy", "dz", "droll", "dpitch", "dyaw", "gripper"];

    /// <inheritdoc/>
    public override PromptLayout Layout(IReadOnlyList<Observation> observations) => new()
    {
        Stack = Language.Shape.Name,
        DecidingSteps = 1,
        Rows = [.. observations.Select(Row)],
    };

    /// <inheritdoc/>
    protected override PolicyRun Act(ActRequest request)
    {
        RequireUnits(request.Units);
        var units = statistics[request.Units ?? UnitKeys.Single()];
        var layout = Layout(request.Observations);
        PolicyAction[]? actions = null;
        var run = Compute(request.Plan, layout.Rows.Count, Acted, layout.Kinds(), Language, request.Options.From);
        return new PolicyRun(run, layout, actions);

        Tensor? Acted(RunScope scope)
        {
            var (embedded, positions) = Sequences(request.Observations, layout);
            var residual = Language.Read(scope, embedded, positions, request.Options.From);                // (B, T, d)
            if (scope.StopsEarly)
            {
                return residual;
            }

            var column = request.Options.From?.Column ?? 0;
            var deciding = stack([.. layout.Rows.Select((row, b) => residual[b, row.Deciding - column])]).unsqueeze(1); // (B, 1, d)
            using var pass = scope.PassOver(tokens: 1);
            var velocity = pass.At(ActionPart, Velocity, deciding.matmul(head.t()));                       // (B, 1, 7)
            actions = scope.Device.type == DeviceType.META ? null : [.. velocity.flatten(1).unbind().Select(v => InUnits(v, units))];
            return velocity;
        }
    }

    /// <inheritdoc/>
    protected override PictureRecipe RecipeOf(Tower tower) => throw new VitrineException($"{Name}: has no towers.");

    private static VelocityPolicy Open(ModelSource source, ModelOptions options)
    {
        var weights = source.Weights(options);
        try
        {
            return new VelocityPolicy(source, weights, weights.Under("language_model.").Decoder(source.Config.Object("text_config")));
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    private PromptRow Row(Observation observation)
    {
        var ids = Tokenizer.Encode(observation.Instruction);
        return ids.Length == 0 ? throw new VitrineException("act: the instruction is empty.") : new PromptRow
        {
            Pictures = new Dictionary<string, PromptPicture> { [Observation.OnlyCamera] = new(0, Grid, Grid) },
            Words = [.. ids.Select((id, i) => new PromptWord(ImageTokens + i, id))],
            Deciding = ImageTokens + ids.Length - 1,
        };
    }

    /// <returns>(B,T,d), patches first, and [row][token] positions; shorter instructions are padded behind.</returns>
    private (Tensor Embedded, IReadOnlyList<IReadOnlyList<long>> Positions) Sequences(IReadOnlyList<Observation> observations, PromptLayout layout)
    {
        var words = TokenBatch.Of([.. layout.Rows.Select(r => (IReadOnlyList<int>)[.. r.Words.Select(w => w.Id)])]);
        var image = stack([.. observations.Select(o => Patches(o.Picture))]).to(Dtype, Device).matmul(eye.t()); // (B, P, d)
        var patches = Enumerable.Range(0, ImageTokens).Select(i => (long)i).ToArray();
        var positions = words.Positions.Select(row => (IReadOnlyList<long>)[.. patches, .. row.Select(p => p < 0 ? -1 : p + ImageTokens)]);
        return (cat([image, Language.Embed(words.Ids)], 1), [.. positions]);
    }

    /// <returns>(P, 16 x 16 x 3), row by row, in [0, 1].</returns>
    private static Tensor Patches(Picture picture) => picture is { Width: PictureSize, Height: PictureSize }
        ? (tensor(picture.Rgb).to(float32) / tensor(255f)).view(Grid, PatchSize, Grid, PatchSize, 3).permute(0, 2, 1, 3, 4).reshape(Grid * Grid, -1)
        : throw new VitrineException($"act: the picture is {picture.Width} x {picture.Height}; expected {PictureSize} x {PictureSize}.");

    private static PolicyAction InUnits(Tensor velocity, ActionStatistics units)
    {
        double[] said = velocity.to(float64).cpu().detach().data<double>().ToArray();
        return new PolicyAction([said], [[.. said.Select((v, d) => units.Unnormalise(d, v))]]);
    }
}
