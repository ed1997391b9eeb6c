using System.Globalization;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds.Monitors;

namespace Vitrine.Serving.Hosting;

/// <summary>One request of a session, as its protocol read it.</summary>
public sealed record ServedRequest
{
    /// <summary>What the robot sees, under the policy's own names.</summary>
    public required Observation Seen { get; init; }

    /// <summary>Seed of the noise; the host's when null.</summary>
    public long? Seed { get; init; }

    /// <summary>The noise itself; drawn from the seed when null.</summary>
    public ActNoise? Noise { get; init; }

    /// <summary>Changes of this request alone, behind all others; nothing when null.</summary>
    public RunPlan? Edits { get; init; }

    /// <summary>In whose units to answer; the model's own when null.</summary>
    public string? Units { get; init; }

    /// <summary>Timestamp of the host's clock when its message was there; when it was asked where null.</summary>
    public long? Came { get; init; }
}

/// <summary>One neuron as it was when an action was decided.</summary>
/// <param name="Neuron">Its name, <c>language.5:111</c>.</param>
/// <param name="Value">Its activation where the first action is decided, in the first pass; the mean over the row in a stack that decides nothing.</param>
public sealed record WatchedNeuron(string Neuron, double Value);

/// <summary>What a session is answered.</summary>
public sealed record ServedAnswer
{
    /// <summary>[control step][dimension], in the robot's units.</summary>
    public required IReadOnlyList<IReadOnlyList<double>> Chunk { get; init; }

    /// <summary>Which answer of its session, from 0.</summary>
    public int Step { get; init; }

    /// <summary>Which of the live plans was in force (<see cref="Live.LivePlans.Revision"/>).</summary>
    public int Revision { get; init; }

    /// <summary>Seed of the noise that it started from; null for a policy that starts from none, and for given noise.</summary>
    public long? Seed { get; init; }

    /// <summary>Why it is not to be trusted as it stands; null where nothing is wrong.</summary>
    public string? Problem { get; init; }

    /// <summary>What monitors say of it.</summary>
    public IReadOnlyList<MonitorReading> Readings { get; init; } = [];

    /// <summary>Those that are alarmed, in words.</summary>
    public IReadOnlyList<string> Alarms => [.. Readings.Where(r => r.IsAlarm).Select(r => string.Create(
        CultureInfo.InvariantCulture, $"{r.Monitor}: {r.Score:0.####} is above {r.Threshold:0.####}"))];

    /// <summary>Chosen neurons.</summary>
    public IReadOnlyList<WatchedNeuron> Watched { get; init; } = [];

    /// <summary>Milliseconds that it waited.</summary>
    public double QueueMilliseconds { get; init; }

    /// <summary>Milliseconds of the pass that it shared.</summary>
    public double ModelMilliseconds { get; init; }

    /// <summary>Milliseconds that the server took besides, from the message to an answer that is ready to be written.</summary>
    public double OverheadMilliseconds { get; init; }

    /// <summary>Requests that shared the pass.</summary>
    public int Rows { get; init; } = 1;
}

/// <summary>An answer with its session and its request, as recorders, monitors and watchers see it.</summary>
/// <param name="Session">Whose.</param>
/// <param name="Request">What was asked.</param>
/// <param name="Answer">What was said.</param>
public sealed record ServedStep(HostSession Session, ServedRequest Request, ServedAnswer Answer);
