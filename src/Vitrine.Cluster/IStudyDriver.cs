using Vitrine.Cluster.Messages;

namespace Vitrine.Cluster;

/// <summary>Drives one run of a study over all silos. Every call is short: who starts it polls it.</summary>
internal interface IStudyDriver : IGrainWithGuidKey
{
    /// <summary>Gives the driver a piece of the study's order.</summary>
    Task Deliver(Piece piece);

    /// <summary>Starts, where all pieces are there.</summary>
    /// <param name="study">The study's fingerprint.</param>
    /// <param name="open">Numbers of the chunks that are to be run.</param>
    Task Start(string study, int[] open);

    /// <summary>Tells how the study stands, as soon as there is something to tell.</summary>
    /// <param name="atMost">After which it tells in any case.</param>
    Task<DriverReport> Poll(TimeSpan atMost);

    /// <summary>A piece of a finished chunk's JSON; null where the chunk is not there, because the driver was made anew.</summary>
    Task<Piece?> Read(int chunk, int offset);

    /// <summary>Drops a finished chunk that has been kept elsewhere.</summary>
    Task Forget(int chunk);

    /// <summary>Ends the run; chunks that are still running are stopped.</summary>
    Task Stop();
}
