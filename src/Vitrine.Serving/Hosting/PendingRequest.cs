namespace Vitrine.Serving.Hosting;

/// <summary>A request that waits for its turn, or is being computed.</summary>
internal sealed class PendingRequest : IDisposable
{
    private readonly TaskCompletionSource<ServedAnswer> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationToken cancellation;
    private readonly CancellationTokenSource gone;
    private ITimer? timer;

    public PendingRequest(HostSession session, ServedRequest request, long asked, CancellationToken cancellation)
    {
        (Session, Request, Asked, this.cancellation) = (session, request, asked, cancellation);
        gone = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Gone = gone.Token;
    }

    public HostSession Session { get; }

    public ServedRequest Request { get; }

    /// <summary>Timestamp of its arrival.</summary>
    public long Asked { get; }

    public Task<ServedAnswer> Answer => answer.Task;

    /// <summary>Cancelled when nobody waits for the answer any more.</summary>
    public CancellationToken Gone { get; }

    public bool IsLate { get; private set; }

    private void Expire()
    {
        IsLate = true;
        try
        {
            gone.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It was answered while its time ran out.
        }
    }

    public void CancelAfter(TimeSpan time, TimeProvider clock)
        => timer = clock.CreateTimer(static state => ((PendingRequest)state!).Expire(), this, time, Timeout.InfiniteTimeSpan);

    public void Finish(ServedAnswer given) => answer.TrySetResult(given);

    public void Fail(Exception error) => answer.TrySetException(error);

    /// <summary>Ends it unanswered.</summary>
    /// <param name="limit">How long requests may take.</param>
    public void Withdraw(TimeSpan limit)
    {
        if (IsLate)
        {
            answer.TrySetException(new VitrineException($"the request took longer than {limit.TotalSeconds:0.###} s, which is this server's limit."));
        }
        else
        {
            answer.TrySetCanceled(cancellation);
        }
    }

    public void Dispose()
    {
        timer?.Dispose();
        gone.Dispose();
    }
}
