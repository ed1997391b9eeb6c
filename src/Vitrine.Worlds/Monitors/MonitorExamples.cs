using System.Globalization;
using Vitrine.Worlds.Records;
using Vitrine.Worlds.Studies;

namespace Vitrine.Worlds.Monitors;

/// <summary>An act as a monitor is trained and judged on it.</summary>
/// <param name="Step">Its control step.</param>
/// <param name="X">What the points hold.</param>
/// <param name="IsPositive">Whether there should be an alarm.</param>
internal sealed record MonitoredAct(int Step, float[] X, bool IsPositive);

/// <summary>The acts of one episode.</summary>
/// <param name="Name">Says which episode of the world: conditions of one layout have one name.</param>
/// <param name="Acts">In order.</param>
internal sealed record MonitoredEpisode(string Name, IReadOnlyList<MonitoredAct> Acts)
{
    public bool IsPositive => Acts.Any(a => a.IsPositive);
}

/// <summary>Episodes with labels, out of records, for monitors to be trained and judged on.</summary>
public sealed class MonitorExamples
{
    internal MonitorExamples(StudyPolicy policy, IReadOnlyList<string> points, MonitorLabel label, IReadOnlyList<MonitoredEpisode> episodes)
        => (Policy, Points, Label, All) = (policy, points, label, episodes);

    /// <summary>Whose activations they are.</summary>
    public StudyPolicy Policy { get; }

    /// <summary>Addresses that are read, in order.</summary>
    public IReadOnlyList<string> Points { get; }

    /// <summary>What there should be an alarm at.</summary>
    public MonitorLabel Label { get; }

    /// <summary>Episodes.</summary>
    public int Episodes => All.Count;

    /// <summary>Episodes in which there should be an alarm.</summary>
    public int Positive => All.Count(e => e.IsPositive);

    internal IReadOnlyList<MonitoredEpisode> All { get; }

    /// <summary>Reads records.</summary>
    /// <param name="records">At least one; all of one policy.</param>
    /// <param name="points">Addresses that every record keeps, without wildcards.</param>
    /// <param name="label">What there should be an alarm at.</param>
    /// <param name="named">With <see cref="MonitorLabel.Named"/>: the records to alarm at.</param>
    /// <exception cref="VitrineException">There is none, the policies differ, or a record does not keep a point, or does not say how it ended.</exception>
    public static MonitorExamples Of(
        IReadOnlyList<EpisodeRecord> records, IReadOnlyList<string> points, MonitorLabel label, IReadOnlyList<EpisodeRecord>? named = null)
    {
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(points);
        EpisodeRecord[] all = [.. records, .. named ?? []];
        if (all.Length == 0 || points.Count == 0)
        {
            throw new VitrineException($"monitor: {all.Length} records and {points.Count} points; expected at least one of each.");
        }

        var policy = all[0].Header.Policy;
        return Array.Find(all, r => r.Header.Policy.Fingerprint != policy.Fingerprint) is { } other
            ? throw new VitrineException(
                $"{other.Folder}: is of the weights {other.Header.Policy.Short}; {all[0].Folder} is of {policy.Short}. One monitor is of one policy.")
            : new MonitorExamples(
                policy, points, label, [.. all.Select((r, i) => Of(r, points, label, isNamed: i >= records.Count)).Where(e => e.Acts.Count > 0)]);
    }

    /// <summary>Parts the episodes by layout, so that conditions of one layout stay together.</summary>
    /// <param name="share">Of the first part.</param>
    /// <param name="seed">Decides which.</param>
    /// <exception cref="VitrineException">A part would be empty.</exception>
    public (MonitorExamples First, MonitorExamples Second) Split(double share, ulong seed)
    {
        var names = new Mechanisms.Statistics.RandomStream($"monitor/{seed}").Shuffled([.. All.Select(e => e.Name).Distinct()]);
        var first = names.Take((int)Math.Round(share * names.Length)).ToHashSet();
        var (a, b) = (With([.. All.Where(e => first.Contains(e.Name))]), With([.. All.Where(e => !first.Contains(e.Name))]));
        return a.Episodes > 0 && b.Episodes > 0 ? (a, b)
            : throw new VitrineException(
                $"monitor: {names.Length} layouts cannot be parted in {share.ToString(CultureInfo.InvariantCulture)} and the rest; record more.");
    }

    internal MonitorExamples With(IReadOnlyList<MonitoredEpisode> episodes) => new(Policy, Points, Label, episodes);

    /// <summary>What the points of a recorded step hold.</summary>
    /// <param name="record">The record.</param>
    /// <param name="kept">What it keeps; stays the caller's.</param>
    /// <param name="step">From 0.</param>
    /// <param name="points">Addresses, in order.</param>
    internal static float[] Features(EpisodeRecord record, RecordedActivations kept, int step, IReadOnlyList<string> points)
    {
        return [.. points.SelectMany(Pooled)];

        float[] Pooled(string point)
        {
            using var values = kept.Find(step, point)
                ?? throw new VitrineException($"{record.Folder}: keeps no '{point}' of step {step}; it keeps "
                    + $"{(kept.Addresses(step) is { Count: > 0 } there ? string.Join(", ", there.Order(StringComparer.Ordinal)) : "nothing")}.");
            return record.Header.KeepsAllPositions
                ? throw new VitrineException($"{record.Folder}: keeps all positions; a monitor reads where the action is decided. Record without that option.")
                : KeptActivations.Pooled(values);
        }
    }

    private static MonitoredEpisode Of(EpisodeRecord record, IReadOnlyList<string> points, MonitorLabel label, bool isNamed)
    {
        var fails = label != MonitorLabel.Fails ? false
            : record.Header.End?.Succeeded is { } solved ? !solved
            : throw new VitrineException($"{record.Folder}: does not say whether its task was solved; label its acts otherwise.");
        using var kept = new RecordedActivations(record.Folder);
        return new MonitoredEpisode(
            NameOf(record),
            [
                .. record.Steps.Where(s => s.Acted).Select(s => new MonitoredAct(s.Step, Features(record, kept, s.Step, points), label switch
                {
                    MonitorLabel.Fails => fails,
                    MonitorLabel.Edited => s.IsEdited,
                    _ => isNamed,
                })),
            ]);
    }

    private static string NameOf(EpisodeRecord record) => record.Header.Layout is { } layout
        ? string.Create(CultureInfo.InvariantCulture, $"{layout.Task} {layout.Index} of seed {layout.Seed}")
        : Path.GetFileName(Path.GetFullPath(record.Folder));
}
