using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds.Tabletop;

public sealed class TabletopLayoutTests
{
    private static readonly TabletopLayout[] Layouts =
        [.. TabletopWorld.TaskNames.SelectMany(task => Enumerable.Range(0, 1000)
            .Select(i => TabletopLayout.Draw(new LayoutKey(3, LayoutSplit.Test, task, i))))];

    [Fact]
    public void Layouts_are_feasible_unsolved_and_start_open_and_empty()
    {
        Layouts.ShouldAllBe(l => l.Spec.IsFeasible(l.State) && !l.Spec.IsSolved(l.State, l.State));
        Layouts.ShouldAllBe(l => l.State.Open && l.State.Held == -1);
    }

    [Fact]
    public void Objects_differ_and_keep_their_distance()
    {
        foreach (var objects in Layouts.Select(l => l.State.Objects))
        {
            objects.Select(o => (o.Colour, o.Shape)).Distinct().Count().ShouldBe(3);
            objects.Index().ShouldAllBe(a => objects.Take(a.Index).All(b => b.Position.DistanceTo(a.Item.Position) > .24));
        }
    }

    /// <remarks>Distinct pairs repeat a colour with probability 1 - 15·12·9 / (15·14·13) = .407; kept with .15 that leaves .061 of .654 tables.</remarks>
    [Fact]
    public void About_nine_tables_in_a_hundred_repeat_a_colour()
    {
        // Reach never rejects a table, so its layouts have the bare distribution.
        var reach = Layouts.Where(l => l.Spec.Task == TabletopTask.Reach).ToArray();
        var share = reach.Count(l => l.State.Objects.DistinctBy(o => o.Colour).Count() < 3) / (double)reach.Length;
        var expected = .15 * (1 - (15 * 12 * 9 / (15.0 * 14 * 13))) is var kept ? kept / (kept + (15 * 12 * 9 / (15.0 * 14 * 13))) : 0;
        share.ShouldBe(expected, 4 * Math.Sqrt(expected / reach.Length));
    }

    [Fact]
    public void The_same_key_draws_the_same_layout_and_no_other_key_does()
    {
        var key = new LayoutKey(3, LayoutSplit.Test, "lift", 17);
        TabletopLayout.Draw(key).State.Gripper.ShouldBe(TabletopLayout.Draw(key with { }).State.Gripper);
        Layouts.Select(l => l.State.Gripper).Distinct().Count().ShouldBe(Layouts.Length);
        TabletopLayout.Draw(key with { Split = LayoutSplit.Selection }).State.Gripper.ShouldNotBe(TabletopLayout.Draw(key).State.Gripper);
    }

    [Fact]
    public void Without_adverbs_no_instruction_says_how()
    {
        var layouts = TabletopWorld.TaskNames.SelectMany(task => Enumerable.Range(0, 100)
            .Select(i => TabletopLayout.Draw(new LayoutKey(3, LayoutSplit.Test, task, i), adverbs: false)));
        layouts.ShouldAllBe(l => l.Spec.Speed == Speed.None && l.Spec.Height == Height.None);
    }

    [Fact]
    public void A_task_that_the_tabletop_lacks_is_refused_by_name()
        => Should.Throw<VitrineException>(() => TabletopLayout.Draw(new LayoutKey(1, LayoutSplit.Test, "juggle", 0))).Message.ShouldContain("no task 'juggle'");
}
