using static TorchSharp.torch;

namespace Vitrine.Checkpoints;

/// <summary>Has the calling thread compute with a number of libtorch threads of its own, until it is disposed on the same thread.</summary>
/// <remarks>
/// libtorch 2.10 has one number for the process, which a thread copies when it first computes and keeps from then on; setting it sets the thread's and the
/// process's. So a thread here asks before it sets (or it would copy later), and the process's number is put back at once by another that stands ready:
/// a bystander that first computes while others compute with one thread gets the process's number, and threads of a pool get theirs back. What cannot be had
/// is a thread's number without the process's: who first computes within the microsecond in between copies it.
/// </remarks>
public sealed class ComputeThreads : IDisposable
{
    private static readonly Lock Gate = new();
    private readonly int before;

    private ComputeThreads(int before) => this.before = before;

    /// <summary>The number that the calling thread computes with.</summary>
    public static int Here
    {
        get
        {
            // Who first asks while another's number stands for the process's would copy and keep that.
            lock (Gate)
            {
                return get_num_threads();
            }
        }
    }

    /// <summary>A single thread, so that no sum is split by how many cores there are.</summary>
    public static ComputeThreads One() => Of(1);

    /// <summary>A number of threads.</summary>
    /// <param name="count">At least 1.</param>
    public static ComputeThreads Of(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        var scope = new ComputeThreads(Here);
        SetHere(count);
        return scope;
    }

    /// <summary>Runs workers on threads of their own, a single libtorch thread each. None begins before all have theirs.</summary>
    /// <param name="count">How many.</param>
    /// <param name="work">What each does.</param>
    public static async Task WorkersAsync(int count, Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        using var set = new CountdownEvent(count);
        await Task.WhenAll(Enumerable.Range(0, count).Select(_ => Task.Factory.StartNew(Begin, CancellationToken.None, TaskCreationOptions.LongRunning,
            TaskScheduler.Default))).ConfigureAwait(false);

        // A thread that ends takes its number with it.
        void Begin()
        {
            SetHere(1);
            set.Signal();
            set.Wait();
            work();
        }
    }

    /// <summary>Does numbered pieces of work on threads of their own, a single libtorch thread each. Who fails stops the others.</summary>
    /// <param name="count">How many pieces.</param>
    /// <param name="workers">How many are done at the same time, at least 1.</param>
    /// <param name="work">Does the piece of a number, from 0; its token tells of a failure elsewhere, too.</param>
    /// <param name="cancellation">Stops between pieces, and within one where the work asks.</param>
    /// <exception cref="OperationCanceledException">It was cancelled. What failed otherwise comes as it was thrown.</exception>
    public static async Task EachAsync(int count, int workers, Action<int, CancellationToken> work, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(workers);
        ArgumentNullException.ThrowIfNull(work);
        using var failure = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var next = -1;
        await WorkersAsync(Math.Min(workers, count), Work).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();

        void Work()
        {
            while (!failure.IsCancellationRequested && Interlocked.Increment(ref next) is var turn && turn < count)
            {
                try
                {
                    work(turn, failure.Token);
                }
                catch (OperationCanceledException) when (failure.IsCancellationRequested)
                {
                    return;
                }
                catch
                {
                    failure.Cancel();
                    throw;
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => SetHere(before);

    private static void SetHere(int count)
    {
        lock (Gate)
        {
            if (count == get_num_threads())
            {
                return;
            }

            using var knows = new ManualResetEventSlim();
            var isSet = false;
            var restoring = new Thread(() =>
            {
                var ofProcess = get_num_threads(); // a new thread has copied no number yet
                knows.Set();
                SpinWait.SpinUntil(() => Volatile.Read(ref isSet));
                set_num_threads(ofProcess);
            })
            {
                IsBackground = true,
            };
            restoring.Start();
            knows.Wait();
            set_num_threads(count);
            Volatile.Write(ref isSet, true);
            restoring.Join();
        }
    }
}
