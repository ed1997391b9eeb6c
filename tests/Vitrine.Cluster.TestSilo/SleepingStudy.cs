using Vitrine.Policies;
using Vitrine.Worlds;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cluster.TestSilo;

/// <summary>A study of an actor that sleeps and then does what follows from the turn alone: the work takes time and no processor.</summary>
public static class SleepingStudy
{
    private static readonly TabletopOptions World = new() { Adverbs = false };

    /// <summary>Eleven arms of layouts, one layout a chunk.</summary>
    public static Study Of(string name, int layouts, int steps) => new()
    {
        Name = name,
        World = NewWorld().Description,
        Tasks = [TabletopWorld.TaskNames[0]],
        LayoutsPerTask = layouts,
        StepLimit = steps,
        Seed = 9,
        BlockSize = 1,
        Arms =
        [
            new() { Name = "no edit", Kind = ArmKind.Baseline },
            new() { Name = "zero dose", Kind = ArmKind.ZeroDose, Concept = "high" },
            new() { Name = "up", Kind = ArmKind.Edit, Concept = "high" },
            .. Enumerable.Range(1, Study.FewestRandomDraws)
                .Select(d => new Arm { Name = $"random {d}", Kind = ArmKind.MatchedRandom, Concept = "high", Group = "random" }),
        ],
    };

    public static IWorld NewWorld() => new TabletopWorld(World);

    /// <param name="study">The study.</param>
    /// <param name="sleep">How long every act takes.</param>
    public static StudyWork Work(Study study, TimeSpan sleep) => StudyWork.Of(study, IActor (arm) => new Sleeper(arm, sleep), NewWorld);

    private sealed class Sleeper(Arm arm, TimeSpan sleep) : IActor
    {
        private readonly double lift = arm.Kind switch { ArmKind.Edit => .01, ArmKind.MatchedRandom => .0001 * (arm.Name[^1] - '0'), _ => 0 };

        public IReadOnlyList<double[]> Act(IReadOnlyList<Turn> turns, CancellationToken cancellation = default)
        {
            cancellation.WaitHandle.WaitOne(sleep);
            cancellation.ThrowIfCancellationRequested();
            return [.. turns.Select(t => new[] { Small(t.NoiseSeed), Small(t.NoiseSeed * 31), lift, 0, 0, 0, 0 })];
        }

        private static double Small(long seed) => (unchecked((ulong)seed * 0x9E3779B97F4A7C15UL) >> 40) / 1e9;
    }
}
