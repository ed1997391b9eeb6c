using System.Runtime.CompilerServices;
using Vitrine.Serving.Live;
using Vitrine.Transformers;

namespace Vitrine.Serving.Hosting;

/// <summary>One model, many sessions: their requests wait in one place, each session has its turn, and one thread computes.</summary>
/// <remarks>
/// Sessions take turns: after an answer a session stands behind all others that wait. Requests of other sessions that have the same shape may share a pass
/// (<see cref="HostOptions.Batch"/>). A plan that is changed live counts from the next pass on; a pass computes under the plans that held when it began.
/// </remarks>
public sealed class PolicyHost : IDisposable
{
    private readonly IServedModel model;
    private readonly HostOptions options;
    private readonly TimeProvider clock;
    private readonly Lock sessionsGate = new();
    private readonly object gate = new();
    private readonly Dictionary<string, HostSession> sessions = [];
    private readonly List<HostSession> turns = [];
    private readonly ConditionalWeakTable<RunPlan, RunPlan> required = [];
    private readonly CancellationTokenSource stopping = new();
    private readonly Thread worker;
    private readonly List<IServedListener> listeners = [];
    private int waiting, named, batch;

    /// <summary>Begins to serve.</summary>
    /// <param name="model">Disposed with the host.</param>
    /// <param name="options">How.</param>
    /// <exception cref="VitrineException">The plan does not fit the model.</exception>
    public PolicyHost(IServedModel model, HostOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        (this.model, this.options) = (model, options ?? new HostOptions());
        clock = this.options.Time ?? TimeProvider.System;
        batch = Math.Max(1, this.options.Batch);
        Plans = new LivePlans(model.Require, this.options.Plan);
        worker = new Thread(Work) { IsBackground = true, Name = "policy host" };
        worker.Start();
    }

    /// <summary>What is served.</summary>
    public IServedModel Model => model;

    /// <summary>How.</summary>
    public HostOptions Options => options;

    /// <summary>What is changed in the model, and can be while it runs.</summary>
    public LivePlans Plans { get; }

    /// <summary>Counts of what was done.</summary>
    public HostTotals Totals { get; } = new();

    /// <summary>Those that are open.</summary>
    public IReadOnlyList<HostSession> Sessions
    {
        get
        {
            lock (sessionsGate)
            {
                return [.. sessions.Values];
            }
        }
    }

    /// <summary>Requests that wait.</summary>
    public int Waiting => Volatile.Read(ref waiting);

    /// <summary>Requests answered in one pass, from 1 to <see cref="HostOptions.Batch"/>.</summary>
    public int Batch
    {
        get => Volatile.Read(ref batch);
        set => Volatile.Write(ref batch, value >= 1 && value <= Math.Max(1, options.Batch) ? value
            : throw new VitrineException($"a pass of {value} requests is asked; this server was started for 1 to {Math.Max(1, options.Batch)}."));
    }

    /// <summary>Has somebody told of every answer before it is sent, on the thread that computes.</summary>
    public void Tell(IServedListener listener)
    {
        ArgumentNullException.ThrowIfNull(listener);
        lock (gate)
        {
            listeners.Add(listener);
        }
    }

    /// <summary>Opens a session.</summary>
    /// <param name="protocol">What it speaks.</param>
    /// <param name="name">Its name; a new one when null. One that is open is given back.</param>
    /// <exception cref="ServerBusyException">There are too many.</exception>
    public HostSession Open(string protocol, string? name = null)
    {
        HostSession session;
        lock (sessionsGate)
        {
            ObjectDisposedException.ThrowIf(stopping.IsCancellationRequested, this);
            if (name is not null && sessions.TryGetValue(name, out var open))
            {
                return open;
            }

            if (sessions.Count >= options.Sessions)
            {
                Totals.Refused();
                throw new ServerBusyException($"{sessions.Count} sessions are open, which is this server's limit; try again when one has left.");
            }

            session = new HostSession(this, name ?? $"{protocol}-{++named}", protocol);
            sessions.Add(session.Name, session);
        }

        foreach (var listener in Listeners())
        {
            listener.Opened(session);
        }

        return session;
    }

    /// <summary>Stops: nothing more is taken, what waits is refused, the pass that runs is given up, and the model is disposed.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (stopping.IsCancellationRequested)
            {
                return;
            }

            stopping.Cancel();
            foreach (var session in turns)
            {
                while (session.Pending.Count > 0)
                {
                    Drop(session).Fail(Stops());
                }
            }

            turns.Clear();
            Monitor.PulseAll(gate);
        }

        worker.Join();
        foreach (var session in Sessions)
        {
            session.Dispose();
        }

        model.Dispose();
        stopping.Dispose();
    }

    internal async Task<ServedAnswer> AskAsync(HostSession session, ServedRequest request, CancellationToken cancellation)
    {
        if (request.Edits is { } edits)
        {
            if (!options.RequestEdits)
            {
                throw new VitrineException("this server takes no edits with a request.");
            }

            if (!required.TryGetValue(edits, out _))
            {
                model.Require(edits);
                required.AddOrUpdate(edits, edits);
            }
        }

        using var pending = new PendingRequest(session, request, options.Timeout, clock, cancellation);
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(stopping.IsCancellationRequested, this);
            if (waiting >= options.Queue || session.Pending.Count >= options.QueueOfSession)
            {
                Totals.Refused();
                throw new ServerBusyException(waiting >= options.Queue
                    ? $"{waiting} requests wait, which is this server's limit; try again."
                    : $"{session.Pending.Count} requests of this session wait, which is this server's limit; wait for their answers.");
            }

            session.Pending.Enqueue(pending);
            waiting++;
            if (session.Pending.Count == 1)
            {
                turns.Add(session);
            }

            Monitor.Pulse(gate);
        }

        using var withdrawn = pending.Gone.Register(() => pending.Withdraw(options.Timeout));
        return await pending.Answer.ConfigureAwait(false);
    }

    internal void Close(HostSession session)
    {
        lock (sessionsGate)
        {
            if (!sessions.Remove(session.Name))
            {
                return;
            }
        }

        Plans.Forget(session.Name);
        foreach (var listener in Listeners())
        {
            listener.Closed(session);
        }
    }

    private IServedListener[] Listeners()
    {
        lock (gate)
        {
            return [.. listeners];
        }
    }

    private void Work()
    {
        while (Next() is { } asked)
        {
            Answer(asked);
        }
    }

    /// <summary>The requests of the next pass; null when the host stops. Those that nobody waits for are passed over.</summary>
    private List<PendingRequest>? Next()
    {
        lock (gate)
        {
            while (true)
            {
                List<PendingRequest> taken = [];
                foreach (var session in turns.ToArray())
                {
                    while (session.Pending.TryPeek(out var gone) && gone.Answer.IsCompleted)
                    {
                        Drop(session);
                    }

                    if (session.Pending.TryPeek(out var first) && taken.Count < Batch && (taken.Count == 0 || AreAlike(taken[0].Request, first.Request)))
                    {
                        taken.Add(Drop(session));
                        turns.Remove(session);
                        turns.Add(session);
                    }

                    if (session.Pending.Count == 0)
                    {
                        turns.Remove(session);
                    }
                }

                if (taken.Count > 0 || stopping.IsCancellationRequested)
                {
                    return stopping.IsCancellationRequested ? null : taken;
                }

                Monitor.Wait(gate);
            }
        }
    }

    private PendingRequest Drop(HostSession session)
    {
        waiting--;
        return session.Pending.Dequeue();
    }

    /// <summary>Whether two requests may share a pass: the same cameras with pictures of the same size, states of the same width, the same units.</summary>
    private static bool AreAlike(ServedRequest some, ServedRequest other)
        => some.Noise is null && other.Noise is null && some.Units == other.Units
            && some.Seen.Cameras.Count == other.Seen.Cameras.Count && some.Seen.State.Count == other.Seen.State.Count
            && some.Seen.Cameras.All(c => other.Seen.Cameras.TryGetValue(c.Key, out var picture)
                && (picture.Width, picture.Height) == (c.Value.Width, c.Value.Height))
            && some.Seen.State.All(s => other.Seen.State.TryGetValue(s.Key, out var vector) && vector.Values.Count == s.Value.Values.Count);

    /// <summary>One pass. Where several share it and it is refused, each is asked alone, so that one's fault is not the others'.</summary>
    private void Answer(List<PendingRequest> asked)
    {
        var began = clock.GetTimestamp();
        var (revision, plans) = Plans.Of(asked.Select(a => a.Session.Name));
        ServedAsk[] rows = [.. asked.Select((a, i) => new ServedAsk(
            a.Request, a.Request.Edits is { } own ? [.. plans[i], own] : plans[i], a.Request.Seed ?? options.Seed, a.Session))];
        using var cancelled = CancellationTokenSource.CreateLinkedTokenSource(stopping.Token);
        var left = asked.Count;
        var registrations = asked.Select(a => a.Gone.UnsafeRegister(_ =>
        {
            if (Interlocked.Decrement(ref left) == 0)
            {
                cancelled.Cancel();
            }
        }, null)).ToArray();
        try
        {
            var acts = model.Act(rows, cancelled.Token);
            var milliseconds = clock.GetElapsedTime(began).TotalMilliseconds;
            for (var i = 0; i < asked.Count; i++)
            {
                Finish(asked[i], acts[i], revision, began, milliseconds, asked.Count);
            }
        }
        catch (OperationCanceledException)
        {
            asked.ForEach(a => a.Fail(Stops()));
        }
        catch (Exception) when (asked.Count > 1)
        {
            asked.ForEach(a => Answer([a]));
        }
        catch (Exception e)
        {
            Refuse(asked[0], e as VitrineException ?? new HostFailure(e));
        }
        finally
        {
            Array.ForEach(registrations, r => r.Dispose());
        }
    }

    private static ServerBusyException Stops() => new("the server stops.");

    /// <summary>Tells the peer that it is not answered, and the server's own user why where the peer is not told.</summary>
    private void Refuse(PendingRequest asked, VitrineException why)
    {
        Totals.Failed();
        if (why is HostFailure { InnerException: { } cause })
        {
            (options.Log ?? Console.Error.WriteLine)($"{asked.Session.Name}: a request failed in a way that it should not: {cause}");
        }

        asked.Fail(why);
    }

    private void Finish(PendingRequest asked, ServedAct act, int revision, long began, double milliseconds, int rows)
    {
        if (act.Refusal is { } refusal)
        {
            Refuse(asked, refusal);
            return;
        }

        var queued = clock.GetElapsedTime(asked.Asked, began).TotalMilliseconds;
        var answer = new ServedAnswer
        {
            Chunk = act.Chunk,
            Step = asked.Session.Step,
            Revision = revision,
            Seed = act.Seed,
            Problem = act.Problem,
            Readings = act.Readings,
            Watched = act.Watched,
            QueueMilliseconds = queued,
            ModelMilliseconds = milliseconds,
            OverheadMilliseconds = Math.Max(0, clock.GetElapsedTime(asked.Request.Came ?? asked.Asked).TotalMilliseconds - queued - milliseconds),
            Rows = rows,
        };
        var step = new ServedStep(asked.Session, asked.Request, answer);
        foreach (var listener in Listeners())
        {
            listener.Answered(step);
        }

        asked.Session.Step++;
        asked.Session.Answered++;
        Totals.Answered(answer);
        asked.Finish(answer);
    }
}
