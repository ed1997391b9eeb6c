using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Worlds.Studies;

/// <summary>What episodes of one task came to.</summary>
/// <param name="Task">The task; <c>all</c> for every task together.</param>
/// <param name="Episodes">How many.</param>
/// <param name="Success">Share of solved ones.</param>
/// <param name="Steps">Mean number of actions of the solved ones; null where none was.</param>
/// <param name="Speed">Mean of <see cref="Measure.Speed"/>.</param>
/// <param name="Height">Mean of <see cref="Measure.Height"/>.</param>
public sealed record TaskSummary(string Task, int Episodes, Proportion Success, double? Steps, double Speed, double Height)
{
    /// <summary>Sums up an arm, task by task and then over all.</summary>
    /// <param name="arm">Its episodes.</param>
    public static IReadOnlyList<TaskSummary> Of(ArmEpisodes arm)
    {
        ArgumentNullException.ThrowIfNull(arm);
        return [.. arm.Episodes.GroupBy(e => e.Layout.Task).Select(task => Of(task.Key, [.. task])), Of("all", arm.Episodes)];
    }

    private static TaskSummary Of(string task, IReadOnlyList<Episode> episodes) => new(
        task, episodes.Count,
        new Proportion(episodes.Count(e => e.Succeeded), episodes.Count),
        episodes.Where(e => e.Succeeded).Average(e => (double?)e.Steps),
        episodes.Average(Measure.Speed.Of),
        episodes.Average(Measure.Height.Of));
}
