using Vitrine.Policies;

namespace Vitrine.Serving.Clients;

/// <summary>A policy behind a server, acting in episodes: each episode is a session of its own.</summary>
/// <param name="server">Where.</param>
/// <param name="steps">Rows of each chunk that are carried out before it is asked again; all that come when null.</param>
public sealed class RemoteActor(ServerAddress server, int? steps = null) : IActor, IAsyncDisposable
{
    private readonly Dictionary<int, IPolicyClient> clients = [];
    private readonly Dictionary<int, Queue<double[]>> left = [];
    private readonly List<string> alarms = [];

    /// <summary>Requests that were sent.</summary>
    public int Requests { get; private set; }

    /// <summary>Alarms that answers carried, in order.</summary>
    public IReadOnlyList<string> Alarms => alarms;

    /// <inheritdoc/>
    public IReadOnlyList<double[]> Act(IReadOnlyList<Turn> turns, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(turns);
        return ActAsync(turns, cancellation).GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var client in clients.Values)
        {
            await client.DisposeAsync().ConfigureAwait(false);
        }

        clients.Clear();
    }

    private async Task<IReadOnlyList<double[]>> ActAsync(IReadOnlyList<Turn> turns, CancellationToken cancellation)
    {
        var asked = turns.Where(t => t.Step == 0 || left[t.Episode].Count == 0).ToArray();
        foreach (var turn in asked.Where(t => t.Step == 0))
        {
            if (!clients.TryGetValue(turn.Episode, out var client))
            {
                clients[turn.Episode] = client = await PolicyClient.ConnectAsync(server, $"episode-{turn.Episode}", cancellation).ConfigureAwait(false);
            }

            await client.BeginAsync(cancellation).ConfigureAwait(false);
        }

        var answers = await Task.WhenAll(asked.Select(t => clients[t.Episode].AskAsync(t.Seen, t.NoiseSeed, cancellation))).ConfigureAwait(false);
        Requests += asked.Length;
        foreach (var (turn, rows) in asked.Zip(answers))
        {
            alarms.AddRange(clients[turn.Episode].Alarms);
            left[turn.Episode] = new Queue<double[]>(steps is not { } most ? rows
                : rows.Count >= most ? rows.Take(most)
                : throw new VitrineException($"drive: {most} rows of a chunk are to be carried out; the server sent {rows.Count}."));
        }

        return [.. turns.Select(t => left[t.Episode].Dequeue())];
    }
}
