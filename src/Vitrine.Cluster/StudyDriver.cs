using Orleans.Concurrency;
using Orleans.Placement;
using Vitrine.Cluster.Messages;

namespace Vitrine.Cluster;

/// <summary>Drives one run of a study over all silos: offers chunks, takes what came of them, offers what a lost silo was at to the others.</summary>
/// <remarks>
/// A grain hears that a silo is gone where a client outside waits out its timeout; so the run is driven from here, by short calls. The driver stands in the
/// silo of whoever started it and ends with it: finished chunks are kept by then, and what silos are still running is found there by the next driver. Where a
/// driver stands is known to one of the silos; when that one is lost, the driver ends too and is made anew by the next call, without what it knew: it says so,
/// and is started again with the chunks that are still open.
/// </remarks>
[PreferLocalPlacement, Reentrant]
internal sealed class StudyDriver(WorkerClient workers, IClusterMembershipService membership, ClusterTimes times) : Grain, IStudyDriver
{
    private readonly PieceReader text = new();
    private readonly Dictionary<SiloAddress, Member> members = [];
    private readonly List<string> news = [];
    private readonly CancellationTokenSource end = new();
    private readonly Pulse changed = new();
    private string study = "";
    private ChunkQueue chunks = new([]);
    private string? failure;

    /// <inheritdoc/>
    public Task Deliver(Piece piece)
    {
        text.Add(piece);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task Start(string study, int[] open)
    {
        if (text.Whole is not null)
        {
            (this.study, chunks) = (study, new ChunkQueue(open));
            Watch().Ignore();
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<DriverReport> Poll(TimeSpan atMost)
    {
        if (study.Length == 0)
        {
            return new DriverReport { Finished = [], News = [], IsNew = true };
        }

        var next = changed.Next();
        if (chunks.Finished.Length == 0 && failure is null && news.Count == 0)
        {
            await next(atMost).ConfigureAwait(true);
        }

        string[] told = [.. news];
        news.Clear();
        return new DriverReport { Finished = chunks.Finished, Failure = failure, News = told };
    }

    /// <inheritdoc/>
    public Task<Piece?> Read(int chunk, int offset) => Task.FromResult(chunks.ResultOf(chunk) is { } result ? Piece.Of(result, offset) : null);

    /// <inheritdoc/>
    public Task Forget(int chunk)
    {
        chunks.Forget(chunk);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task Stop()
    {
        await end.CancelAsync().ConfigureAwait(true);
        changed.Beat();
        if (!chunks.IsDone)
        {
            await Task.WhenAll(members.Where(m => m.Value.IsServing).Select(m => workers.At(m.Key).Drop(study)))
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }

        DeactivateOnIdle();
    }

    /// <inheritdoc/>
    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await end.CancelAsync().ConfigureAwait(true);
        changed.Beat();
    }

    /// <summary>Serves every silo that is there, for as long as it is.</summary>
    private async Task Watch()
    {
        while (!end.IsCancellationRequested && failure is null && !chunks.IsDone)
        {
            var next = changed.Next();
            foreach (var silo in membership.CurrentSnapshot.Members.Values.Where(m => m.Status == SiloStatus.Active).Select(m => m.SiloAddress))
            {
                if (!members.TryGetValue(silo, out var member))
                {
                    members.Add(silo, member = new Member());
                }

                if (!member.IsServing && member.Refusal is null && !member.HasNoWorkers && Environment.TickCount64 >= member.NotBefore)
                {
                    member.IsServing = true;
                    Serve(silo, member).Ignore();
                }
            }

            if (!members.Values.Any(m => m.IsServing) && members.Values.FirstOrDefault(m => m.Refusal is not null) is { } refusing)
            {
                Fail(refusing.Refusal!);
            }

            await next(times.Look).ConfigureAwait(true);
        }
    }

    /// <param name="silo">Who works.</param>
    /// <param name="member">What is known of it.</param>
    private async Task Serve(SiloAddress silo, Member member)
    {
        // Chunks that this silo is running, or has run and was not asked for yet: nobody else has them, and without it they are offered to others.
        var (worker, held) = (workers.At(silo), new HashSet<int>());
        try
        {
            var report = await worker.Wait(study, TimeSpan.Zero).ConfigureAwait(true);
            if (report.Workers == 0)
            {
                member.HasNoWorkers = true;
                return;
            }

            Tell($"silo {silo.Endpoint}: {report.Workers} worker{(report.Workers == 1 ? "" : "s")}");
            while (!end.IsCancellationRequested && failure is null && !chunks.IsDone)
            {
                // A silo may know chunks from a driver that is gone.
                held.UnionWith(report.Running.Concat(report.Ended.Select(e => e.Number)).Where(chunks.Take));
                var idle = report.Workers - held.Except(report.Ended.Select(e => e.Number)).Count();
                await Fill(worker, held, idle).ConfigureAwait(true);
                foreach (var ended in report.Ended)
                {
                    await Take(worker, ended, member).ConfigureAwait(true);
                    held.Remove(ended.Number);
                }

                if (member.Refusal is not null)
                {
                    await worker.Drop(study).ConfigureAwait(true);
                    break;
                }

                report = await worker.Wait(study, held.Count < report.Workers ? times.Look : times.Wait).ConfigureAwait(true);
            }
        }
        catch (VitrineException e)
        {
            member.Refusal = e.Message;
        }
        catch (Exception e)
        {
            member.NotBefore = Environment.TickCount64 + (long)times.Call.TotalMilliseconds;
            Tell($"silo {silo.Endpoint} does not answer ({e.GetType().Name}); chunks that are run again: "
                + (held.Count == 0 ? "none" : string.Join(", ", held.Order())));
        }
        finally
        {
            if (member.Refusal is not null)
            {
                Tell($"silo {silo.Endpoint} is set aside: {member.Refusal}");
            }

            held.ToList().ForEach(chunks.PutBack);
            member.IsServing = false;
            changed.Beat();
        }
    }

    /// <summary>Offers chunks to idle workers.</summary>
    private async Task Fill(IWorker worker, HashSet<int> held, int idle)
    {
        for (; idle > 0 && chunks.Take() is { } chunk; idle--)
        {
            held.Add(chunk);
            var answer = await worker.Offer(study, chunk).ConfigureAwait(true);
            if (answer == OfferAnswer.NeedsStudy)
            {
                foreach (var piece in Piece.AllOf(text.Whole!))
                {
                    if (await worker.Deliver(study, piece).ConfigureAwait(true) is { } refusal)
                    {
                        throw new VitrineException(refusal);
                    }
                }

                answer = await worker.Offer(study, chunk).ConfigureAwait(true);
            }

            if (answer != OfferAnswer.Taken)
            {
                held.Remove(chunk);
                chunks.PutBack(chunk);
                return;
            }
        }
    }

    /// <summary>Takes what came of a chunk.</summary>
    private async Task Take(IWorker worker, EndedChunk ended, Member member)
    {
        if (ended.End == ChunkEnd.NotOpened)
        {
            chunks.PutBack(ended.Number);
            member.Refusal = ended.Reason ?? "it cannot open the study";
            return;
        }

        if (ended.End == ChunkEnd.Failed)
        {
            Fail(ended.Reason ?? $"chunk {ended.Number} failed");
        }
        else if (chunks.Needs(ended.Number))
        {
            chunks.Finish(ended.Number, await PieceReader.ReadAsync(offset => worker.Read(study, ended.Number, offset)).ConfigureAwait(true)
                ?? throw new TimeoutException($"chunk {ended.Number} is gone"));
            changed.Beat();
        }

        await worker.Forget(study, ended.Number).ConfigureAwait(true);
    }

    private void Fail(string reason)
    {
        failure ??= reason;
        changed.Beat();
    }

    private void Tell(string line)
    {
        news.Add(line);
        changed.Beat();
    }

    private sealed class Member
    {
        public bool IsServing { get; set; }

        public bool HasNoWorkers { get; set; }

        /// <summary>Why it cannot open the study.</summary>
        public string? Refusal { get; set; }

        public long NotBefore { get; set; }
    }
}
