using Microsoft.Extensions.Logging;
using Orleans.Runtime.Services;
using Vitrine.Cluster.Messages;

namespace Vitrine.Cluster;

/// <summary>The workers of a silo, as other silos reach them: one a silo, started with it.</summary>
internal sealed class Worker(GrainId id, Silo silo, ILoggerFactory loggers, Bench bench) : GrainService(id, silo, loggers), IWorker
{
    /// <inheritdoc/>
    public Task<OfferAnswer> Offer(string study, int chunk) => Task.FromResult(bench.Offer(study, chunk));

    /// <inheritdoc/>
    public Task<string?> Deliver(string study, Piece piece) => Task.FromResult(bench.Deliver(study, piece));

    /// <inheritdoc/>
    public async Task<WorkerReport> Wait(string study, TimeSpan atMost)
    {
        var next = bench.Ended.Next();
        var report = bench.Report(study);
        if (report.Ended.Length > 0)
        {
            return report;
        }

        await next(atMost).ConfigureAwait(true);
        return bench.Report(study);
    }

    /// <inheritdoc/>
    public Task<Piece?> Read(string study, int chunk, int offset) => Task.FromResult(bench.Read(study, chunk, offset));

    /// <inheritdoc/>
    public Task Forget(string study, int chunk)
    {
        bench.Forget(study, chunk);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task Drop(string study)
    {
        bench.Drop(study);
        return Task.CompletedTask;
    }
}

/// <summary>Reaches the workers of any silo.</summary>
internal sealed class WorkerClient(IServiceProvider services) : GrainServiceClient<IWorker>(services)
{
    /// <summary>The workers of a silo.</summary>
    public IWorker At(SiloAddress silo) => GetGrainService(silo);
}
