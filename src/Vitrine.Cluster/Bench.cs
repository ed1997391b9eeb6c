using System.Collections.Concurrent;
using System.Text;
using Vitrine.Checkpoints;
using Vitrine.Cluster.Messages;

namespace Vitrine.Cluster;

/// <summary>
/// Where the chunks of one silo are worked on: a thread a worker, each with one libtorch thread. Studies, with their weights, are opened once.
/// </summary>
/// <remarks>What has ended stays until it is forgotten, so that a driver that was started anew finds it; after a while it goes.</remarks>
internal sealed class Bench : IDisposable
{
    private const int MostStudies = 4;
    private static readonly TimeSpan Kept = TimeSpan.FromMinutes(15);

    private readonly Func<StudyOrder, OpenedStudy> open;
    private readonly Lock gate = new();
    private readonly Dictionary<string, Studied> studies = [];
    private readonly Dictionary<string, PieceReader> coming = [];
    private readonly BlockingCollection<Job> queue = [];
    private readonly Task threads;
    private int busy;

    /// <param name="open">Opens a study with whoever acts in it.</param>
    /// <param name="workers">How many chunks are run at a time; 0 for none.</param>
    public Bench(Func<StudyOrder, OpenedStudy> open, int workers)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(workers);
        (this.open, Workers) = (open, workers);
        threads = workers == 0 ? Task.CompletedTask : ComputeThreads.WorkersAsync(workers, Work);
    }

    /// <summary>How many chunks are run at a time.</summary>
    public int Workers { get; }

    /// <summary>Beats when a chunk ends.</summary>
    public Pulse Ended { get; } = new();

    /// <summary>Takes a chunk if a worker is free and the study is known.</summary>
    public OfferAnswer Offer(string study, int chunk)
    {
        lock (gate)
        {
            DropOld();
            if (!studies.TryGetValue(study, out var studied))
            {
                return Workers == 0 ? OfferAnswer.Busy : OfferAnswer.NeedsStudy;
            }

            if (studied.Jobs.ContainsKey(chunk))
            {
                return OfferAnswer.Taken;
            }

            if (busy >= Workers || queue.IsAddingCompleted)
            {
                return OfferAnswer.Busy;
            }

            var job = new Job(studied, chunk);
            studied.Jobs.Add(chunk, job);
            busy++;
            studied.Running++;
            queue.Add(job);
            return OfferAnswer.Taken;
        }
    }

    /// <summary>Takes a piece of a study's order.</summary>
    /// <returns>Why it is refused; null where it is not.</returns>
    public string? Deliver(string study, Piece piece)
    {
        lock (gate)
        {
            if (studies.ContainsKey(study))
            {
                return null;
            }

            if (!coming.TryGetValue(study, out var reader))
            {
                coming.Add(study, reader = new PieceReader());
            }

            try
            {
                reader.Add(piece);
                if (reader.Whole is { } text)
                {
                    coming.Remove(study);
                    var order = StudyOrder.Of(text);
                    if (order.Study.Fingerprint() is var found && found != study)
                    {
                        return $"study '{order.Study.Name}': has the fingerprint {found} here; expected {study}. Do all silos run the same version of Vitrine?";
                    }

                    MakeRoom();
                    studies.Add(study, new Studied(study, new Lazy<OpenedStudy>(() => open(order))));
                }

                return null;
            }
            catch (VitrineException e)
            {
                coming.Remove(study);
                return e.Message;
            }
        }
    }

    /// <summary>What is there of a study.</summary>
    public WorkerReport Report(string study)
    {
        lock (gate)
        {
            IEnumerable<Job> jobs = studies.TryGetValue(study, out var studied) ? studied.Jobs.Values : [];
            return new WorkerReport
            {
                Workers = Workers,
                Running = [.. jobs.Where(j => j.End is null).Select(j => j.Chunk)],
                Ended = [.. jobs.Where(j => j.End is not null).Select(j => j.End!)],
            };
        }
    }

    /// <summary>A piece of what came of a chunk; null where there is no such chunk.</summary>
    public Piece? Read(string study, int chunk, int offset)
    {
        lock (gate)
        {
            return studies.TryGetValue(study, out var studied) && studied.Jobs.TryGetValue(chunk, out var job) && job.Result is { } text
                && offset >= 0 && offset < text.Length ? Piece.Of(text, offset) : null;
        }
    }

    /// <summary>Drops a chunk that has ended.</summary>
    public void Forget(string study, int chunk)
    {
        lock (gate)
        {
            if (studies.TryGetValue(study, out var studied) && studied.Jobs.TryGetValue(chunk, out var job) && job.End is not null)
            {
                studied.Jobs.Remove(chunk);
            }
        }
    }

    /// <summary>Stops all chunks of a study, and drops them.</summary>
    public void Drop(string study)
    {
        lock (gate)
        {
            if (studies.TryGetValue(study, out var studied))
            {
                foreach (var job in studied.Jobs.Values.ToArray())
                {
                    job.Stop.Cancel();
                    studied.Jobs.Remove(job.Chunk);
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            queue.CompleteAdding();
        }

        foreach (var study in studies.Keys.ToArray())
        {
            Drop(study);
        }

        threads.GetAwaiter().GetResult();
        foreach (var studied in studies.Values)
        {
            studied.Close();
        }

        queue.Dispose();
    }

    private void Work()
    {
        foreach (var job in queue.GetConsumingEnumerable())
        {
            var (end, result) = Run(job);
            lock (gate)
            {
                (job.Result, job.EndedAt, job.End) = (result, Environment.TickCount64, end);
                busy--;
                job.Studied.Running--;
                job.Studied.Used = Environment.TickCount64;
                if (end.End == ChunkEnd.NotOpened && studies.GetValueOrDefault(job.Studied.Fingerprint) == job.Studied)
                {
                    // Asked again, it is delivered and opened again: what was amiss may have been mended.
                    job.Studied.IsBroken = true;
                }
            }

            Ended.Beat();
        }
    }

    private static (EndedChunk End, byte[]? Result) Run(Job job)
    {
        OpenedStudy opened;
        try
        {
            opened = job.Studied.Opened.Value;
        }
        catch (Exception e)
        {
            return (Not(ChunkEnd.NotOpened, e), null);
        }

        try
        {
            var chunk = opened.Work.Chunks[job.Chunk];
            var finished = opened.Work.Run(chunk, job.Stop.Token);
            return (new EndedChunk { Number = job.Chunk, End = ChunkEnd.Finished }, Encoding.UTF8.GetBytes(finished.ToJson()));
        }
        catch (Exception e)
        {
            return (Not(ChunkEnd.Failed, e), null);
        }

        EndedChunk Not(ChunkEnd end, Exception e)
            => new() { Number = job.Chunk, End = end, Reason = e is VitrineException ? e.Message : $"{e.GetType().Name}: {e.Message}" };
    }

    /// <summary>Closes studies that nobody has used for longest, where there are too many.</summary>
    private void MakeRoom()
    {
        var idling = studies.Values.Where(s => s.Jobs.Count == 0 && s.Running == 0).OrderBy(s => s.Used);
        foreach (var idle in idling.Take(studies.Count - MostStudies + 1).ToArray())
        {
            studies.Remove(idle.Fingerprint);
            idle.Close();
        }
    }

    private void DropOld()
    {
        foreach (var studied in studies.Values.ToArray())
        {
            foreach (var old in studied.Jobs.Values.Where(j => j.End is not null && Environment.TickCount64 - j.EndedAt > Kept.TotalMilliseconds).ToArray())
            {
                studied.Jobs.Remove(old.Chunk);
            }

            if (studied.IsBroken && studied.Jobs.Count == 0)
            {
                studies.Remove(studied.Fingerprint);
            }
        }
    }

    private sealed class Studied(string fingerprint, Lazy<OpenedStudy> opened)
    {
        public string Fingerprint { get; } = fingerprint;

        public Lazy<OpenedStudy> Opened { get; } = opened;

        public Dictionary<int, Job> Jobs { get; } = [];

        /// <summary>Jobs that a worker is in, or will be: those that were dropped too, until they have stopped.</summary>
        public int Running { get; set; }

        public long Used { get; set; } = Environment.TickCount64;

        public bool IsBroken { get; set; }

        public void Close()
        {
            if (Opened.IsValueCreated)
            {
                Opened.Value.Dispose();
            }
        }
    }

    private sealed class Job(Studied studied, int chunk)
    {
        public Studied Studied { get; } = studied;

        public int Chunk { get; } = chunk;

        public CancellationTokenSource Stop { get; } = new();

        public byte[]? Result { get; set; }

        public EndedChunk? End { get; set; }

        public long EndedAt { get; set; }
    }
}
