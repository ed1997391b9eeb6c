using System.Globalization;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Transformers;

namespace Vitrine.Worlds.Studies;

/// <summary>Compares the arms of a run with its baseline, layout by layout.</summary>
internal sealed class StudyComparison(StudyRun run, ArmEpisodes baseline, int resamples, ulong seed)
{
    /// <summary>All arms over the chosen layouts, in the run's order.</summary>
    public IReadOnlyList<ArmMeasures> Over(Func<LayoutKey, bool> isChosen)
    {
        var reference = Chosen(baseline, isChosen);
        var arms = run.Arms.Select(arm => Measured(arm.Arm, Chosen(arm, isChosen), reference)).ToArray();
        foreach (var measure in Measure.All)
        {
            AdjustEdits(arms, measure.Name);
        }

        return arms;
    }

    /// <summary>p of one comparison over all layouts, as a <see cref="StudyResult"/> has it where no seed is named; nothing else is computed.</summary>
    public static double PValue(StudyRun run, string arm, Measure measure) => SignFlip.PValue(Differences(
        measure, run.Arms.Single(a => a.Arm.Name == arm).Episodes, run.Arms.First(a => a.Arm.Kind == ArmKind.Baseline).Episodes));

    private static Episode[] Chosen(ArmEpisodes arm, Func<LayoutKey, bool> isChosen) => [.. arm.Episodes.Where(e => isChosen(e.Layout))];

    private ArmMeasures Measured(ArmLabel arm, Episode[] episodes, Episode[] reference)
    {
        if (!episodes.Select(e => e.Layout).SequenceEqual(reference.Select(e => e.Layout)))
        {
            throw new VitrineException($"study '{run.Study.Name}': arm '{arm.Name}' did not meet the baseline's layouts, so the two cannot be paired.");
        }

        return new(
            new Proportion(episodes.Count(e => e.Succeeded), episodes.Length),
            Measure.All.ToDictionary(m => m.Name, m => episodes.Average(e => Value(arm, m, e))),
            arm.Kind == ArmKind.Baseline ? new Dictionary<string, Difference>() : Measure.All.ToDictionary(m => m.Name, m => Compare(m, episodes, reference)));
    }

    private double Value(ArmLabel arm, Measure measure, Episode episode) => measure.Of(episode) is var value && double.IsFinite(value)
        ? value
        : throw new NonFiniteException(
            $"study '{run.Study.Name}', arm '{arm.Name}': the {measure.Name} of {episode.Layout.Task} {episode.Layout.Index} is "
                + $"{value.ToString(CultureInfo.InvariantCulture)}; expected a finite number.");

    private Difference Compare(Measure measure, Episode[] episodes, Episode[] reference)
    {
        var differences = Differences(measure, episodes, reference);
        return new(PairedBootstrap.MeanDifference(differences, resamples, seed), SignFlip.PValue(differences, seed: seed), AdjustedP: null);
    }

    private static double[] Differences(Measure measure, IReadOnlyList<Episode> episodes, IReadOnlyList<Episode> reference)
        => [.. episodes.Zip(reference, (e, r) => measure.Of(e) - measure.Of(r))];

    private void AdjustEdits(ArmMeasures[] arms, string measure)
    {
        int[] edits = [.. Enumerable.Range(0, arms.Length).Where(i => run.Arms[i].Arm.Kind == ArmKind.Edit)];
        var adjusted = Holm.Adjust([.. edits.Select(i => arms[i].Differences[measure].P)]);
        foreach (var (rank, i) in edits.Index())
        {
            var differences = new Dictionary<string, Difference>(arms[i].Differences);
            differences[measure] = differences[measure] with { AdjustedP = adjusted[rank] };
            arms[i] = arms[i] with { Differences = differences };
        }
    }
}
