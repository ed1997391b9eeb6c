using CsCheck;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds.Tabletop;

public sealed class TabletopPhysicsTests
{
    private static readonly Gen<double[]> Actions =
        Gen.Select(Gen.Double[-.3, .3].Array[6], Gen.Bool, (motion, open) => (double[])[.. motion, open ? 1.0 : 0]);

    [Theory]
    [InlineData("strict")]
    [InlineData("forgiving")]
    public void Whatever_is_done_everything_stays_on_the_table(string name)
    {
        var physics = name == "strict" ? TabletopPhysics.Strict : TabletopPhysics.Forgiving;
        Gen.Select(Gen.Int[0, 500], Actions.Array[30]).Sample((index, actions) =>
        {
            var state = TabletopLayout.Draw(new LayoutKey(1, LayoutSplit.Test, "lift", index)).State;
            foreach (var action in actions)
            {
                var next = physics.Step(state, action);
                next.Gripper.ShouldSatisfyAllConditions(
                    g => g.X.ShouldBeInRange(0, 1), g => g.Y.ShouldBeInRange(0, 1), g => g.Z.ShouldBeInRange(.05, 1),
                    g => g.DistanceTo(state.Gripper).ShouldBeLessThanOrEqualTo(.12 * Math.Sqrt(3) + 1e-12));
                next.Open.ShouldBe(action[6] >= .5);
                if (next.Held >= 0)
                {
                    next.Open.ShouldBeFalse();
                    next.Objects[next.Held].Position.ShouldBe(next.Gripper with { Z = next.Gripper.Z - .05 });
                }

                next.Objects.Index().Where(o => o.Index != next.Held).ShouldAllBe(o => o.Item.Position.Z == 0);
                state = next;
            }
        }, iter: 300);
    }

    [Fact]
    public void A_state_is_not_changed_by_what_follows_from_it()
    {
        var state = TabletopLayout.Draw(new LayoutKey(1, LayoutSplit.Test, "lift", 0)).State;
        TabletopObject[] before = [.. state.Objects];
        var over = state with { Gripper = before[0].Position with { Z = .1 }, Open = false };
        TabletopPhysics.Strict.Step(over, [.05, 0, 0, 0, 0, 0, 0]).Objects[0].ShouldNotBe(before[0]);
        over.Objects.ShouldBe(before);
    }

    /// <remarks>Strict physics grasps only in the step in which the gripper closes; forgiving physics also with a gripper that was closed.</remarks>
    [Fact]
    public void Only_forgiving_physics_grasps_with_a_fist()
    {
        var state = TabletopLayout.Draw(new LayoutKey(1, LayoutSplit.Test, "lift", 0)).State;
        var over = state with { Gripper = state.Objects[0].Position with { Z = .1 } };
        double[] close = [0, 0, 0, 0, 0, 0, 0];
        TabletopPhysics.Strict.Step(over, close).Held.ShouldBe(0);
        TabletopPhysics.Strict.Step(over with { Open = false }, close).Held.ShouldBe(-1);
        TabletopPhysics.Forgiving.Step(over with { Open = false }, close).Held.ShouldBe(0);
    }
}
