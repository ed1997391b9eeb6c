namespace Vitrine.Serving.Hosting;

/// <summary>A request that waits for its turn, or is being computed.</summary>
internal sealed class PendingRequest : IDisposable
{
    private readonly TaskCompletionSource<ServedAnswer> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationToken cancellation;
    private readonly CancellationTokenSource late, gone;

    /// <param name="session">Whose; takes it back when it closes.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="limit">How long it may take.</param>
    /// <param name="clock">What time it is.</param>
    /// <param name="cancellation">Takes it back.</param>
    public PendingRequest(HostSession session, ServedRequest request, TimeSpan limit, TimeProvider clock, CancellationToken cancellation)
    {
        (Session, Request, Asked, this.cancellation) = (session, request, clock.GetTimestamp(), cancellation);
        late = new CancellationTokenSource(limit, clock);
        gone = CancellationTokenSource.CreateLinkedTokenSource(cancellation, session.Left, late.Token);
        Gone = gone.Token;
    }

    public HostSession Session { get; }

    public ServedRequest Request { get; }

    /// <summary>Timestamp of its arrival.</summary>
    public long Asked { get; }

    public Task<ServedAnswer> Answer => answer.Task;

    /// <summary>Cancelled when nobody waits for the answer any more.</summary>
    public CancellationToken Gone { get; }

    public void Finish(ServedAnswer given) => answer.TrySetResult(given);

    public void Fail(Exception error) => answer.TrySetException(error);

    /// <summary>Ends it unanswered.</summary>
    /// <param name="limit">How long requests may take.</param>
    public void Withdraw(TimeSpan limit)
    {
        if (late.IsCancellationRequested)
        {
            answer.TrySetException(new VitrineException($"the request took longer than {limit.TotalSeconds:0.###} s, which is this server's limit."));
        }
        else if (cancellation.IsCancellationRequested)
        {
            answer.TrySetCanceled(cancellation);
        }
        else
        {
            answer.TrySetException(new ServerBusyException("the session was closed while its request waited; ask again in another."));
        }
    }

    public void Dispose()
    {
        gone.Dispose();
        late.Dispose();
    }
}
