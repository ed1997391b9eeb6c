using System.Text.Json.Serialization;
using Vitrine.Policies;
using Vitrine.Worlds.Studies;

namespace Vitrine.Worlds.Records;

/// <summary>What a record is of, in <c>record.json</c>: everything that its steps depend on, and how it ended.</summary>
public sealed record RecordHeader
{
    /// <summary>What this version writes.</summary>
    public const string CurrentFormat = "vitrine.record/1";

    /// <summary>The form of the folder.</summary>
    public string Format { get; init => field = value ?? CurrentFormat; } = CurrentFormat;

    /// <summary>Who acted, by the fingerprint of all weights.</summary>
    public required StudyPolicy Policy { get; init; }

    /// <summary>The policy's family, e.g. <c>openvla</c>.</summary>
    public required string Family { get; init; }

    /// <summary>Under what it acted: plan, schedule, word. A step may have a plan of its own (<see cref="RecordedStep.Plan"/>).</summary>
    public required Arm Condition { get; init; }

    /// <summary>What the numbers of an action are, in order.</summary>
    public required IReadOnlyList<string> ActionNames { get; init; }

    /// <summary>Rows of each chunk that were carried out before the policy acted again.</summary>
    public required int ActionSteps { get; init; }

    /// <summary>On what it was computed.</summary>
    public required RecordedMachine Machine { get; init; }

    /// <summary>The world; null where requests came from a client, as to a policy server.</summary>
    public RecordedWorld? World { get; init; }

    /// <summary>The episode's starting situation; null without a world.</summary>
    public LayoutKey? Layout { get; init; }

    /// <summary>An episode that had not succeeded by then had failed; null without a world.</summary>
    public int? StepLimit { get; init; }

    /// <summary>Addresses of the activations that are kept, wildcards allowed; none by default.</summary>
    public IReadOnlyList<string> Points { get; init => field = value ?? []; } = [];

    /// <summary>Whether they are kept at all positions; else, for points of the stack that decides, where the action is decided.</summary>
    public bool KeepsAllPositions { get; init; }

    /// <summary>Names of the monitors that watched.</summary>
    public IReadOnlyList<string> Monitors { get; init => field = value ?? []; } = [];

    /// <summary>Who asked, in words: a session of a server; null where nobody said.</summary>
    public string? Client { get; init; }

    /// <summary>How the client calls its session, and would call it again; null where it calls it nothing.</summary>
    public string? Caller { get; init; }

    /// <summary>When it began; null where nobody said.</summary>
    public DateTimeOffset? Begun { get; init; }

    /// <summary>How it ended; null while it runs, or where it was cut off.</summary>
    public RecordEnd? End { get; init; }

    /// <summary>The header of a record that a policy is about to make.</summary>
    /// <param name="policy">Who acts, without a plan of its own: that is the condition's.</param>
    /// <param name="condition">Under what.</param>
    /// <param name="actionSteps">Rows of each chunk that are carried out; as many as its checkpoint says when null.</param>
    public static RecordHeader Of(Policy policy, Arm condition, int? actionSteps = null)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return new RecordHeader
        {
            Policy = StudyPolicy.Of(policy),
            Family = policy.Family,
            Condition = condition,
            ActionNames = policy.ActionNames,
            ActionSteps = actionSteps ?? policy.ActionSteps,
            Machine = RecordedMachine.Of(policy),
        };
    }

    /// <summary>Refuses weights that are not the record's.</summary>
    /// <exception cref="VitrineException">Both policies are named.</exception>
    internal void Require(Policy policy, string record)
    {
        if (policy.Fingerprint != Policy.Fingerprint)
        {
            throw new VitrineException($"{record}: is of the policy '{Policy.Name}' with the weights {Policy.Short}; "
                + $"'{policy.Name}' has the weights {StudyPolicy.Of(policy).Short}.");
        }
    }

    /// <summary>Whether two headers are of the same episode: they differ at most in what another try may say otherwise.</summary>
    internal bool IsOfSame(RecordHeader other) => RecordJson.Write(Lasting) == RecordJson.Write(other.Lasting);

    [JsonIgnore]
    private RecordHeader Lasting => this with { End = null, Begun = null, Policy = Policy with { Name = "" } };
}

/// <summary>A world as a record names it.</summary>
/// <param name="Name">As worlds are named, e.g. <c>tabletop</c>.</param>
/// <param name="Description">Its <see cref="IWorld.Description"/>: who replays must have the same.</param>
/// <param name="Options">What was chosen about it, by name.</param>
public sealed record RecordedWorld(string Name, string Description, IReadOnlyDictionary<string, string> Options);

/// <summary>How a record ended.</summary>
/// <param name="Steps">Control steps, or requests.</param>
/// <param name="Reason">In a word: <c>solved</c>, <c>limit</c>, <c>alarm</c>, <c>closed</c>, <c>stopped</c>, <c>cut off</c>.</param>
/// <param name="Succeeded">Whether the task was solved; null where no world tells.</param>
/// <param name="Measures">The world's measures at the end; none without a world.</param>
/// <param name="Gripper">Where the gripper came to stand; null without a world.</param>
public sealed record RecordEnd(
    int Steps, string Reason, bool? Succeeded = null, IReadOnlyDictionary<string, double>? Measures = null, Position? Gripper = null);
