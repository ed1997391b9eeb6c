using System.Text.Json;
using System.Text.Json.Serialization;
using Vitrine.Transformers;

namespace Vitrine.Serving.Live;

/// <summary>One answer, as those who watch see it.</summary>
public sealed record LiveStep
{
    /// <summary>Whose.</summary>
    public required string Session { get; init; }

    /// <summary>What it speaks.</summary>
    public required string Protocol { get; init; }

    /// <summary>Which episode of the session.</summary>
    public int Episode { get; init; }

    /// <summary>Which answer of the episode.</summary>
    public int Step { get; init; }

    /// <summary>The number of the live plan that was in force.</summary>
    public int Plan { get; init; }

    /// <summary>What the robot was asked to do.</summary>
    public string Instruction { get; init => field = value ?? ""; } = "";

    /// <summary>The first row of the chunk, in the robot's units.</summary>
    public IReadOnlyList<double> Action { get; init => field = value ?? []; } = [];

    /// <summary>Rows of the chunk.</summary>
    public int Horizon { get; init; }

    /// <summary>Chosen neurons by name.</summary>
    public IReadOnlyDictionary<string, double> Neurons { get; init => field = value ?? new Dictionary<string, double>(); } = new Dictionary<string, double>();

    /// <summary>Scores of the monitors by name.</summary>
    public IReadOnlyDictionary<string, double> Monitors { get; init => field = value ?? new Dictionary<string, double>(); } = new Dictionary<string, double>();

    /// <summary>Those that are alarmed, in words.</summary>
    public IReadOnlyList<string> Alarms { get; init => field = value ?? []; } = [];

    /// <summary>Why the action is not to be trusted; null where nothing is wrong.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Problem { get; init; }

    /// <summary>Milliseconds that the request waited.</summary>
    public double QueueMs { get; init; }

    /// <summary>Milliseconds of the pass.</summary>
    public double ModelMs { get; init; }

    /// <summary>Milliseconds that the server took besides, from the message to an answer that is ready to be written.</summary>
    public double OverheadMs { get; init; }

    /// <summary>Cameras whose pictures can be asked for.</summary>
    public IReadOnlyList<string> Cameras { get; init => field = value ?? []; } = [];

    /// <summary>Requests that shared the pass.</summary>
    public int Rows { get; init; }
}

/// <summary>A session, as those who watch see it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Protocol">What it speaks.</param>
/// <param name="Episode">Which of its episodes.</param>
/// <param name="Step">Answers of the episode.</param>
/// <param name="Answered">Answers of all episodes.</param>
/// <param name="Dose">Strength of the plan that is set for it alone.</param>
/// <param name="HasPlan">Whether one is set for it alone.</param>
public sealed record LiveSession(string Name, string Protocol, int Episode, int Step, long Answered, double Dose, bool HasPlan)
{
    /// <summary>The number of the last change that was made for it alone; 0 where none was.</summary>
    public int Plan { get; init; }
}

/// <summary>A server now.</summary>
public sealed record LiveState
{
    /// <summary>What is served.</summary>
    public required string Model { get; init; }

    /// <summary>Its weights' fingerprint.</summary>
    public string Fingerprint { get; init => field = value ?? ""; } = "";

    /// <summary>What the numbers of an action are, in order.</summary>
    public IReadOnlyList<string> ActionNames { get; init => field = value ?? []; } = [];

    /// <summary>Those that are open.</summary>
    public IReadOnlyList<LiveSession> Sessions { get; init => field = value ?? []; } = [];

    /// <summary>The number of the last change.</summary>
    public int Plan { get; init; }

    /// <summary>The number of the last change that was made for everybody; 0 where none was.</summary>
    public int PlanOfAll { get; init; }

    /// <summary>Edits that it was started with; they stay.</summary>
    public int StartEdits { get; init; }

    /// <summary>Edits that are set for everybody.</summary>
    public int Edits { get; init; }

    /// <summary>Their strength.</summary>
    public double Dose { get; init; }

    /// <summary>Requests that wait.</summary>
    public int Waiting { get; init; }

    /// <summary>Requests that were answered.</summary>
    public long Answers { get; init; }

    /// <summary>Requests and sessions that were refused.</summary>
    public long Refusals { get; init; }

    /// <summary>Answers with an alarm.</summary>
    public long Alarms { get; init; }
}

/// <summary>A change that was made.</summary>
/// <param name="Plan">Its number.</param>
public sealed record LiveChange(int Plan);

/// <summary>What is set for everybody, or for one session alone.</summary>
/// <param name="Number">Of the last change there; 0 where none was made.</param>
/// <param name="Dose">Strength of every edit.</param>
/// <param name="Plan">As it was set; null where nothing is.</param>
public sealed record LiveSetting(int Number, double Dose, RunPlan? Plan);

/// <summary>A setting as it travels.</summary>
/// <param name="Plan">Number of the change.</param>
/// <param name="Dose">Strength.</param>
/// <param name="Edits">The plan as its own JSON; null for none.</param>
internal sealed record LivePlanText(int Plan, double Dose, JsonElement? Edits);

/// <summary>A change that was refused.</summary>
/// <param name="Error">Why.</param>
public sealed record LiveRefusal(string Error);

/// <summary>JSON of the control interface, by generated code.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectNullableAnnotations = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(LiveStep))]
[JsonSerializable(typeof(LiveState))]
[JsonSerializable(typeof(LiveChange))]
[JsonSerializable(typeof(LivePlanText))]
[JsonSerializable(typeof(LiveRefusal))]
internal sealed partial class LiveJsonContext : JsonSerializerContext;
