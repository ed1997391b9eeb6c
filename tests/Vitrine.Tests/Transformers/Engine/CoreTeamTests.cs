using System.Diagnostics;
using Vitrine.Transformers.Engine;

namespace Vitrine.Tests.Transformers.Engine;

[Collection(ThreadCount.Name)]
public sealed class CoreTeamTests
{
    /// <remarks>Helpers go to sleep 25 microseconds behind the last piece, so work that comes then meets them falling asleep and waking.</remarks>
    [Theory, InlineData(2), InlineData(4)]
    public void Every_piece_is_in_its_place_however_far_apart_work_comes(int threads)
    {
        const int Pieces = 3;
        using var team = new CoreTeam(threads);
        var (work, random, clock) = (new Squares(Pieces, threads - 1), new Random(1), Stopwatch.StartNew());
        for (var round = 1; clock.Elapsed < TimeSpan.FromSeconds(3); round++)
        {
            work.Factor = round;
            team.Run(work, Pieces);
            if (work.Results is not [0, var one, var two] || one != round || two != 4L * round)
            {
                work.Results.ShouldBe([0, round, 4L * round]);
            }

            for (var until = Stopwatch.GetTimestamp() + (random.Next(40_000) * Stopwatch.Frequency / 1_000_000_000); Stopwatch.GetTimestamp() < until;)
            {
            }
        }
    }

    private sealed class Squares(int pieces, int helpers) : SharedWork
    {
        private readonly long[] scratch = new long[helpers];

        public long[] Results { get; } = new long[pieces];

        public long Factor { get; set; }

        public override void Do(int piece) => Results[piece] = Factor * piece * piece;

        public override void Try(int piece, int helper) => scratch[helper] = Factor * piece * piece;

        public override void Put(int piece, int helper) => Results[piece] = scratch[helper];
    }
}
