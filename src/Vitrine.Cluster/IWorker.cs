using Orleans.Services;
using Vitrine.Cluster.Messages;

namespace Vitrine.Cluster;

/// <summary>The workers of one silo. Every call is short.</summary>
internal interface IWorker : IGrainService
{
    /// <summary>Offers a chunk.</summary>
    /// <param name="study">The study's fingerprint.</param>
    /// <param name="chunk">The chunk's number.</param>
    Task<OfferAnswer> Offer(string study, int chunk);

    /// <summary>Gives the silo a piece of the study's order.</summary>
    /// <returns>Why the study is refused; null where it is not.</returns>
    Task<string?> Deliver(string study, Piece piece);

    /// <summary>Tells what the silo has of a study, as soon as a chunk has ended.</summary>
    /// <param name="study">The study's fingerprint.</param>
    /// <param name="atMost">After which it tells in any case.</param>
    Task<WorkerReport> Wait(string study, TimeSpan atMost);

    /// <summary>A piece of a finished chunk's JSON; null where there is no such chunk.</summary>
    Task<Piece?> Read(string study, int chunk, int offset);

    /// <summary>Drops a chunk that has ended.</summary>
    Task Forget(string study, int chunk);

    /// <summary>Stops and drops all chunks of a study.</summary>
    Task Drop(string study);
}
