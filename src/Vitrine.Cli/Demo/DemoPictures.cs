using Vitrine.Mechanisms.Pictures;
using Vitrine.Policies;
using Vitrine.Views;
using Vitrine.Worlds;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Demo;

/// <summary>What the demo shows as pictures: where heads look, and episodes before and after a change.</summary>
internal static class DemoPictures
{
    private const int Heads = 8;

    /// <summary>The first test layout of a task, as it begins: what the robot sees and where the object that is spoken of really is.</summary>
    public static (Observation Seen, PictureRegion Target) Example(ulong seed)
    {
        var world = new TabletopWorld(new TabletopOptions { Adverbs = false });
        world.Reset(new LayoutKey(seed, LayoutSplit.Test, TabletopWorld.TaskNames[0], 0));
        var (left, top, width, height) = TabletopRenderer.BoundsOf(world.State.Objects[world.Layout.Spec.Target]);
        const double Side = TabletopRenderer.Size;
        return (world.Observe(), new PictureRegion(left / Side, top / Side, width / Side, height / Side));
    }

    /// <summary>The heads that look most at the picture.</summary>
    public static IReadOnlyList<AttentionMap> Attention(Policy policy, Observation seen, PictureRegion target, CancellationToken cancellation)
        => [.. PromptAttention.Strongest(policy, seen, Heads, cancellation)
            .Select(look => new AttentionMap { Look = look, Picture = seen.Picture, Target = target })];

    /// <summary>The first layout of a study, without and with a change: the episodes that the study measured.</summary>
    public static EpisodePair Film(StudyRun run, string arm)
    {
        var baseline = run.Study.Arms.Single(a => a.Kind == ArmKind.Baseline).Name;
        return new EpisodePair { Title = $"{run.Study.Name}: {arm}", Before = Filmed(run, baseline), After = Filmed(run, arm) };
    }

    /// <summary>The world of the demo: strict physics, sensor noise, no speed or height words in the instructions.</summary>
    public static IWorld NewWorld() => new TabletopWorld(new TabletopOptions { Adverbs = false });

    private static FilmedEpisode Filmed(StudyRun run, string arm)
        => FilmedEpisode.Of(arm, EpisodeFilm.Of(NewWorld, run.EpisodeOf(arm, run.Study.Layouts().First())), InPicture);

    private static PathPoint InPicture(Position place)
    {
        var (u, v) = TabletopRenderer.Project(place);
        return new PathPoint(u / TabletopRenderer.Size, v / TabletopRenderer.Size);
    }
}
