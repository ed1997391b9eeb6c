using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Vitrine.Checkpoints;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>
/// Reads value vectors against one unembedding: a fast product finds the few tokens that can be among the best, and these are computed exactly.
/// </summary>
/// <remarks>
/// A tile of vectors is multiplied with one part of the vocabulary after another, into a buffer that is used again. While a part's logits are in cache, one
/// pass over them finds minimum and maximum of every block of tokens (<see cref="TopBottomSearch"/>); at the end only blocks that can hold one of the best are
/// looked into. A tile has 256 vectors because products of fewer rows are slower (112 rows: 80 % of the rate, 48 rows: 60 %, on one core of an EPYC), and parts
/// are so narrow that 256 rows of them stay in cache. Tiles are read side by side, each with one libtorch thread, so that the search runs in parallel too.
/// </remarks>
public sealed class VocabularyReader : IDisposable
{
    private const double WorthWorkers = 1 << 30;                                                           // multiplications
    private readonly Tensor tokens;                                                                        // (V, d) float32
    private readonly Tensor screen;                                                                        // (d, V), what tiles are multiplied with
    private readonly ScreenMargin margin;
    private readonly ProjectionSettings settings;
    private readonly int count;

    private VocabularyReader(Tensor tokens, ProjectionSettings settings, bool coarse)
    {
        (this.tokens, this.settings, IsScreening) = (tokens, settings, coarse);
        count = (int)Math.Min(settings.Count, tokens.shape[0]);
        screen = (coarse ? tokens.to(bfloat16) : tokens).t().DetachFromDisposeScope();
        margin = ScreenMargin.Of(tokens, TopBottomSearch.BlockWidth(Vocabulary, count), coarse);
    }

    /// <summary>Whether products in bfloat16 go ahead of the exact ones.</summary>
    public bool IsScreening { get; }

    private int Vocabulary => (int)tokens.shape[0];

    private int Width => (int)tokens.shape[1];

    /// <summary>Prepares the vocabulary of a source.</summary>
    /// <param name="source">Whose vocabulary.</param>
    /// <param name="settings">How it is read.</param>
    /// <exception cref="VitrineException">The settings do not fit the source.</exception>
    public static VocabularyReader Open(IValueVectorSource source, ProjectionSettings settings)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(settings);
        if (settings.Count < 1)
        {
            throw new VitrineException($"value vectors: {settings.Count} tokens at each end; expected at least one.");
        }

        if (settings.Tokens?.FirstOrDefault(t => t < 0 || t >= source.Vocabulary, -1) is { } outside and not -1)
        {
            throw new VitrineException($"value vectors: token {outside} lies outside the vocabulary of {source.Vocabulary}.");
        }

        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var tokens = source.Unembedding().to(float32);
        tokens = settings.Tokens is { } ids && !IsAll(ids, source.Vocabulary) ? tokens.index_select(0, tensor(ids.Select(t => (long)t).ToArray())) : tokens;
        if (settings.Norm != ReadingNorm.None)
        {
            tokens = tokens * source.Gain().to(float32);                                                   // E (g * v) = (E g) v
            tokens = settings.Norm == ReadingNorm.CentredGain ? tokens - tokens.mean([1], keepdim: true) : tokens;
        }

        tokens = tokens.contiguous();
        if (NonFinite.First(tokens) is { } found)
        {
            var token = settings.Tokens is { } names ? names[(int)found.Index[0]] : found.Index[0];
            throw new NonFiniteException(
                $"value vectors: the unembedding of token {token} is {found.Name} at coordinate {found.Index[1]}; nothing can be read in it.");
        }

        var work = (double)source.Neurons * tokens.shape[0] * tokens.shape[1];
        var coarse = settings.Screening == Screening.Always
            || (settings.Screening == Screening.Measured && work >= WorthWorkers && ScreenTrial.IsWorthIt(tokens));
        return new VocabularyReader(tokens.DetachFromDisposeScope(), settings, coarse);
    }

    /// <summary>Reads vectors.</summary>
    /// <param name="vectors">(n,d).</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between tiles.</param>
    /// <returns>One reading a vector.</returns>
    public IReadOnlyList<NeuronReading> Read(Tensor vectors, Action<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(vectors);
        var readings = new NeuronReading[vectors.shape[0]];
        var workers = (double)readings.Length * Vocabulary * Width < WorthWorkers ? 1 : settings.Workers ?? ComputeThreads.Here;
        var rows = Math.Min(settings.TileRows, Math.Max(1, readings.Length));
        var part = (int)Math.Clamp(LastLevelCache.Bytes / 2 / Math.Max(1, workers) / (sizeof(float) * rows) / 64 * 64, 1024, 16384);
        var (next, done) = (-1, 0);
        if (workers <= 1)
        {
            Work();
            return readings;
        }

        try
        {
            Parallel.For(0, workers, new ParallelOptions { MaxDegreeOfParallelism = workers, CancellationToken = cancellation }, _ =>
            {
                using var threads = ComputeThreads.One();
                Work();
            });
        }
        catch (AggregateException e) when (e.InnerException is VitrineException or OperationCanceledException)
        {
            throw e.InnerException is VitrineException inner ? new VitrineException(inner.Message, inner) : new OperationCanceledException(cancellation);
        }

        return readings;

        void Work()
        {
            using var mode = no_grad();
            using var scope = NewDisposeScope();
            var buffer = empty([rows, Vocabulary], float32);
            var search = new TopBottomSearch(margin, rows, Vocabulary, Width, count);
            while (Interlocked.Increment(ref next) is var tile && (long)tile * rows < readings.Length)
            {
                cancellation.ThrowIfCancellationRequested();
                ReadTile(vectors, tile * rows, Math.Min(rows, readings.Length - (tile * rows)), buffer, part, search, readings);
                progress?.Invoke((double)Interlocked.Add(ref done, Math.Min(rows, readings.Length - (tile * rows))) / readings.Length);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        screen.Dispose();
        tokens.Dispose();
    }

    private void ReadTile(Tensor vectors, int start, int rows, Tensor buffer, int part, TopBottomSearch search, NeuronReading[] readings)
    {
        using var scope = NewDisposeScope();
        var tile = vectors.narrow(0, start, rows).to(float32).contiguous();                                // (rows, d)
        var logits = buffer.narrow(0, 0, rows);                                                            // (rows, V)
        var coarse = IsScreening ? tile.to(bfloat16) : null;
        var all = Floats(logits);
        for (var from = 0; from < Vocabulary; from += part)
        {
            using var inner = NewDisposeScope();
            var length = Math.Min(part, Vocabulary - from);
            var (found, some) = (logits.narrow(1, from, length), screen.narrow(1, from, length));
            _ = coarse is null ? found.addmm_(tile, some, 0, 1) : found.copy_(coarse.mm(some));
            for (var row = 0; row < rows; row++)
            {
                search.Scan(row, from, all.Slice((row * Vocabulary) + from, length));
            }
        }

        var lost = coarse is null ? new double[rows] : ScreenMargin.Norms(tile - coarse.to(float32));
        var exact = Floats(tile);
        ref var dictionary = ref MemoryMarshal.GetReference(Floats(tokens.narrow(0, 0, 1)));
        for (var row = 0; row < rows; row++)
        {
            if (!search.Begin(row, exact.Slice(row * Width, Width), lost[row]))
            {
                throw new VitrineException($"value vectors: that of neuron {start + row} holds values that are no finite numbers. Is the checkpoint broken?");
            }

            var line = all.Slice(row * Vocabulary, Vocabulary);
            var (top, bottom) = (search.Largest(line, ref dictionary), search.Smallest(line, ref dictionary));
            readings[start + row] = new NeuronReading(IdsOf(top.Ids), top.Scores, IdsOf(bottom.Ids), bottom.Scores);
        }

        GC.KeepAlive(tokens);
    }

    /// <summary>Whether ids are those of a whole vocabulary in order: its rows are then read where they lie.</summary>
    internal static bool IsAll(IReadOnlyList<int> ids, int vocabulary) => ids.Count == vocabulary && ids.Index().All(t => t.Index == t.Item);

    private int[] IdsOf(int[] ids) => settings.Tokens is { } names ? Array.ConvertAll(ids, id => names[id]) : ids;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Span<float> Floats(Tensor contiguous) => MemoryMarshal.Cast<byte, float>(contiguous.bytes);
}
