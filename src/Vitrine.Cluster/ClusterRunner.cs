using System.Text;
using Vitrine.Cluster.Messages;
using Vitrine.Worlds.Studies;

namespace Vitrine.Cluster;

/// <summary>Carries out studies on the workers of several silos, or on this process's own silo.</summary>
/// <param name="open">Opens a study with whoever acts in it, for the workers of this process.</param>
/// <param name="cluster">Which cluster.</param>
/// <remarks>
/// Chunks are those of <see cref="StudyRunner"/>, and so are their episodes. What comes back is kept whole by this process alone; it may be killed and started
/// again, and silos may come and go: that changes nothing but time.
/// </remarks>
public sealed class ClusterRunner(Func<StudyOrder, OpenedStudy> open, ClusterOptions cluster)
{
    /// <summary>Runs a study.</summary>
    /// <param name="order">The study, and its world.</param>
    /// <param name="options">How to carry it out. Workers are those of this process beside the other silos'; 0 to have only the others work.</param>
    /// <param name="progress">Told after every chunk.</param>
    /// <param name="news">Told what becomes of silos, a line each.</param>
    /// <param name="cancellation">Stops; finished chunks stay in the folder.</param>
    /// <exception cref="VitrineException">
    /// No silo can open the study, an edit touches nothing, the policy fails, the folder belongs to another study, or the cluster cannot be joined.
    /// </exception>
    public async Task<StudyRun> RunAsync(
        StudyOrder order, StudyOptions? options = null, IProgress<StudyProgress>? progress = null, IProgress<string>? news = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(order);
        options ??= new();
        var study = order.Study;
        study.Check();
        ArgumentOutOfRangeException.ThrowIfNegative(options.Workers, nameof(options));
        if (options.Workers == 0 && cluster.Postgres is null)
        {
            throw new VitrineException($"study '{study.Name}': no workers here, and no database in which other silos could be found.");
        }

        using var folder = options.Folder is null ? null : StudyFolder.Open(options.Folder, study);
        var ledger = new StudyLedger(study, folder, options, progress);
        if (ledger.Open.Count > 0)
        {
            news?.Report(cluster.Postgres is { } postgres
                ? $"joining the cluster '{cluster.Name}' in {MembershipTables.PlaceOf(postgres)}; after a crash this may wait for silos that seem alive"
                : "one silo, in this process");
            var silo = await ClusterSilo.StartAsync(open, options.Workers, cluster, cancellation).ConfigureAwait(false);
            await using var _ = silo.ConfigureAwait(false);
            await DriveAsync(silo.Grains.GetGrain<IStudyDriver>(Guid.NewGuid()), order, ledger, news, cancellation).ConfigureAwait(false);
        }

        return ledger.ToRun();
    }

    private async Task DriveAsync(IStudyDriver driver, StudyOrder order, StudyLedger ledger, IProgress<string>? news, CancellationToken cancellation)
    {
        var open = ledger.Open.ToDictionary(chunk => chunk.Number);
        try
        {
            while (open.Count > 0)
            {
                cancellation.ThrowIfCancellationRequested();
                var report = await driver.Poll(cluster.Times.Look).ConfigureAwait(false);
                if (report.IsNew)
                {
                    await StartAsync().ConfigureAwait(false);
                    continue;
                }

                foreach (var line in report.News)
                {
                    news?.Report(line);
                }

                foreach (var number in report.Finished)
                {
                    if (await PieceReader.ReadAsync(offset => driver.Read(number, offset)).ConfigureAwait(false) is not { } text)
                    {
                        break;
                    }

                    if (open.Remove(number, out var chunk))
                    {
                        ledger.Add(chunk, FinishedChunk.FromJson(Encoding.UTF8.GetString(text)));
                    }

                    await driver.Forget(number).ConfigureAwait(false);
                }

                if (report.Failure is { } failure)
                {
                    throw new VitrineException(failure);
                }
            }
        }
        finally
        {
            await driver.Stop().ConfigureAwait(false);
        }

        async Task StartAsync()
        {
            foreach (var piece in Piece.AllOf(order.ToBytes()))
            {
                await driver.Deliver(piece).ConfigureAwait(false);
            }

            await driver.Start(order.Study.Fingerprint(), [.. open.Keys]).ConfigureAwait(false);
        }
    }
}
