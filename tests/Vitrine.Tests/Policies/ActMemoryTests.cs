using Vitrine.Certification;
using Vitrine.Certification.Models;
using Vitrine.Policies.OpenVla;

namespace Vitrine.Tests.Policies;

/// <summary>Runs alone: the memory of the process is everybody's.</summary>
[CollectionDefinition(nameof(ActMemoryTests), DisableParallelization = true)]
public sealed class AloneCollection;

[Collection(nameof(ActMemoryTests))]
public sealed class ActMemoryTests
{
    [Fact]
    public void Acts_under_a_plan_with_edits_leave_nothing_behind()
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", "openvla"));
        using var policy = OpenVlaPolicy.Open(fixture.Folder, OpenVlaCertifier.Options(fixture));
        using var acting = policy.With(ActRangeTests.Edited(policy), policy.UnitKeys.First());
        var observations = ActRangeTests.Seen(2);
        Act(100);
        var before = Resident();
        Act(600);
        ((Resident() - before) / 1e6).ShouldBeLessThan(20);

        void Act(int count)
        {
            for (var i = 0; i < count; i++)
            {
                using var run = acting.Act(observations);
            }
        }
    }

    /// <summary>What garbage takes is given back first: these acts are so small that the collector has not run once by the hundredth.</summary>
    private static long Resident()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return Environment.WorkingSet;
    }
}
