using Vitrine.Policies;
using Vitrine.Policies.Actions;

namespace Vitrine.Serving.Clients;

/// <summary>A policy behind a server, acting in episodes: each episode is a session of its own.</summary>
/// <param name="server">Where.</param>
/// <param name="steps">Rows of each chunk that are carried out before it is asked again; all that come when null.</param>
public sealed class RemoteActor(ServerAddress server, int? steps = null) : IActor, IAsyncDisposable
{
    private readonly Dictionary<int, IPolicyClient> clients = [];
    private readonly ActionChunks chunks = new(steps);
    private readonly List<string> alarms = [];

    /// <summary>Requests that were sent.</summary>
    public int Requests { get; private set; }

    /// <summary>Alarms that answers carried, in order.</summary>
    public IReadOnlyList<string> Alarms => alarms;

    /// <inheritdoc/>
    public IReadOnlyList<double[]> Act(IReadOnlyList<Turn> turns, CancellationToken cancellation = default)
        => chunks.CarryOut(turns, asked => AskAsync([.. asked.Select(i => turns[i])], cancellation).GetAwaiter().GetResult());

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var client in clients.Values)
        {
            await client.DisposeAsync().ConfigureAwait(false);
        }

        clients.Clear();
    }

    private async Task<IReadOnlyList<IReadOnlyList<double[]>>> AskAsync(Turn[] asked, CancellationToken cancellation)
    {
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
        alarms.AddRange(asked.SelectMany(t => clients[t.Episode].Alarms));
        return answers;
    }
}
