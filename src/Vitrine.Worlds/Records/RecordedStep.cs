using System.Text.Json.Serialization;
using Vitrine.Policies;
using Vitrine.Worlds.Monitors;

namespace Vitrine.Worlds.Records;

/// <summary>One control step of a record, or one request of a server: what was seen and what was done. Pictures and activations lie beside it.</summary>
public sealed record RecordedStep
{
    /// <summary>Counts from 0 without gaps.</summary>
    public required int Step { get; init; }

    /// <summary>What the policy was asked to do, a condition's word included.</summary>
    public required string Instruction { get; init; }

    /// <summary>Cameras whose pictures lie beside the steps (<see cref="EpisodeRecord.Seen"/>).</summary>
    public IReadOnlyList<string> Cameras { get; init => field = value ?? []; } = [];

    /// <summary>What the robot measured of itself.</summary>
    public IReadOnlyDictionary<string, StateVector> State { get; init => field = value ?? Nothing; } = Nothing;

    /// <summary>What was carried out, or answered first, in the robot's units.</summary>
    public required IReadOnlyList<double> Action { get; init; }

    /// <summary>[row][dimension] in the robot's units, where the policy acted anew; null where a row of an earlier chunk was carried out.</summary>
    public IReadOnlyList<IReadOnlyList<double>>? Chunk { get; init; }

    /// <summary>[row][dimension] as the network said it; null likewise.</summary>
    public IReadOnlyList<IReadOnlyList<double>>? Normalised { get; init; }

    /// <summary>Ids that said it, of a policy that speaks in tokens.</summary>
    public IReadOnlyList<int> Tokens { get; init => field = value ?? []; } = [];

    /// <summary>Seed of the noise that the chunk started from; null where there is none, or its numbers are kept as the tensor <c>noise</c>.</summary>
    public long? NoiseSeed { get; init; }

    /// <summary>Observations of the pass that this was one of. Another number may round the last bits otherwise.</summary>
    public int Batch { get; init => field = value == 0 ? 1 : value; } = 1;

    /// <summary>Names the plan under which this step was computed, where that is not the condition's (<see cref="EpisodeRecord.PlanOf"/>).</summary>
    public string? Plan { get; init; }

    /// <summary>Whether an edit, or keys and values of another instruction, acted in this step; a schedule may leave it out.</summary>
    public bool IsEdited { get; init; }

    /// <summary>Where the gripper was before the action; null without a world.</summary>
    public Position? Gripper { get; init; }

    /// <summary>The world's measures before the action; none without a world.</summary>
    public IReadOnlyDictionary<string, double> Measures { get; init => field = value ?? NoMeasures; } = NoMeasures;

    /// <summary>What monitors said.</summary>
    public IReadOnlyList<MonitorReading> Readings { get; init => field = value ?? []; } = [];

    /// <summary>How long the act took on the clock; null where nobody measured.</summary>
    public double? Seconds { get; init; }

    /// <summary>Whether the policy acted anew.</summary>
    [JsonIgnore]
    public bool Acted => Chunk is not null;

    private static IReadOnlyDictionary<string, StateVector> Nothing { get; } = new Dictionary<string, StateVector>();

    private static IReadOnlyDictionary<string, double> NoMeasures { get; } = new Dictionary<string, double>();

    /// <summary>A step in which the policy acted anew.</summary>
    /// <param name="step">From 0.</param>
    /// <param name="seen">What it saw.</param>
    /// <param name="run">What it did.</param>
    /// <param name="row">Which observation of the run.</param>
    public static RecordedStep Of(int step, Observation seen, PolicyRun run, int row = 0)
    {
        ArgumentNullException.ThrowIfNull(seen);
        ArgumentNullException.ThrowIfNull(run);
        var action = run.Actions[row];
        return Carried(step, seen, action.Values) with
        {
            Chunk = action.Chunk,
            Normalised = action.Normalised,
            Tokens = action.Tokens?.TokenIds ?? action.Said,
            Batch = run.Actions.Count,
        };
    }

    /// <summary>A step in which a row of an earlier chunk is carried out.</summary>
    /// <param name="step">From 0.</param>
    /// <param name="seen">What was to be seen.</param>
    /// <param name="action">In the robot's units.</param>
    public static RecordedStep Carried(int step, Observation seen, IReadOnlyList<double> action)
    {
        ArgumentNullException.ThrowIfNull(seen);
        return new RecordedStep
        {
            Step = step,
            Instruction = seen.Instruction,
            Cameras = [.. seen.Cameras.Keys],
            State = seen.State,
            Action = [.. action],
        };
    }

    /// <summary>In what another step departs from this one; null where actions, chunks and tokens agree to the bit.</summary>
    /// <param name="other">The same step, computed again.</param>
    public StepDifference? DifferenceTo(RecordedStep other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Instruction != other.Instruction ? new(Step, "instruction", double.PositiveInfinity)
            : !Tokens.SequenceEqual(other.Tokens) ? new(Step, "tokens", Largest(Normalised, other.Normalised))
            : Largest([Action], [other.Action]) is > 0 and var action ? new(Step, "action", action)
            : Largest(Chunk, other.Chunk) is > 0 and var chunk ? new(Step, "chunk", chunk)
            : Largest(Normalised, other.Normalised) is > 0 and var normalised ? new(Step, "normalised chunk", normalised)
            : null;
    }

    /// <summary>0 where every bit agrees, infinite where there are other numbers of numbers.</summary>
    private static double Largest(IReadOnlyList<IReadOnlyList<double>>? mine, IReadOnlyList<IReadOnlyList<double>>? theirs)
    {
        var (a, b) = (mine ?? [], theirs ?? []);
        return a.Count != b.Count || a.Zip(b).Any(r => r.First.Count != r.Second.Count)
            ? double.PositiveInfinity
            : a.Zip(b).SelectMany(r => r.First.Zip(r.Second)).Select(n => Bits(n.First) == Bits(n.Second) ? 0
                : Math.Max(double.Epsilon, Math.Abs(n.First - n.Second))).DefaultIfEmpty().Max();

        static long Bits(double number) => BitConverter.DoubleToInt64Bits(number);
    }
}
