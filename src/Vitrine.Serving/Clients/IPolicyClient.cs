using Vitrine.Policies;

namespace Vitrine.Serving.Clients;

/// <summary>A connection to a policy server, ours or another's: one client, one session.</summary>
public interface IPolicyClient : IAsyncDisposable
{
    /// <summary>Asks for a chunk.</summary>
    /// <param name="seen">What the robot sees; cameras and vectors travel under the protocol's spelling of their names.</param>
    /// <param name="seed">Seed of the noise; sent only to servers that understand it.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>[control step][dimension], in the robot's units.</returns>
    /// <exception cref="VitrineException">The server refuses, answers what is no chunk, or has left.</exception>
    Task<IReadOnlyList<double[]>> AskAsync(Observation seen, long? seed = null, CancellationToken cancellation = default);

    /// <summary>Says that an episode begins.</summary>
    /// <param name="cancellation">Gives up.</param>
    Task BeginAsync(CancellationToken cancellation = default);

    /// <summary>Alarms that the last answer carried; empty where the server sends none.</summary>
    IReadOnlyList<string> Alarms { get; }
}
