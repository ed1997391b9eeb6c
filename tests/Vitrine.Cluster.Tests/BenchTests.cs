using System.Text;
using Vitrine.Cluster.Messages;
using Vitrine.Cluster.TestSilo;
using Vitrine.Policies;
using Vitrine.Worlds.Studies;

namespace Vitrine.Cluster.Tests;

/// <summary>The workers of one silo.</summary>
public sealed class BenchTests
{
    private static readonly Study Study = SleepingStudy.Of("bench", 1, 2);
    private static readonly string Name = Study.Fingerprint();

    [Fact]
    public async Task A_study_is_asked_for_once_opened_once_and_a_chunk_run_once()
    {
        var opened = 0;
        using var bench = new Bench(
            order => { Interlocked.Increment(ref opened); return new(SleepingStudy.Work(order.Study, TimeSpan.FromMilliseconds(20))); }, workers: 2);
        bench.Offer(Name, 0).ShouldBe(OfferAnswer.NeedsStudy);
        Deliver(bench, Study).ShouldBeNull();
        bench.Offer(Name, 0).ShouldBe(OfferAnswer.Taken);
        bench.Offer(Name, 0).ShouldBe(OfferAnswer.Taken);
        bench.Offer(Name, 1).ShouldBe(OfferAnswer.Taken);
        bench.Offer(Name, 2).ShouldBe(OfferAnswer.Busy);
        await Ended(bench, 2);
        bench.Offer(Name, 0).ShouldBe(OfferAnswer.Taken); // it is there, for whoever asks
        bench.Report(Name).Running.ShouldBeEmpty();
        FinishedChunk.FromJson(Encoding.UTF8.GetString(bench.Read(Name, 1, 0)!.Bytes)).IsOf(StudyChunk.Of(Study)[1]).ShouldBeTrue();
        bench.Forget(Name, 1);
        bench.Read(Name, 1, 0).ShouldBeNull();
        bench.Report(Name).Ended.Select(e => e.Number).ShouldBe([0]);
        opened.ShouldBe(1);
    }

    [Fact]
    public async Task What_could_not_be_opened_is_opened_again_when_it_is_offered_again()
    {
        var there = false;
        using var bench = new Bench(
            order => there ? new(SleepingStudy.Work(order.Study, TimeSpan.Zero)) : throw new VitrineException("no weights"), workers: 1);
        Deliver(bench, Study);
        bench.Offer(Name, 0);
        (await Ended(bench, 1)).ShouldBe([new EndedChunk { Number = 0, End = ChunkEnd.NotOpened, Reason = "no weights" }]);
        bench.Drop(Name);
        there = true;
        bench.Offer(Name, 0).ShouldBe(OfferAnswer.NeedsStudy);
        Deliver(bench, Study);
        bench.Offer(Name, 0).ShouldBe(OfferAnswer.Taken);
        (await Ended(bench, 1)).ShouldBe([new EndedChunk { Number = 0, End = ChunkEnd.Finished }]);
    }

    [Fact]
    public void Another_study_than_was_said_is_refused()
    {
        using var bench = new Bench(_ => throw new InvalidOperationException(), workers: 1);
        Deliver(bench, Study with { Seed = 10 }).ShouldNotBeNull().ShouldContain("has the fingerprint");
        bench.Deliver(Name, new Piece { Offset = 0, Total = 1, Bytes = [(byte)'{'] }).ShouldNotBeNull().ShouldContain("the order of a study");
        bench.Offer(Name, 0).ShouldBe(OfferAnswer.NeedsStudy);
    }

    [Fact]
    public async Task Studies_that_nobody_uses_are_closed_when_others_come()
    {
        var closed = new List<string>();
        using var bench = new Bench(order => new(SleepingStudy.Work(order.Study, TimeSpan.Zero), new Closing(() => closed.Add(order.Study.Name))), workers: 1);
        foreach (var name in new[] { "a", "b", "c", "d", "e" })
        {
            var study = Study with { Name = name };
            Deliver(bench, study);
            bench.Offer(study.Fingerprint(), 0);
            await Ended(bench, 1, study.Fingerprint());
            bench.Forget(study.Fingerprint(), 0);
        }

        closed.ShouldBe(["a"]);
    }

    [Fact]
    public async Task A_study_that_was_dropped_stays_open_while_a_worker_is_in_it()
    {
        using var entered = new SemaphoreSlim(0);
        using var hold = new ManualResetEventSlim();
        var (inside, closedInside, name) = (false, false, Study.Fingerprint());
        using var bench = new Bench(
            order => order.Study.Name == Study.Name
                ? new(StudyWork.Of(order.Study, IActor (arm) => new Holding(Enter), SleepingStudy.NewWorld), new Closing(() => closedInside |= inside))
                : new(SleepingStudy.Work(order.Study, TimeSpan.Zero)),
            workers: 1);
        Deliver(bench, Study);
        bench.Offer(name, 0).ShouldBe(OfferAnswer.Taken);
        (await entered.WaitAsync(TimeSpan.FromSeconds(30))).ShouldBeTrue();
        bench.Drop(name);
        bench.Report(name).Running.ShouldBeEmpty();
        foreach (var other in new[] { "a", "b", "c", "d" })
        {
            Deliver(bench, Study with { Name = other });
        }

        closedInside.ShouldBeFalse();
        bench.Offer(name, 0).ShouldBe(OfferAnswer.Busy);
        hold.Set();

        void Enter()
        {
            inside = true;
            entered.Release();
            hold.Wait(TimeSpan.FromSeconds(30));
            inside = false;
        }
    }

    private static string? Deliver(Bench bench, Study study)
        => Piece.AllOf(new StudyOrder(study).ToBytes()).Select(piece => bench.Deliver(Name == study.Fingerprint() || study.Name == Study.Name
            ? Name : study.Fingerprint(), piece)).Last();

    private static async Task<EndedChunk[]> Ended(Bench bench, int count, string? study = null)
    {
        while (true)
        {
            var next = bench.Ended.Next();
            if (bench.Report(study ?? Name).Ended is var ended && ended.Length >= count)
            {
                return ended;
            }

            await next(TimeSpan.FromSeconds(10));
        }
    }

    private sealed class Holding(Action enter) : IActor
    {
        public IReadOnlyList<double[]> Act(IReadOnlyList<Turn> turns, CancellationToken cancellation = default)
        {
            enter();
            cancellation.ThrowIfCancellationRequested();
            return [.. turns.Select(_ => new double[7])];
        }
    }

    private sealed class Closing(Action what) : IDisposable
    {
        public void Dispose() => what();
    }
}
