using TorchSharp;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Tests.Mechanisms;

namespace Vitrine.Tests.Checkpoints;

/// <summary>libtorch's number of threads: a thread may have its own for a while, and nobody else hears of it.</summary>
[Collection(ThreadCount.Name)]
public sealed class ComputeThreadsTests : IDisposable
{
    /// <summary>The process's: what a thread copies that has not computed yet.</summary>
    private readonly int ofProcess = OnANewThread(torch.get_num_threads);

    [ThreadStatic]
    private static bool hasWorked;

    /// <summary>What the thread computed with before, be it another's that it copied when it first computed; 0 where it had not computed.</summary>
    [ThreadStatic]
    private static int had;

    public ComputeThreadsTests() => Assert.SkipUnless(ofProcess > 1, "one core: every number is 1");

    [Fact]
    public void A_thread_has_its_number_until_it_gives_it_back()
    {
        var before = ComputeThreads.Here;
        using (ComputeThreads.One())
        {
            ComputeThreads.Here.ShouldBe(1);
            using (ComputeThreads.Of(2))
            {
                ComputeThreads.Here.ShouldBe(2);
            }

            ComputeThreads.Here.ShouldBe(1);
        }

        ComputeThreads.Here.ShouldBe(before);
    }

    [Fact]
    public void A_bystander_that_first_computes_meanwhile_has_the_process_s_number_and_keeps_it()
    {
        using var go = new ManualResetEventSlim();
        int during = 0, after = 0;
        var bystander = new Thread(() =>
        {
            during = torch.get_num_threads();
            go.Wait();
            after = torch.get_num_threads();
        });
        using (ComputeThreads.One())
        {
            bystander.Start();
            OnANewThread(torch.get_num_threads).ShouldBe(ofProcess);
        }

        go.Set();
        bystander.Join();
        (during, after).ShouldBe((ofProcess, ofProcess));
        OnANewThread(torch.get_num_threads).ShouldBe(ofProcess);
    }

    [Fact]
    public void A_new_thread_that_begins_with_one_is_not_moved_by_others_that_end()
        => OnANewThread(() =>
        {
            using var one = ComputeThreads.One();
            OnANewThread(() =>
            {
                using var two = ComputeThreads.Of(2);
                return 0;
            });
            return torch.get_num_threads();
        }).ShouldBe(1);

    [Fact]
    public async Task Workers_begin_when_all_have_one_and_bystanders_see_nothing_of_it()
    {
        var seen = new System.Collections.Concurrent.ConcurrentBag<(int Worker, int Bystander)>();
        await ComputeThreads.WorkersAsync(4, () => seen.Add((torch.get_num_threads(), OnANewThread(torch.get_num_threads))));
        seen.ShouldBe(Enumerable.Repeat((1, ofProcess), 4));
        OnANewThread(torch.get_num_threads).ShouldBe(ofProcess);
        await Should.ThrowAsync<InvalidOperationException>(() => ComputeThreads.WorkersAsync(2, () => throw new InvalidOperationException()));
        await ComputeThreads.WorkersAsync(0, () => throw new InvalidOperationException());
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(1, 3)]
    [InlineData(7, 1)]
    [InlineData(7, 3)]
    public async Task Every_piece_is_done_once_with_one_thread(int count, int workers)
    {
        var seen = new System.Collections.Concurrent.ConcurrentBag<(int Piece, int Threads)>();
        await ComputeThreads.EachAsync(count, workers, (piece, _) => seen.Add((piece, torch.get_num_threads())), TestContext.Current.CancellationToken);
        seen.Order().ShouldBe(Enumerable.Range(0, count).Select(i => (i, 1)));
    }

    [Fact]
    public async Task What_fails_comes_as_it_was_thrown_and_stops_the_others()
    {
        var begun = 0;
        await Should.ThrowAsync<InvalidOperationException>(() => ComputeThreads.EachAsync(1000, 2, Work, TestContext.Current.CancellationToken));
        begun.ShouldBe(2);

        void Work(int piece, CancellationToken stop)
        {
            // The second piece is being done when the first fails, and is told.
            if (Interlocked.Increment(ref begun) == 2)
            {
                throw new InvalidOperationException();
            }

            stop.WaitHandle.WaitOne();
            stop.ThrowIfCancellationRequested();
        }
    }

    [Fact]
    public async Task Who_cancels_hears_of_it_and_no_workers_are_refused()
    {
        using var source = new CancellationTokenSource();
        await Should.ThrowAsync<OperationCanceledException>(() => ComputeThreads.EachAsync(3, 2, (_, _) => source.Cancel(), source.Token));
        await Should.ThrowAsync<ArgumentOutOfRangeException>(() => ComputeThreads.EachAsync(3, 0, (_, _) => { }, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Many_at_once_leave_the_process_s_number()
    {
        Parallel.For(0, 32, i =>
        {
            using var threads = ComputeThreads.Of(1 + (i % 4));
            ComputeThreads.Here.ShouldBe(1 + (i % 4));
        });
        OnANewThread(torch.get_num_threads).ShouldBe(ofProcess);
    }

    /// <remarks>1024 vectors of 1024 in 1024 tokens are as many products as make workers worth while.</remarks>
    [Fact]
    public void Threads_of_the_pool_that_read_value_vectors_get_their_number_back()
    {
        using var source = RandomVectors.Draw(1, layers: 1, neurons: 1024, vocabulary: 1024, width: 1024);
        using var reader = VocabularyReader.Open(source, new ProjectionSettings { Count = 4, Workers = 4, TileRows = 64 });
        using var vectors = source.Vectors(0);
        had = torch.get_num_threads();
        Parallel.For(0, 64, _ =>
        {
            had = torch.get_num_threads();
            Thread.SpinWait(10_000);
        });
        var numbers = new System.Collections.Concurrent.ConcurrentBag<int>();
        reader.Read(vectors, _ =>
        {
            hasWorked = true;
            numbers.Add(torch.get_num_threads());
        }, TestContext.Current.CancellationToken);
        numbers.ShouldAllBe(n => n == 1, "each reads with one");
        var workers = new System.Collections.Concurrent.ConcurrentBag<(int Before, int After)>();
        Parallel.For(0, 64, _ =>
        {
            if (hasWorked)
            {
                workers.Add((had > 0 ? had : ofProcess, torch.get_num_threads()));
            }

            Thread.SpinWait(10_000);
        });
        workers.ShouldNotBeEmpty("this thread at least has read");
        workers.ShouldAllBe(n => n.After == n.Before);
    }

    public void Dispose() => (hasWorked, had) = (false, 0);

    private static int OnANewThread(Func<int> ask)
    {
        var answer = 0;
        var thread = new Thread(() => answer = ask());
        thread.Start();
        thread.Join();
        return answer;
    }
}
