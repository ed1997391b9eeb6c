using System.Threading.Channels;
using Vitrine.Policies;
using Vitrine.Serving.Hosting;

namespace Vitrine.Serving.Live;

/// <summary>Hands every answer to those who watch. Who is too slow misses the oldest; the model never waits for a watcher.</summary>
internal sealed class LiveFeed : IServedListener
{
    /// <summary>Answers of an open session that are kept for those who come later.</summary>
    public const int Recent = 120;

    private const int Kept = 256;
    private readonly Lock gate = new();
    private readonly HashSet<Channel<LiveStep>> watchers = [];
    private readonly Dictionary<string, (Observation Seen, Queue<LiveStep> Steps)> open = [];

    /// <summary>What a session was shown last; null where it has asked nothing yet.</summary>
    public Observation? LastOf(string session)
    {
        lock (gate)
        {
            return open.GetValueOrDefault(session).Seen;
        }
    }

    public void Opened(HostSession session)
    {
    }

    public void Answered(ServedStep step)
    {
        var seen = Of(step);
        lock (gate)
        {
            if (!step.Session.IsClosed) // Where it has left while the model computed, nobody takes this observation away again.
            {
                var steps = open.GetValueOrDefault(step.Session.Name).Steps ?? new Queue<LiveStep>();
                steps.Enqueue(seen);
                if (steps.Count > Recent)
                {
                    steps.Dequeue();
                }

                open[step.Session.Name] = (step.Request.Seen, steps);
            }

            foreach (var watcher in watchers)
            {
                watcher.Writer.TryWrite(seen);
            }
        }
    }

    public void Closed(HostSession session)
    {
        lock (gate)
        {
            open.Remove(session.Name);
        }
    }

    /// <summary>The last answers of every open session, then those from now on, until it is cancelled.</summary>
    /// <param name="recent">How many of a session, of those that are kept.</param>
    /// <param name="cancellation">Ends it.</param>
    public async IAsyncEnumerable<LiveStep> WatchAsync(
        int recent, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var channel = Channel.CreateBounded<LiveStep>(new BoundedChannelOptions(Kept) { FullMode = BoundedChannelFullMode.DropOldest });
        LiveStep[] past;
        lock (gate)
        {
            past = [.. open.Values.SelectMany(o => o.Steps.TakeLast(recent))];
            watchers.Add(channel);
        }

        try
        {
            foreach (var step in past)
            {
                yield return step;
            }

            await foreach (var step in channel.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                yield return step;
            }
        }
        finally
        {
            lock (gate)
            {
                watchers.Remove(channel);
            }
        }
    }

    private static LiveStep Of(ServedStep step) => new()
    {
        Session = step.Session.Name,
        Protocol = step.Session.Protocol,
        Episode = step.Session.Episode,
        Step = step.Answer.Step,
        Plan = step.Answer.Revision,
        Instruction = step.Request.Seen.Instruction,
        Action = step.Answer.Chunk[0],
        Horizon = step.Answer.Chunk.Count,
        Neurons = step.Answer.Watched.ToDictionary(n => n.Neuron, n => n.Value),
        Monitors = step.Answer.Readings.ToDictionary(r => r.Monitor, r => r.Score),
        Alarms = step.Answer.Alarms,
        Problem = step.Answer.Problem,
        QueueMs = step.Answer.QueueMilliseconds,
        ModelMs = step.Answer.ModelMilliseconds,
        OverheadMs = step.Answer.OverheadMilliseconds,
        Cameras = [.. step.Request.Seen.Cameras.Keys],
        Rows = step.Answer.Rows,
    };
}
