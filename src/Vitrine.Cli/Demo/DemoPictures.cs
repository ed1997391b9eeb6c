using Vitrine.Mechanisms.Experts;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Views;
using Vitrine.Worlds;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Demo;

/// <summary>What the demo shows as pictures: where heads look, and episodes before and after a change.</summary>
internal static class DemoPictures
{
    /// <summary>How many heads are shown.</summary>
    public const int Heads = 8;

    /// <summary>The first test layout of a task, as it begins: what the robot sees and where the object that is spoken of really is.</summary>
    public static (Observation Seen, PictureRegion Target) Example(ulong seed)
    {
        var world = new TabletopWorld(new TabletopOptions { Adverbs = false });
        world.Reset(new LayoutKey(seed, LayoutSplit.Test, TabletopWorld.TaskNames[0], 0));
        var (left, top, width, height) = TabletopRenderer.BoundsOf(world.State.Objects[world.Layout.Spec.Target]);
        const double Side = TabletopRenderer.Size;
        return (world.Observe(), new PictureRegion(left / Side, top / Side, width / Side, height / Side));
    }

    /// <summary>Where every head looks.</summary>
    public static IReadOnlyList<AttentionMap> Attention(Policy policy, Observation seen, PictureRegion target, CancellationToken cancellation)
        => [.. (policy is FlowPolicy flow
                ? ExpertAttention.All(flow, seen, cancellation)
                : PromptAttention.All(policy, seen, cancellation))
            .Select(look => new AttentionMap { Look = look, Picture = seen.Picture, Target = target })];

    /// <summary>The heads that look most at the picture, in the order of layers.</summary>
    public static IReadOnlyList<AttentionMap> Strongest(IReadOnlyList<AttentionMap> every)
    {
        var strongest = HeadLook.Strongest(every.Select(m => m.Look), Heads);
        return [.. every.Where(m => strongest.Contains(m.Look))];
    }

    /// <summary>The edit that is filmed: the first that moves the robot, the first of all where none does.</summary>
    public static Verdict Shown(IReadOnlyList<Verdict> verdicts) => verdicts.FirstOrDefault(v => v.Class == VerdictClass.Shown)
        ?? verdicts.FirstOrDefault(v => v.Class == VerdictClass.BreaksTask) ?? verdicts[0];

    /// <summary>
    /// Measured episodes without and with an edit: the first layout that is solved in both, beside the first that only the edit fails; the first layout of all
    /// where the study has neither.
    /// </summary>
    public static IReadOnlyList<EpisodePair> Film(StudyRun run, Verdict verdict)
    {
        var (baseline, arm) = (run.Study.Arms.Single(a => a.Kind == ArmKind.Baseline).Name, verdict.Arm.Name);
        LayoutKey[] layouts = [.. run.Study.Layouts()];
        LayoutKey[] shown = [.. new[] { First(true, true), First(true, false) }.OfType<LayoutKey>()];
        return
        [
            .. (shown.Length > 0 ? shown : layouts[..1]).Select(layout => new EpisodePair
            {
                Subject = $"*{run.Study.Name}*: {arm}",
                Title = $"{layout.Task}: {Outcome(run.EpisodeOf(baseline, layout).Succeeded, run.EpisodeOf(arm, layout).Succeeded)}",
                Before = Filmed(run, baseline, layout, baseline),
                After = Filmed(run, arm, layout, "with the edit"),
                Measure = Measure.Named(verdict.Measure),
                Units = NewWorld().Units,
            }),
        ];

        LayoutKey? First(bool before, bool after)
            => layouts.FirstOrDefault(l => run.EpisodeOf(baseline, l).Succeeded == before && run.EpisodeOf(arm, l).Succeeded == after);
    }

    /// <summary>The world of the demo: strict physics, sensor noise, no speed or height words in the instructions.</summary>
    public static IWorld NewWorld() => new TabletopWorld(new TabletopOptions { Adverbs = false });

    private static string Outcome(bool before, bool after) => (before, after) switch
    {
        (true, true) => "solved without and with the edit",
        (true, false) => "solved without the edit, fails with it",
        (false, true) => "fails without the edit, solved with it",
        _ => "solved neither without nor with the edit",
    };

    private static FilmedEpisode Filmed(StudyRun run, string arm, LayoutKey layout, string label)
        => FilmedEpisode.Of(label, EpisodeFilm.Of(NewWorld, run.EpisodeOf(arm, layout)), InPicture);

    private static PathPoint InPicture(Position place)
    {
        var (x, y) = TabletopRenderer.InPicture(place);
        return new PathPoint(x, y);
    }
}
