using System.Collections.Concurrent;
using System.Threading.Channels;
using Vitrine.Policies;
using Vitrine.Serving.Hosting;

namespace Vitrine.Serving.Live;

/// <summary>Hands every answer to those who watch. Who is too slow misses the oldest; the model never waits for a watcher.</summary>
internal sealed class LiveFeed : IServedListener
{
    private const int Kept = 256;
    private readonly ConcurrentDictionary<Channel<LiveStep>, bool> watchers = new();
    private readonly ConcurrentDictionary<string, Observation> last = new();

    /// <summary>What a session was shown last; null where it has asked nothing yet.</summary>
    public Observation? LastOf(string session) => last.GetValueOrDefault(session);

    public void Opened(HostSession session)
    {
    }

    public void Answered(ServedStep step)
    {
        last[step.Session.Name] = step.Request.Seen;
        if (step.Session.IsClosed)
        {
            Closed(step.Session); // It has left while the model computed: nobody takes this observation away again.
        }

        if (!watchers.IsEmpty)
        {
            var seen = Of(step);
            foreach (var (watcher, _) in watchers)
            {
                watcher.Writer.TryWrite(seen);
            }
        }
    }

    public void Closed(HostSession session) => last.TryRemove(session.Name, out _);

    /// <summary>Answers from now on, until it is cancelled.</summary>
    public async IAsyncEnumerable<LiveStep> WatchAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var channel = Channel.CreateBounded<LiveStep>(new BoundedChannelOptions(Kept) { FullMode = BoundedChannelFullMode.DropOldest });
        watchers[channel] = true;
        try
        {
            await foreach (var step in channel.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                yield return step;
            }
        }
        finally
        {
            watchers.TryRemove(channel, out _);
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
        Rows = step.Answer.Rows,
    };
}
