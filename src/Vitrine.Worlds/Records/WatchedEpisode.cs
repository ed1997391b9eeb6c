using Vitrine.Transformers;
using Vitrine.Worlds.Monitors;

namespace Vitrine.Worlds.Records;

/// <summary>An episode that was recorded, watched by monitors, or both.</summary>
/// <param name="Episode">What happened.</param>
/// <param name="Reason">Why it ended: <c>solved</c>, <c>limit</c>, or <c>alarm</c> where a monitor stopped it.</param>
/// <param name="Readings">What monitors said: one list for each control step, empty where the policy did not act anew.</param>
/// <param name="Folder">Of its record; null where none was kept.</param>
public sealed record WatchedEpisode(Episode Episode, string Reason, IReadOnlyList<IReadOnlyList<MonitorReading>> Readings, string? Folder)
{
    /// <summary>Edits of a plan without schedule that touched nothing; none of a record that was found finished.</summary>
    public IReadOnlyList<UntouchedEdit> UntouchedEdits { get; init; } = [];

    /// <summary>The first control step with an alarm, from 0; null where there was none.</summary>
    public int? FirstAlarm => Readings.Index().Where(r => r.Item.Any(m => m.IsAlarm)).Select(r => (int?)r.Index).FirstOrDefault();
}
