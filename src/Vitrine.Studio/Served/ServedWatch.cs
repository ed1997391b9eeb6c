using Vitrine.Serving.Live;

namespace Vitrine.Studio.Served;

/// <summary>Follows a served policy through its live interface, and goes on when its server comes back. It belongs to one window.</summary>
internal sealed class ServedWatch : IDisposable
{
    /// <summary>Sessions that are shown at a time; the others stand in the table.</summary>
    public const int MostShown = 4;

    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(400), Pause = TimeSpan.FromSeconds(1), Patience = TimeSpan.FromSeconds(10);
    private readonly CancellationTokenSource gone = new();
    private readonly SemaphoreSlim looking = new(1);
    private readonly Lock gate = new();
    private readonly Dictionary<string, Queue<LiveStep>> steps = [];
    private readonly Dictionary<string, (long Answered, IReadOnlyList<(string, string)> Pictures)> pictures = [];
    private readonly Dictionary<string, LiveSetting> settings = [];
    private readonly Action changed;
    private volatile ServedNow now = ServedNow.Nothing;

    /// <param name="address">As <see cref="ServedAddress.Of"/> gives it.</param>
    /// <param name="token">The server's; none when null.</param>
    /// <param name="changed">Called from any thread when there is something new.</param>
    public ServedWatch(string address, string? token, Action changed)
    {
        (Address, this.changed) = (address, changed);
        Client = new LiveClient(address, token, Patience);
    }

    /// <summary>Of the server.</summary>
    public string Address { get; }

    /// <summary>Its interface.</summary>
    public LiveClient Client { get; }

    /// <summary>The moment.</summary>
    public ServedNow Now => now;

    /// <summary>The only session that is shown; the first <see cref="MostShown"/> when null.</summary>
    public string? Chosen { get; set; }

    /// <summary>Follows until it is disposed.</summary>
    public async Task RunAsync()
    {
        var token = gone.Token;
        while (!token.IsCancellationRequested)
        {
            try
            {
                await FollowAsync(token).ConfigureAwait(false);
                now = now with { Problem = $"{Address}: the server has ended." };
            }
            catch (VitrineException e)
            {
                now = now with { Problem = e.Message };
            }
            catch (Exception) when (token.IsCancellationRequested)
            {
                return; // The window has left.
            }

            changed();
            await Task.Delay(Pause, token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Looks at once, behind a change.</summary>
    /// <exception cref="VitrineException">The server does not answer.</exception>
    public async Task LookAsync()
    {
        await LookAsync(gone.Token).ConfigureAwait(false);
        changed();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        gone.Cancel();
        Client.Dispose();
        gone.Dispose();
    }

    /// <summary>One connection, from its first answer to its end.</summary>
    private async Task FollowAsync(CancellationToken cancellation)
    {
        await LookAsync(cancellation).ConfigureAwait(false); // what is wrong with an address is said here
        lock (gate)
        {
            steps.Clear(); // the server tells what it still knows
            settings.Clear();
        }

        using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var watching = WatchAsync(ends.Token);
        try
        {
            while (!watching.IsCompleted)
            {
                await LookAsync(cancellation).ConfigureAwait(false);
                changed();
                await Task.WhenAny(watching, Task.Delay(Beat, cancellation)).ConfigureAwait(false);
            }
        }
        finally
        {
            await ends.CancelAsync().ConfigureAwait(false);
            await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await watching.ConfigureAwait(false);
    }

    private async Task WatchAsync(CancellationToken cancellation)
    {
        await foreach (var step in Client.WatchAsync(ServedSession.MostSteps, cancellation).ConfigureAwait(false))
        {
            lock (gate)
            {
                var kept = steps.TryGetValue(step.Session, out var known) ? known : steps[step.Session] = new Queue<LiveStep>();
                kept.Enqueue(step);
                if (kept.Count > ServedSession.MostSteps)
                {
                    kept.Dequeue();
                }
            }
        }
    }

    private async Task LookAsync(CancellationToken cancellation)
    {
        await looking.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            now = await SeenAsync(await Client.StateAsync(cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
        }
        finally
        {
            looking.Release();
        }
    }

    private async Task<ServedNow> SeenAsync(LiveState state, CancellationToken cancellation)
    {
        LiveSession[] open = [.. state.Sessions.OfType<LiveSession>()];
        lock (gate)
        {
            foreach (var left in steps.Keys.Union(pictures.Keys).Except(open.Select(s => s.Name)).ToArray())
            {
                steps.Remove(left);
                pictures.Remove(left);
            }
        }

        var forAll = await SettingAsync(null, state.PlanOfAll, cancellation).ConfigureAwait(false);
        var sessions = new List<ServedSession>();
        foreach (var session in open)
        {
            LiveStep[] seen;
            lock (gate)
            {
                seen = steps.TryGetValue(session.Name, out var kept) ? [.. kept] : [];
            }

            var isShown = Chosen is { } chosen ? session.Name == chosen : sessions.Count < MostShown;
            sessions.Add(new ServedSession(
                session, seen, isShown ? await PicturesAsync(session, seen, cancellation).ConfigureAwait(false) : [],
                await SettingAsync(session.Name, session.Plan, cancellation).ConfigureAwait(false)));
        }

        return new ServedNow(state, null, forAll, sessions);
    }

    /// <summary>What is set; asked for where its number is another one than that which is known.</summary>
    private async Task<LiveSetting> SettingAsync(string? session, int number, CancellationToken cancellation)
    {
        var key = session ?? "";
        lock (gate)
        {
            if (number == 0 || (settings.TryGetValue(key, out var known) && known.Number == number))
            {
                return number == 0 ? ServedNow.Nothing.ForAll : settings[key];
            }
        }

        try
        {
            var setting = await Client.PlanAsync(session, cancellation).ConfigureAwait(false);
            lock (gate)
            {
                return settings[key] = setting;
            }
        }
        catch (VitrineException) when (session is not null)
        {
            return ServedNow.Nothing.ForAll; // It has left meanwhile.
        }
    }

    private async Task<IReadOnlyList<(string Camera, string Uri)>> PicturesAsync(LiveSession session, LiveStep[] seen, CancellationToken cancellation)
    {
        if (session.Answered == 0)
        {
            return [];
        }

        if (pictures.TryGetValue(session.Name, out var known) && known.Answered == session.Answered)
        {
            return known.Pictures;
        }

        var found = new List<(string, string)>();
        foreach (var camera in seen is [.., { Cameras.Count: > 0 } last] ? last.Cameras : [""])
        {
            try
            {
                var png = await Client.PictureAsync(session.Name, camera, cancellation).ConfigureAwait(false);
                found.Add((camera, "data:image/png;base64," + Convert.ToBase64String(png)));
            }
            catch (VitrineException)
            {
                // Nothing was seen yet, or the session has left meanwhile.
            }
        }

        if (seen.Length > 0) // else its cameras are not known yet
        {
            pictures[session.Name] = (session.Answered, found);
        }

        return found;
    }
}
