using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Worlds;
using Vitrine.Worlds.Records;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds.Records;

/// <summary>The embedded policies, opened once, and short recorded episodes of theirs.</summary>
internal static class Recorded
{
    public const int StepLimit = 6;

    private static readonly Lazy<Policy> LazySpoken = new(() => Policy.Open("embedded:tabletop"));

    private static readonly Lazy<Policy> LazyFlowing = new(() => Policy.Open("embedded:tabletop-flow"));

    public static Policy Spoken => LazySpoken.Value;

    public static Policy Flowing => LazyFlowing.Value;

    public static RecordedWorld World { get; } = new("tabletop", NewWorld().Description, new Dictionary<string, string>());

    public static Arm Plain { get; } = new() { Name = "plain", Kind = ArmKind.Baseline };

    public static WatchedRollouts Rollouts { get; } = new(NewWorld, World, StepLimit);

    public static IWorld NewWorld() => new TabletopWorld();

    public static LayoutKey Layout(int index = 0, string task = "reach") => new(5, LayoutSplit.Test, task, index);

    /// <summary>Adds to the residual in front of a middle block, which moves every action.</summary>
    public static RunPlan Pushed(Policy policy, float by = 3)
    {
        var width = policy.Language.Shape.Width;
        return RunPlan.Editing(new Add($"{policy.Language.Shape.Name}.1.resid_pre", new EditValue([width], [.. Enumerable.Repeat(by, width)])));
    }

    public static EpisodeRecord Episode(string folder, Policy policy, Arm? condition = null, LayoutKey? layout = null, params string[] points)
        => EpisodeRecord.Open(Rollouts.Run(policy, condition ?? Plain, layout ?? Layout(), new WatchOptions { Folder = folder, Points = points }).Folder!);
}
