using static TorchSharp.torch;

namespace Vitrine.Checkpoints;

/// <summary>Has the calling thread compute with a number of libtorch threads of its own, until it is disposed on the same thread.</summary>
/// <remarks>
/// libtorch 2.10 has one number for the process, which a thread copies when it first computes and keeps from then on; setting it sets the thread's and the
/// process's. So a thread here asks before it sets (or it would copy later), and the process's number is put back at once by a thread that does nothing else:
/// a bystander that first computes while others compute with one thread gets the process's number, and threads of a pool get theirs back.
/// </remarks>
public sealed class ComputeThreads : IDisposable
{
    private static readonly Lock Gate = new();
    private readonly int before;

    private ComputeThreads(int before) => this.before = before;

    /// <summary>The number that the calling thread computes with.</summary>
    public static int Here => get_num_threads();

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

    /// <inheritdoc/>
    public void Dispose() => SetHere(before);

    private static void SetHere(int count)
    {
        if (count == Here)
        {
            return;
        }

        lock (Gate)
        {
            var ofProcess = 0;
            Elsewhere(() => ofProcess = get_num_threads());
            set_num_threads(count);
            Elsewhere(() => set_num_threads(ofProcess));
        }
    }

    /// <remarks>A new thread has copied no number yet; what it sets for itself ends with it.</remarks>
    private static void Elsewhere(Action act)
    {
        var thread = new Thread(() => act()) { IsBackground = true };
        thread.Start();
        thread.Join();
    }
}
