using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds;

public sealed class ScheduledActorTests : IDisposable
{
    private static readonly Clamp Unit = new(new NeuronSet([new Neuron(2, 5), new Neuron(3, 7)]), 1);
    private readonly Policy policy = Policy.Open("embedded:tabletop");
    private readonly IWorld[] worlds = [Started("lift", 4), Started("reach", 1)];

    [Fact]
    public void A_window_edits_its_steps_only()
    {
        var scheduled = new ScheduledActor(policy, [new ScheduledEdit(Unit, new Window(1, 1, 40))]);
        var plain = new ObservingActor(policy);
        var edited = new ObservingActor(policy.With(RunPlan.Editing(new Clamp(Unit.Neurons, 40))));
        scheduled.Act(At(0)).ShouldBe(plain.Act(At(0)));
        scheduled.Act(At(1)).ShouldBe(edited.Act(At(1)));
        scheduled.Act(At(2)).ShouldBe(plain.Act(At(2)));
    }

    [Fact]
    public void A_world_keeps_its_own_loop_when_another_leaves_the_batch()
    {
        // Both worlds stand still at the same height: after n steps the summed error is n times as large, whichever worlds are in the batch.
        ScheduledActor Loop() => new(policy, [new ScheduledEdit(Unit, new ClosedLoop("height", worlds[1].Gripper.Z + 1, 0, 10, 0, 0, 100))]);
        var (together, alone) = (Loop(), Loop());
        together.Act(At(0));
        together.Act(At(1));
        alone.Act([At(0)[1]]);
        alone.Act([At(1)[1]]);
        var expected = new ObservingActor(policy.With(RunPlan.Editing(new Clamp(Unit.Neurons, 30)))).Act([At(2)[1]]);
        together.Act([At(2)[1]]).ShouldBe(expected, "the third step sums three errors of 1");
        alone.Act([At(2)[1]]).ShouldBe(expected);
    }

    [Fact]
    public void A_quantity_that_the_world_does_not_measure_is_refused_with_those_that_it_does()
    {
        var actor = new ScheduledActor(policy, [new ScheduledEdit(Unit, new ClosedLoop("temperature", 1, 1, 0, 0, 0, 1))]);
        Should.Throw<VitrineException>(() => actor.Act(At(0))).Message.ShouldContain("speed, height");
    }

    public void Dispose() => policy.Dispose();

    private WorldTurn[] At(int step) => [.. worlds.Select((world, episode) => new WorldTurn(world, episode, step))];

    private static TabletopWorld Started(string task, int index)
    {
        var world = new TabletopWorld();
        world.Reset(new LayoutKey(11, LayoutSplit.Test, task, index));
        return world;
    }
}
