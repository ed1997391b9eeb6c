using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Policies;

public sealed class PlannedPolicyTests
{
    [Fact]
    public void A_plan_on_a_policy_that_has_one_is_added_to_it()
    {
        using var policy = Policy.Open("embedded:tabletop");
        var states = TabletopStates.Draw(3, LayoutSplit.Test, ["reach"], 2);
        var (first, second) = (Clamped(2, 5), Clamped(3, 7));
        using var one = policy.With(first);
        using var both = one.With(second);
        both.Plan.Edits.Count.ShouldBe(2);
        policy.Plan.Edits.ShouldBeEmpty();
        Acts(both, null).ShouldBe(Acts(policy, first.Then(second)));
        Acts(both, null).ShouldBe(Acts(one, second));
        Acts(both, null).ShouldNotBe(Acts(policy, second));

        IEnumerable<double> Acts(Policy acting, RunPlan? plan)
        {
            using var run = acting.Act(states, plan);
            return [.. run.Actions.SelectMany(a => a.Expected)];
        }
    }

    private static RunPlan Clamped(int layer, int index) => RunPlan.Editing(new Clamp(new NeuronSet([new Neuron(layer, index)]), 30));
}
