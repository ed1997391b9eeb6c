namespace Vitrine.Cluster;

/// <summary>Wakes everyone who waits for the next change.</summary>
internal sealed class Pulse
{
    private TaskCompletionSource next = New();

    /// <summary>Ends with the next change, or after a while. Take it before looking at what may have changed.</summary>
    public Func<TimeSpan, Task> Next()
    {
        var task = Volatile.Read(ref next).Task;
        return atMost => Wait(task, atMost);
    }

    /// <summary>Something has changed.</summary>
    public void Beat() => Interlocked.Exchange(ref next, New()).SetResult();

    private static async Task Wait(Task task, TimeSpan atMost)
    {
        if (atMost > TimeSpan.Zero)
        {
            await task.WaitAsync(atMost).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
