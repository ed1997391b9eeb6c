using Vitrine.Inputs.Tokenizers;
using Vitrine.Transformers;
using Vitrine.Transformers.Families;

namespace Vitrine.Policies.LeRobot;

/// <summary>
/// A policy's folder as LeRobot saves it, without the network: from observations to what the network reads, and from its numbers to the robot's units.
/// </summary>
/// <remarks>
/// Statistics lie beside two pipelines of steps (<c>policy_preprocessor.json</c>, <c>policy_postprocessor.json</c>), or, in checkpoints that are older than
/// those, inside the weights.
/// </remarks>
internal sealed class LeRobotFolder
{
    internal const string Before = "policy_preprocessor.json";
    private const string After = "policy_postprocessor.json";

    private readonly IReadOnlyList<IInputStep> inputs;
    private readonly IReadOnlyList<IActionStep> actions;
    private readonly ProcessorSteps steps;

    private LeRobotFolder(
        LeRobotConfig config, string folder, ProcessorSteps steps, IReadOnlyList<IInputStep> inputs, IReadOnlyList<IActionStep> actions)
        : this(config, RobotNames.Read(folder, config), steps, inputs, actions)
    {
    }

    private LeRobotFolder(
        LeRobotConfig config, RobotNames robot, ProcessorSteps steps, IReadOnlyList<IInputStep> inputs, IReadOnlyList<IActionStep> actions)
        => (Config, Robot, this.steps, this.inputs, this.actions, Tokenizer) = (config, robot, steps, inputs, actions, steps.Tokenizer);

    /// <summary>config.json.</summary>
    public LeRobotConfig Config { get; }

    /// <summary>What the data set calls itself and its numbers.</summary>
    public RobotNames Robot { get; }

    /// <summary>Words to ids; null for a policy that reads none.</summary>
    public Tokenizer? Tokenizer { get; private init; }

    /// <summary>What the pipeline says of the tokens of actions.</summary>
    public ActionTokenizerSettings? ActionTokenizer => steps.ActionTokenizer;

    /// <summary>How a camera's pictures are normalised.</summary>
    public Normaliser? PictureNormaliser(string feature) => steps.Pictures.GetValueOrDefault(feature);

    /// <summary>Reads the pipelines, or makes those of an older folder.</summary>
    /// <param name="source">The folder.</param>
    /// <param name="config">Its config.json.</param>
    /// <param name="weights">In which older checkpoints have their statistics.</param>
    /// <param name="options">How it is opened.</param>
    /// <param name="older">
    /// The input steps of a checkpoint without pipelines, in the family's order, from the makers of steps and of the one that normalises; null for a family
    /// that never had such checkpoints.
    /// </param>
    /// <exception cref="VitrineException">A step is unknown, a statistic is missing, or there are none at all.</exception>
    public static LeRobotFolder Open(
        ModelSource source, LeRobotConfig config, WeightReader weights, ModelOptions options,
        Func<ProcessorSteps, Func<IInputStep?>, IReadOnlyList<IInputStep?>>? older)
    {
        var folder = source.Location.Folder;
        var steps = new ProcessorSteps(config, folder, options.Tokenizer);
        if (File.Exists(Path.Combine(folder, Before)))
        {
            config.Files.Add(Path.Combine(folder, Before), "observations to what the network reads");
            config.Files.Add(Path.Combine(folder, After), "the network's numbers to the robot's units");
            return new LeRobotFolder(config, folder, steps, steps.Inputs(Path.Combine(folder, Before)), steps.Actions(Path.Combine(folder, After)));
        }

        if (older is null || !weights.Checkpoint.Names.Any(IsStatistic))
        {
            throw new VitrineException(
                $"{folder}: has neither {Before} nor statistics inside its weights (normalize_inputs.*), by which states and actions are normalised.");
        }

        var (seen, done) = (Statistics("normalize_inputs"), Statistics("unnormalize_outputs"));
        var made = older(steps, () => steps.Normalise([.. config.Inputs], config.Normalisation, seen, 1e-8));
        return new LeRobotFolder(config, folder, steps, [.. made.OfType<IInputStep>()], [steps.Unnormalise(config.Normalisation, done, 1e-8)]);

        FeatureStatistics Statistics(string module) => FeatureStatistics.OfWeights(weights.Checkpoint, source.Location.Weights, module);
    }

    /// <summary>A folder of another layout, whose steps are known.</summary>
    /// <param name="config">What its files say.</param>
    /// <param name="folder">Where it lies.</param>
    /// <param name="robot">The data set of its statistics.</param>
    /// <param name="tokenizer">Words to ids.</param>
    /// <param name="inputs">From an observation to what the network reads.</param>
    /// <param name="actions">Back to the robot's units.</param>
    public static LeRobotFolder Of(
        LeRobotConfig config, string folder, string robot, Tokenizer tokenizer, IReadOnlyList<IInputStep> inputs, IReadOnlyList<IActionStep> actions)
    {
        var steps = new ProcessorSteps(config, folder, TokenizerOptions.Default);
        return new LeRobotFolder(config, RobotNames.Read(folder, config) with { DataSet = robot }, steps, inputs, actions) { Tokenizer = tokenizer };
    }

    /// <summary>Tensors of older checkpoints that are statistics and no weights.</summary>
    public static bool IsStatistic(string name)
        => name.StartsWith("normalize_inputs.", StringComparison.Ordinal) || name.StartsWith("normalize_targets.", StringComparison.Ordinal)
            || name.StartsWith("unnormalize_outputs.", StringComparison.Ordinal);

    /// <summary>What the network reads of an observation.</summary>
    /// <exception cref="VitrineException">A camera has another name, a state another width, or the instruction is empty or too long.</exception>
    public PolicyInput Prepare(Observation observation)
    {
        if (string.IsNullOrWhiteSpace(observation.Instruction) && Tokenizer is not null)
        {
            throw new VitrineException("act: the instruction is empty; expected what the robot is to do, e.g. 'pick up the red block'.");
        }

        var input = new PolicyInput
        {
            Pictures = CameraNames.Match(observation.Cameras, Config.Cameras, steps.Renamed),
            Task = observation.Instruction,
            State = Config.State is { } state ? StateNames.Match(observation.State, state, steps.Renamed, Robot.State) : [],
        };
        foreach (var step in inputs)
        {
            step.Apply(input);
        }

        return input;
    }

    /// <summary>A chunk in the robot's units.</summary>
    /// <param name="chunk">[control step][dimension], the action's own dimensions.</param>
    /// <param name="input">What the policy saw.</param>
    public PolicyAction ToAction(IReadOnlyList<float[]> chunk, PolicyInput input) => new(
        [.. chunk.Select(Wide)],
        [.. chunk.Select(row => Wide(actions.Aggregate(row, (r, step) => step.Apply(r, input))))]);

    private static IReadOnlyList<double> Wide(float[] row) => [.. row.Select(v => (double)v)];
}
