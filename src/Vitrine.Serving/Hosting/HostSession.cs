namespace Vitrine.Serving.Hosting;

/// <summary>One client of a host: its name, its place in the queue, how far it is.</summary>
public sealed class HostSession : IDisposable
{
    private readonly PolicyHost host;
    private readonly CancellationTokenSource left = new();
    private int closed;
    private bool isBegun;

    internal HostSession(PolicyHost host, string name, string protocol) => (this.host, Name, Protocol, Left) = (host, name, protocol, left.Token);

    /// <summary>Its name, unique among those that are open.</summary>
    public string Name { get; }

    /// <summary>The protocol that it speaks.</summary>
    public string Protocol { get; }

    /// <summary>How its client calls it, and would call it again behind a break; null where it calls it nothing.</summary>
    public string? Caller { get; private set; }

    /// <summary>Whether its next answer may go on with an episode that broke off: its client called it by name and began no other.</summary>
    internal bool MayGoOn => Caller is not null && !isBegun;

    /// <summary>Episodes that it has begun, from 0.</summary>
    public int Episode { get; private set; }

    /// <summary>Answers of the episode so far.</summary>
    public int Step { get; internal set; }

    /// <summary>Answers of all episodes.</summary>
    public long Answered { get; internal set; }

    /// <summary>Whether it has left.</summary>
    public bool IsClosed => Volatile.Read(ref closed) != 0;

    /// <summary>Cancelled where it leaves.</summary>
    internal CancellationToken Left { get; }

    internal Queue<PendingRequest> Pending { get; } = new();

    /// <summary>Raised where an episode ends, with whether the client said that it succeeded; null where it said nothing.</summary>
    public event Action<bool?>? EpisodeEnded;

    /// <summary>Asks and waits for its turn.</summary>
    /// <param name="request">What the robot sees.</param>
    /// <param name="cancellation">Takes the request back.</param>
    /// <exception cref="ServerBusyException">Too many requests wait.</exception>
    /// <exception cref="VitrineException">The request is refused, or took too long.</exception>
    public Task<ServedAnswer> AskAsync(ServedRequest request, CancellationToken cancellation = default) => host.AskAsync(this, request, cancellation);

    /// <summary>Takes the name that its client gives it. Another one begins another episode.</summary>
    /// <param name="caller">The name.</param>
    public void Call(string caller)
    {
        if (caller == Caller)
        {
            return;
        }

        if (Caller is not null || Step > 0)
        {
            EndEpisode();
            isBegun = false;
        }

        Caller = caller;
    }

    /// <summary>Begins another episode.</summary>
    /// <param name="succeeded">How the last one ended, where the client says it.</param>
    public void EndEpisode(bool? succeeded = null)
    {
        isBegun = true;
        if (Step == 0)
        {
            return;
        }

        EpisodeEnded?.Invoke(succeeded);
        (Episode, Step) = (Episode + 1, 0);
    }

    /// <summary>Leaves: what it still waits for is taken back.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref closed, 1) != 0)
        {
            return;
        }

        left.Cancel();
        EndEpisode();
        host.Close(this);
        left.Dispose();
    }
}
