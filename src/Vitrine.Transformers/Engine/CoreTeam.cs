using System.Diagnostics;

namespace Vitrine.Transformers.Engine;

/// <summary>Work in pieces that may be done by any core, and twice: a piece computes into a scratch of its own, and is then put in its place.</summary>
internal abstract class SharedWork
{
    /// <summary>Computes a piece where it belongs.</summary>
    public abstract void Do(int piece);

    /// <summary>Computes a piece into a helper's own scratch; what it reads may change meanwhile, the result is then thrown away.</summary>
    public abstract void Try(int piece, int helper);

    /// <summary>Puts what a helper computed where it belongs.</summary>
    public abstract void Put(int piece, int helper);
}

/// <summary>Threads that help one with short pieces of work, of which a decode step has a hundred, some microseconds each.</summary>
/// <remarks>
/// Nobody waits for a helper that does not run: pieces are taken one by one, a helper's result counts only once it is put in its place, and what a helper holds
/// when all else is done is taken over after a moment. Beside a busy neighbour one thread so does the work alone, as if there were no other. A helper without
/// work looks for some for <see cref="Patience"/> and then sleeps.
/// </remarks>
internal sealed class CoreTeam : IDisposable
{
    /// <summary>How long a helper looks for work before it sleeps: longer than what stands between two products of a block.</summary>
    private static readonly long Patience = Stopwatch.Frequency / 40_000; // 25 microseconds

    /// <summary>Pieces of one run at most.</summary>
    public const int MostPieces = 1 << 12;

    /// <summary>Numbers from one piece's state to the next one's: each has a cache line, which cores would take from each other.</summary>
    private const int Apart = 8;

    private const int Putting = 1, Done = 2;
    private readonly Thread[] helpers;
    private readonly SemaphoreSlim work = new(0);
    private readonly long[] pieces = new long[MostPieces * Apart]; // round << 2 | state, of what a helper took; of an earlier round as long as none holds it
    private readonly long[] own = new long[MostPieces]; // the last round in which the calling thread itself did a piece
    private SharedWork? shared;
    private long open; // round << 32 | pieces that are left: taken from the last to the first
    private long round;
    private int asleep;
    private volatile bool isOver;

    /// <param name="threads">The calling one included.</param>
    public CoreTeam(int threads)
    {
        helpers = [.. Enumerable.Range(0, threads - 1).Select(i => new Thread(() => Help(i)) { IsBackground = true, Name = $"vitrine core {i + 1}" })];
        Array.ForEach(helpers, h => h.Start());
    }

    /// <summary>Threads besides the calling one.</summary>
    public int Helpers => helpers.Length;

    /// <summary>Does all pieces; returns when each is in its place.</summary>
    public void Run(SharedWork of, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MostPieces);
        round++;
        shared = of;
        Volatile.Write(ref open, (round << 32) | (uint)count);
        // Who was about to sleep may have seen the work by itself since the first look.
        if (Volatile.Read(ref asleep) > 0 && Interlocked.Exchange(ref asleep, 0) is > 0 and var sleeping)
        {
            work.Release(sleeping);
        }

        for (int piece; (piece = Take(round)) >= 0;)
        {
            of.Do(piece);
            own[piece] = round;
        }

        for (var i = count - 1; i >= 0; i--)
        {
            if (own[i] != round)
            {
                Finish(of, i);
            }
        }
    }

    public void Dispose()
    {
        isOver = true;
        work.Release(helpers.Length);
        Array.ForEach(helpers, h => h.Join());
        work.Dispose();
    }

    /// <summary>Waits a moment for who holds a piece, then takes it over.</summary>
    private void Finish(SharedWork of, int piece)
    {
        for (var turn = 0; Volatile.Read(ref pieces[piece * Apart]) != ((round << 2) | Done); turn++)
        {
            if (turn > 400 && Claimed(piece, round, Done))
            {
                of.Do(piece);
                return;
            }

            if (turn > 4000)
            {
                Thread.Yield(); // a helper was stopped while it put its result
            }
            else
            {
                Thread.SpinWait(1);
            }
        }
    }

    /// <returns>A piece of that round; -1 where none is left.</returns>
    private int Take(long of)
    {
        while (true)
        {
            var now = Volatile.Read(ref open);
            var left = (int)(now & uint.MaxValue);
            if (now >> 32 != of || left == 0)
            {
                return -1;
            }

            if (Interlocked.CompareExchange(ref open, now - 1, now) == now)
            {
                return left - 1;
            }
        }
    }

    /// <summary>Whether nobody had claimed a piece in a round; then it is claimed now.</summary>
    private bool Claimed(int piece, long of, int state)
    {
        var seen = Volatile.Read(ref pieces[piece * Apart]);
        return seen >> 2 < of && Interlocked.CompareExchange(ref pieces[piece * Apart], (of << 2) | (long)state, seen) == seen;
    }

    private void Help(int helper)
    {
        var idleSince = Stopwatch.GetTimestamp();
        while (!isOver)
        {
            // What is read here belongs to one round if a piece of that round can be taken afterwards: a new round is opened last.
            var now = Volatile.Read(ref open);
            var (of, current) = (now >> 32, Volatile.Read(ref shared));
            if ((now & uint.MaxValue) != 0 && current is not null && Take(of) is var piece and >= 0)
            {
                current.Try(piece, helper);
                if (Claimed(piece, of, Putting))
                {
                    current.Put(piece, helper);
                    Volatile.Write(ref pieces[piece * Apart], (of << 2) | Done);
                }

                idleSince = Stopwatch.GetTimestamp();
            }
            else if (Stopwatch.GetTimestamp() - idleSince < Patience)
            {
                Thread.SpinWait(1);
            }
            else
            {
                Interlocked.Increment(ref asleep);
                if (isOver)
                {
                    return;
                }

                // Where work came meanwhile it goes on; unless it was woken already, or others sleep too.
                if ((Volatile.Read(ref open) & uint.MaxValue) == 0 || Interlocked.CompareExchange(ref asleep, 0, 1) != 1)
                {
                    work.Wait();
                }

                idleSince = Stopwatch.GetTimestamp();
            }
        }
    }
}
