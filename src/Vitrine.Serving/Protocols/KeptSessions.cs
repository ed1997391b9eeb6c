using Vitrine.Serving.Hosting;

namespace Vitrine.Serving.Protocols;

/// <summary>Sessions of protocols whose clients do not say when they leave: kept by name, the one that was silent longest goes when a new one comes.</summary>
/// <param name="most">How many.</param>
/// <param name="open">Opens the session of a name, with what its protocol remembers of it.</param>
internal sealed class KeptSessions<T>(int most, Func<string, (HostSession Session, T Kept)> open) : IDisposable
{
    private readonly Lock gate = new();
    private readonly LinkedList<(string Name, HostSession Session, T Kept)> kept = new();

    /// <summary>What is remembered of a name.</summary>
    /// <exception cref="ServerBusyException">There are too many sessions.</exception>
    public T Of(string name)
    {
        lock (gate)
        {
            for (var node = kept.First; node is not null; node = node.Next)
            {
                if (node.Value.Name == name)
                {
                    kept.Remove(node);
                    kept.AddFirst(node);
                    return node.Value.Kept;
                }
            }

            if (kept.Count >= most && kept.Last is { } silent)
            {
                kept.RemoveLast();
                silent.Value.Session.Dispose();
            }

            var (session, remembered) = open(name);
            kept.AddFirst((name, session, remembered));
            return remembered;
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            foreach (var (_, session, _) in kept)
            {
                session.Dispose();
            }

            kept.Clear();
        }
    }
}
