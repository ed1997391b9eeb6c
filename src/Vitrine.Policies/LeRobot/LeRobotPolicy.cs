using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;

namespace Vitrine.Policies.LeRobot;

/// <summary>A policy out of a LeRobot folder: all that its families have in common.</summary>
public abstract class LeRobotPolicy : Policy
{
    /// <summary>The only data set of a checkpoint that does not name it.</summary>
    private const string Unnamed = "unnamed";

    private readonly LeRobotFolder folder;

    private protected LeRobotPolicy(
        ModelSource source, WeightReader weights, LeRobotFolder folder, IReadOnlyList<Stack> stacks, IReadOnlyList<StackShape> shapes)
        : base(source, weights, stacks, shapes, folder.Config.Files.All) => this.folder = folder;

    /// <summary>What the keys of a config.json do, beside those of every family.</summary>
    public static IReadOnlyList<CompanionKey> ConfigKeys => LeRobotKeys.All;

    /// <inheritdoc/>
    public override Tokenizer Tokenizer => folder.Tokenizer ?? throw new VitrineException($"{Name}: reads no words.");

    /// <summary>What the numbers of an action are, where the data set says it; else they are counted.</summary>
    public override IReadOnlyList<string> ActionNames => folder.Robot.Action;

    /// <summary>The data set of its training, as <c>train_config.json</c> names it.</summary>
    public override IReadOnlyCollection<string> UnitKeys => [folder.Robot.DataSet ?? Unnamed];

    /// <inheritdoc/>
    public override int ActionSteps => folder.Config.ActionSteps;

    /// <summary>Names of its cameras, in order.</summary>
    public IReadOnlyList<string> Cameras => [.. folder.Config.Cameras.Select(c => c.ShortName)];

    /// <summary>Control steps of a chunk.</summary>
    public virtual int Horizon => folder.Config.Chunk;

    /// <inheritdoc/>
    public override PolicyNeeds Needs => new()
    {
        Cameras = Cameras,
        StateWidth = folder.Config.State?.Width ?? 0,
        StateNames = folder.Robot.State,
        Horizon = Horizon,
        ReadsWords = folder.Tokenizer is not null,
    };

    private protected LeRobotFolder Files => folder;

    /// <summary>What its network reads of an observation.</summary>
    /// <exception cref="VitrineException">A camera has another name, a state another width, or the instruction is empty or too long.</exception>
    public PreparedObservation Prepare(Observation observation)
    {
        var input = Prepared([observation])[0];
        return new PreparedObservation(
            Present(input).ToDictionary(c => c.ShortName, c => PixelsOf(input.Pictures[c.Name], c)), input.State, input.Task, input.Words ?? []);
    }

    /// <summary>The cameras whose pictures an observation has, in order.</summary>
    private protected IEnumerable<PolicyFeature> Present(PolicyInput input) => folder.Config.Cameras.Where(c => input.Pictures.ContainsKey(c.Name));

    /// <summary>A camera's picture as the network reads it.</summary>
    private protected abstract Pixels PixelsOf(Picture picture, PolicyFeature camera);

    /// <summary>What the network reads of observations.</summary>
    private protected PolicyInput[] Prepared(IReadOnlyList<Observation> observations)
    {
        ArgumentNullException.ThrowIfNull(observations);
        return [.. observations.Select(folder.Prepare)];
    }

    /// <summary>Refuses what runs of this kind cannot do.</summary>
    private protected void RequirePlain(ActRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        RequireUnits(request.Units);
        if (request.Options.From is not null)
        {
            throw new VitrineException($"{Name}: a {Family} policy starts at its pictures; it cannot start at a cached residual.");
        }
    }

    /// <summary>How numbers of a chunk become the robot's.</summary>
    /// <param name="inputs">What was seen.</param>
    private protected ActionUnits UnitsOf(IReadOnlyList<PolicyInput> inputs)
        => (row, numbers) => folder.ToAction([[.. numbers.Select(v => (float)v)]], inputs[row]).Values;

    /// <summary>Chunks in the robot's units; null where there are no numbers.</summary>
    /// <param name="chunk">(B,H,D), D at least the action's own dimensions.</param>
    /// <param name="inputs">What was seen.</param>
    private protected PolicyAction[]? InUnits(TorchSharp.torch.Tensor chunk, IReadOnlyList<PolicyInput> inputs)
    {
        if (chunk.device_type == TorchSharp.DeviceType.META)
        {
            return null;
        }

        var (horizon, width, own) = ((int)chunk.shape[1], (int)chunk.shape[2], folder.Config.Action.Width);
        using var scope = TorchSharp.torch.NewDisposeScope();
        var numbers = chunk.detach().to(TorchSharp.torch.float32).cpu().contiguous().data<float>().ToArray();
        return
        [
            .. inputs.Select((input, row) => folder.ToAction(
                [.. Enumerable.Range(0, horizon).Select(h => numbers.AsSpan((((row * horizon) + h) * width), own).ToArray())], input)),
        ];
    }
}
