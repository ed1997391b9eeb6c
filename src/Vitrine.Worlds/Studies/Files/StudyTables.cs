namespace Vitrine.Worlds.Studies.Files;

/// <summary>Results as Parquet; docs/studies.md has the columns. Equal runs give equal bytes.</summary>
internal static class StudyTables
{
    /// <summary>One row an episode, arm by arm in the study's order, layouts in theirs.</summary>
    public static Task<byte[]> EpisodesAsync(StudyRun run, string registered, CancellationToken cancellation)
    {
        var rows = run.Arms.SelectMany(a => a.Episodes, (a, e) => (a.Arm, Episode: e)).ToArray();
        string[] own = [.. rows.SelectMany(r => r.Episode.Measures.Keys).Distinct().Order(StringComparer.Ordinal)];
        var table = new ParquetTable();
        table.Texts("study", rows.Select(_ => run.Study.Name));
        table.Texts("arm", rows.Select(r => r.Arm.Name));
        table.Texts("kind", rows.Select(r => r.Arm.Kind.ToString()));
        table.Texts("concept", rows.Select(r => r.Arm.Concept));
        table.Texts("word", rows.Select(r => r.Arm.Word));
        table.Texts("group", rows.Select(r => r.Arm.Group));
        table.Texts("fingerprint", rows.Select(r => r.Arm.Fingerprint));
        table.Texts("task", rows.Select(r => r.Episode.Layout.Task));
        table.Values("layout", rows.Select(r => r.Episode.Layout.Index));
        table.Texts("split", rows.Select(r => r.Episode.Layout.Split.ToString()));
        table.Values("seed", rows.Select(r => r.Episode.Layout.Seed));
        table.Texts("instruction", rows.Select(r => r.Episode.Instruction));
        table.Values("succeeded", rows.Select(r => r.Episode.Succeeded));
        table.Values("steps", rows.Select(r => r.Episode.Steps));
        table.Values("speed", rows.Select(r => Measure.Speed.Of(r.Episode)));
        table.Values("height", rows.Select(r => Measure.Height.Of(r.Episode)));
        foreach (var name in own)
        {
            table.Maybe("world." + name, rows.Select(r => r.Episode.Measures.TryGetValue(name, out var value) ? value : (double?)null));
        }

        return table.ToBytesAsync(About(registered), cancellation);
    }

    /// <summary>One row a comparison.</summary>
    public static Task<byte[]> ComparisonsAsync(StudyOutcome outcome, CancellationToken cancellation)
    {
        var (rows, table) = (outcome.Comparisons, new ParquetTable());
        table.Texts("study", rows.Select(_ => outcome.File.Name));
        table.Texts("concept", rows.Select(c => c.Concept));
        table.Texts("arm", rows.Select(c => c.Arm));
        table.Texts("measure", rows.Select(c => c.Measure));
        table.Values("exploratory", rows.Select(c => c.IsExploratory));
        table.Values("layouts", rows.Select(c => c.Layouts));
        table.Values("baseline", rows.Select(c => c.Baseline));
        table.Values("mean", rows.Select(c => c.Mean));
        table.Values("change", rows.Select(c => c.Change.Mean));
        table.Values("change_low", rows.Select(c => c.Change.Low));
        table.Values("change_high", rows.Select(c => c.Change.High));
        table.Values("p", rows.Select(c => c.P));
        table.Maybe("p_adjusted", rows.Select(c => c.AdjustedP));
        table.Values("significant", rows.Select(c => c.IsSignificant));
        table.Maybe("d_z", rows.Select(c => c.EffectSize));
        table.Values("cliffs_delta", rows.Select(c => c.CliffsDelta));
        table.Maybe("selectivity", rows.Select(c => c.Selectivity?.Difference.Mean));
        table.Maybe("selectivity_low", rows.Select(c => c.Selectivity?.Difference.Low));
        table.Maybe("selectivity_high", rows.Select(c => c.Selectivity?.Difference.High));
        table.Maybe("intended", rows.Select(c => c.Selectivity?.Intended));
        table.Maybe("unintended", rows.Select(c => c.Selectivity?.Unintended));
        table.Maybe("word_change", rows.Select(c => c.Word?.Mean));
        table.Maybe("matched_random_smallest", rows.Select(c => c.MatchedRandom?.Smallest));
        table.Maybe("matched_random_largest", rows.Select(c => c.MatchedRandom?.Largest));
        table.Maybe("random_direction_smallest", rows.Select(c => c.RandomDirection?.Smallest));
        table.Maybe("random_direction_largest", rows.Select(c => c.RandomDirection?.Largest));
        table.Maybe("reversed_change", rows.Select(c => c.Reversed?.Mean));
        table.Maybe("zero_dose_change", rows.Select(c => c.ZeroDose?.Mean));
        table.Maybe("success", rows.Select(c => c.Success.Rate));
        table.Values("success_low", rows.Select(c => c.Success.Low));
        table.Values("success_high", rows.Select(c => c.Success.High));
        table.Maybe("baseline_success", rows.Select(c => c.BaselineSuccess.Rate));
        table.Values("success_change", rows.Select(c => c.SuccessChange.Mean));
        table.Values("success_change_low", rows.Select(c => c.SuccessChange.Low));
        table.Values("success_change_high", rows.Select(c => c.SuccessChange.High));
        table.Values("success_p", rows.Select(c => c.SuccessP));
        table.Texts("verdict", rows.Select(c => c.Verdict.ToString()));
        return table.ToBytesAsync(About(outcome.Registered), cancellation);
    }

    private static Dictionary<string, string> About(string registered) => new() { ["schema"] = StudyOutcome.Form, ["registered"] = registered };
}
