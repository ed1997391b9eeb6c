using System.Globalization;
using System.Runtime.CompilerServices;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds.Monitors;
using Vitrine.Worlds.Records;
using Vitrine.Worlds.Studies;

namespace Vitrine.Serving.Hosting;

/// <summary>Records every session of a server, an episode a folder: what was seen, under which plan, what was answered, what monitors said.</summary>
/// <param name="folder">Holds the records, <c>TIME-SESSION-EPISODE</c> each.</param>
/// <param name="points">Addresses of activations to keep; none when null.</param>
/// <param name="time">What time it is; the system's when null.</param>
/// <remarks>
/// A step is on disk before its answer is sent, so that the end of the process at any moment loses no answered step. A record that was cut off is read, and
/// replayed, as far as it goes. Where a client calls its session by a name and comes back under it in the middle of an episode, its record goes on.
/// </remarks>
public sealed class SessionRecorder(string folder, IReadOnlyList<string>? points = null, TimeProvider? time = null) : IDisposable
{
    private readonly Lock gate = new();
    private readonly Dictionary<HostSession, EpisodeRecorder> open = [];
    private readonly ConditionalWeakTable<HostSession, SessionRecorder> followed = [];

    /// <summary>Addresses of activations that are kept.</summary>
    public IReadOnlyList<string> Points => points ?? [];

    /// <summary>Ends the records that a process left behind and that no client can come back to.</summary>
    /// <returns>How many.</returns>
    /// <exception cref="VitrineException">The folder cannot be written.</exception>
    public int EndCutOff() => EpisodeRecorder.EndCutOff(folder);

    /// <summary>Keeps an answer.</summary>
    /// <param name="policy">Who answered.</param>
    /// <param name="asked">What was asked.</param>
    /// <param name="run">What was done.</param>
    /// <param name="row">Which observation of the run.</param>
    /// <param name="readings">What monitors said.</param>
    /// <param name="seconds">How long the pass took.</param>
    /// <exception cref="VitrineException">The folder cannot be written.</exception>
    internal void Add(
        Policy policy, ServedAsk asked, PolicyRun run, int row, IReadOnlyList<MonitorReading> readings, double seconds)
    {
        lock (gate)
        {
            if (asked.Session.IsClosed)
            {
                return; // Its record has ended, and nobody waits for the answer.
            }

            if (!open.TryGetValue(asked.Session, out var recorder))
            {
                open[asked.Session] = recorder = Begin(policy, asked, readings);
            }

            var plan = asked.Plans.Aggregate(RunPlan.Empty, (all, next) => all.Then(next));
            var noise = asked.Request.Noise ?? (policy.NoiseShape is null ? null : ActNoise.OfSeed(asked.Seed));
            recorder.Add(
                RecordedStep.Of(recorder.Steps, asked.Request.Seen, run, row) with { Readings = readings, Seconds = seconds, IsEdited = plan.Edits.Count > 0 },
                asked.Request.Seen, Points.Count == 0 ? null : run, row, plan.Edits.Count == 0 ? null : plan, noise);
        }
    }

    /// <summary>Ends every record that is open.</summary>
    public void Dispose()
    {
        foreach (var session in open.Keys.ToArray())
        {
            End(session, null, "stopped");
        }
    }

    private EpisodeRecorder Begin(Policy policy, ServedAsk asked, IReadOnlyList<MonitorReading> readings)
    {
        var session = asked.Session;
        var now = (time ?? TimeProvider.System).GetUtcNow();
        var name = string.Create(CultureInfo.InvariantCulture, $"{now:yyyyMMdd-HHmmss}-{Plain(session.Name)}-{session.Episode:000}");
        var header = RecordHeader.Of(policy, new Arm { Name = "served", Kind = ArmKind.Baseline }) with
        {
            Policy = StudyPolicy.Of(policy) with { Units = asked.Request.Units ?? policy.Units },
            Points = Points,
            Monitors = [.. readings.Select(r => r.Monitor)],
            Client = $"{session.Protocol} {session.Caller ?? session.Name}",
            Caller = session.Caller,
            Begun = now,
        };
        var recorder = session.MayGoOn ? EpisodeRecorder.ResumeNewest(folder, header) : null;
        if (recorder is null)
        {
            var free = Enumerable.Range(0, int.MaxValue).Select(i => Path.Combine(folder, i == 0 ? name : $"{name}-{i}")).First(p => !Directory.Exists(p));
            recorder = EpisodeRecorder.Create(free, header);
        }

        session.Step = recorder.Steps;
        if (followed.TryAdd(session, this))
        {
            session.EpisodeEnded += succeeded => End(session, succeeded, "closed");
        }

        return recorder;
    }

    private void End(HostSession session, bool? succeeded, string reason)
    {
        EpisodeRecorder? recorder;
        lock (gate)
        {
            if (!open.Remove(session, out recorder))
            {
                return;
            }
        }

        using (recorder)
        {
            recorder.Finish(new RecordEnd(0, succeeded == true ? "solved" : reason, succeeded));
        }
    }

    private static string Plain(string name) => string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '_'));
}
