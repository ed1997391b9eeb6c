using Vitrine.Checkpoints;
using Vitrine.Transformers.Points;
using Vitrine.Transformers.Weights;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>A stack of tokens: embedding, blocks, final norm, head. It decodes where its attention is causal; text encoders are stacks of tokens too.</summary>
public sealed class Decoder : Stack
{
    private static int hasReadPrompt;
    private static int hasDecoded;
    private readonly TextEmbedding? embedding;

    /// <param name="shape">Sizes and points.</param>
    /// <param name="blocks">With their weights.</param>
    /// <param name="embedding">Of words; null for a stack that reads none (an action expert).</param>
    internal Decoder(StackShape shape, IReadOnlyList<Block> blocks, TextEmbedding? embedding)
        : base(shape, blocks) => this.embedding = embedding;

    /// <summary>The embedding; null for a stack that reads no words.</summary>
    internal TextEmbedding? Words => embedding;

    /// <exception cref="VitrineException">The stack reads no words.</exception>
    internal TextEmbedding Embedding => embedding ?? throw new VitrineException($"stack '{Shape.Name}': reads no words.");

    /// <summary>Token embeddings, scaled where the family scales them; positions come in behind.</summary>
    /// <param name="ids">[row][token], rows of one length.</param>
    /// <returns>(B,T,d), owned by the caller.</returns>
    /// <exception cref="VitrineException">An id lies outside the vocabulary.</exception>
    public Tensor Embed(IReadOnlyList<IReadOnlyList<int>> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var words = Embedding.Words.shape[0];
        foreach (var id in ids.SelectMany(row => row))
        {
            if (id < 0 || id >= words)
            {
                throw new VitrineException($"token {id} lies outside the vocabulary of {words}.");
            }
        }

        using var scope = NewDisposeScope();
        var rows = Embedding.WordRows(TokenIds.Matrix(ids, Device));
        return Embedding.Table(Embedding.Scale is null ? rows : rows * Embedding.Scale).MoveToOuterDisposeScope();
    }

    /// <summary>The normed residual of every token (B,T,d), or the residual where the plan stops early.</summary>
    /// <param name="run">Of the model.</param>
    /// <param name="embedded">(B,T,d): words, or whatever stands in their place; stays the caller's.</param>
    /// <param name="positions">[row][token] in the row's own sequence, -1 for padding.</param>
    /// <param name="from">Where the run starts, as it was told to <c>Compute</c>; the embedded tokens are then not read. At them when null.</param>
    public Tensor Read(RunScope run, Tensor embedded, IReadOnlyList<IReadOnlyList<long>> positions, RunStart? from = null)
    {
        ArgumentNullException.ThrowIfNull(run);
        var input = new DecoderInput([.. positions.Select(r => r.ToArray())], () => embedded);
        using var pass = PassOver(run, input, from?.Column ?? 0);
        var residual = Residual(input, pass, from);
        return run.Range is { ToTheEnd: false } ? residual : FinalNorm(residual, pass);
    }

    /// <summary>Greedy decoding of embedded prompts with a key/value cache.</summary>
    /// <param name="run">Of the model.</param>
    /// <param name="embedded">(B,T,d); stays the caller's.</param>
    /// <param name="positions">[row][token], -1 for padding.</param>
    /// <param name="count">New tokens.</param>
    /// <param name="from">As of <see cref="Read"/>.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <returns>[row][token], and the logits that each was taken from (B,count,V), owned by the caller's scope.</returns>
    public (IReadOnlyList<IReadOnlyList<int>> Ids, Tensor Logits) Decode(
        RunScope run, Tensor embedded, IReadOnlyList<IReadOnlyList<long>> positions, int count, RunStart? from = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(run);
        var input = new DecoderInput([.. positions.Select(r => r.ToArray())], () => embedded);
        var (ids, logits) = Decode(run, input, new TokenChoice(new GenerationOptions(count), positions.Count), from, cancellation);
        return (ids, logits!);
    }

    /// <summary>The same stack under another name.</summary>
    internal Decoder Called(string name) => name == Shape.Name ? this : new Decoder(Shape with { Name = name }, Blocks, embedding)
    {
        EntryNorm = EntryNorm,
        LastNorm = LastNorm,
        Head = Head,
        LogitCap = LogitCap,
    };

    /// <summary>The same stack with weights that are folded when they are asked for.</summary>
    internal Decoder Processed(ProcessedWeights weights) => new(Shape, Blocks, Embedding with { IsCentred = weights.Folding.CentreWriting })
    {
        EntryNorm = EntryNorm,
        LastNorm = weights.LastNorm,
        Head = Head,
        LogitCap = LogitCap,
        Processing = weights,
    };

    /// <summary>The pass that reads prompts from a column on; what stands before is in a cache.</summary>
    internal Pass PassOver(RunScope run, DecoderInput input, int column = 0)
    {
        run.Prompt(Shape.Name, input.Positions);
        var earlier = column == 0 ? [] : input.Positions.Select(r => r[..column]).ToArray();
        return new Pass(run, input.Step, [.. input.Positions.Select(r => r[column..])], earlier, Lengths(input.Positions))
        {
            GivenPositionIds = input.PositionIds is { } axes ? [.. axes.Select(ids => ids.Select(r => r[column..]).ToArray())] : null,
            PositionShift = input.PositionShift,
            AddedBehind = input.AddedBehind,
            Prefix = input.Prefix,
            PrefixLengths = input.PrefixLengths,
            BlockNumbers = input.BlockNumbers,
            Condition = input.Condition,
            Memory = input.Memory,
            AddedPositions = input.AddedPositions,
        };
    }

    /// <summary>The residual behind the last block that the run computes (B,T,d), of the prefill alone.</summary>
    /// <param name="input">The tokens.</param>
    /// <param name="pass">Over them.</param>
    /// <param name="from">Where to start; at the embeddings when null.</param>
    internal Tensor Residual(DecoderInput input, Pass pass, RunStart? from)
    {
        if (from is not { Column: > 0 })
        {
            return Residual(input, pass, from, cache: null);
        }

        var (rows, columns) = (input.Positions.Length, input.Positions[0].Length);
        using var cache = new KeyValueCache(Shape.Layers, columns, pass.Plan.NeedsGradients);
        from.Fill(cache, rows, columns, Shape, pass.Run.Range!, isDecoding: false);
        return Residual(input, pass, from, cache);
    }

    /// <param name="input">The tokens.</param>
    /// <param name="pass">Over them.</param>
    /// <param name="from">Where to start; at the embeddings when null.</param>
    /// <param name="cache">Keys and values of what stands before, and for what is decoded behind.</param>
    private Tensor Residual(DecoderInput input, Pass pass, RunStart? from, KeyValueCache? cache)
    {
        if (from is not null)
        {
            pass.AddedBehind = (over, layer) => from.AddedBehind(layer, over.Rows, Shape) is { } added
                ? over.At(Shape.Name, PictureSide.DeepStack(layer, Shape.Width), added)
                : null;
        }

        pass.LastColumnAloneAt = pass.Plan.Plan.LastColumnAlone && pass.Length > 1 ? Shape.Layers - 1 : null;
        var residual = from is null
            ? Enter(embedding is null ? input.Embedded() : embedding.Placed(input.Embedded(), pass, input.Segments), pass)
            : from.Residual(input.Positions.Length, input.Positions[0].Length, Shape);
        return Through(residual, pass, cache, pass.Run.Range?.First ?? 0, pass.Run.Range?.Last ?? Shape.Layers - 1).Residual;
    }

    /// <summary>Decoding with a key/value cache: the prefill, then one pass for each token but the last.</summary>
    /// <param name="run">Receives what is captured; its plan acts in every pass that its scopes name.</param>
    /// <param name="input">The prompts.</param>
    /// <param name="choice">Takes a token of each row from its logits, and tells when all rows have stopped.</param>
    /// <param name="from">Where the prefill starts; at the embeddings when null.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <returns>Ids (B,steps), and the logits that each was taken from (B,steps,V), null where they are not wanted; owned by the caller.</returns>
    /// <remarks>Edits of the logits act before the choice. Rows that have stopped read their padding on, so that the others' numbers do not move.</remarks>
    internal (int[][] Ids, Tensor? Logits) Decode(RunScope run, DecoderInput input, TokenChoice choice, RunStart? from, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        choice = run.Plan.IsSearching ? choice.Anew() : choice;
        var (positions, rows) = (input.Positions, input.Positions.Length);
        using var cache = new KeyValueCache(Shape.Layers, positions[0].Length + choice.Count, isDifferentiated: run.Plan.NeedsGradients);
        from?.Fill(cache, rows, positions[0].Length, Shape, run.Range!, isDecoding: true);
        var (chosen, steps) = (new List<int[]>(), new List<Tensor>());
        var next = Array.Empty<long[]>();
        var isWhole = false;
        using var holder = new FusedHolder();
        for (var step = 0; step < choice.Count && !choice.IsDone; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (isWhole)
            {
                chosen.Add(FusedStep(run, holder.Fused!, choice, step, chosen[^1][0], positions[0].Length + step - 1, input.PositionShift?[0] ?? 0, steps));
                continue;
            }

            using var inner = NewDisposeScope();
            using var pass = step == 0
                ? PassOver(run, input, from?.Column ?? 0)
                : new Pass(run, step, [.. next.Select(row => new[] { row.Max() + 1 })], next, Lengths(positions)) { PositionShift = input.PositionShift };
            var residual = step == 0
                ? Residual(input, pass, from, cache)
                : Forward(Embedding.Placed(Embed([.. chosen[^1].Select(id => new[] { id })]), pass, null), pass, cache, holder.Fused).Residual;
            if (step == 0)
            {
                LoadedCode.ReleaseOnce(ref hasReadPrompt); // before the unembedding comes into memory
            }

            var logits = LastLogits(FinalNorm(residual, pass), pass);                                      // (B, V)
            RequireFinite(logits, run, step);
            if (choice.KeepsLogits)
            {
                steps.Add(logits.MoveToOuterDisposeScope());
            }

            chosen.Add(choice.Next(logits, step));
            next = pass.Keys;
            if (step == 0 && choice.Count > 1 && !choice.IsDone)
            {
                LoadedCode.ReleaseOnce(ref hasDecoded); // what only a prompt needs
                holder.Fused = FusedRow.Of(this, run, cache, positions);
                isWhole = holder.Fused is { IsWhole: true } && run.Plan.AsksNothingOf(Shape.Name);
            }
        }

        int[][] ids = [.. Enumerable.Range(0, rows).Select(row => chosen.Select(c => c[row]).ToArray())];
        return (ids, choice.KeepsLogits ? stack([.. steps], 1).MoveToOuterDisposeScope() : null);
    }

    /// <summary>A step that nobody looks into.</summary>
    private int[] FusedStep(RunScope run, FusedRow fused, TokenChoice choice, int step, int id, long at, long shift, List<Tensor> steps)
    {
        run.Tally.Begin(step);
        run.FusedBlocks += Blocks.Count;
        var logits = fused.Step(id, at, shift, choice.KeepsLogits);
        if (choice.KeepsLogits)
        {
            steps.Add(logits);
        }

        RequireFinite(logits, run, step);
        return choice.Next(logits, step);
    }

    /// <summary>Keys and values of every block over embedded tokens, for the blocks of another stack to read.</summary>
    /// <param name="run">Of the model.</param>
    /// <param name="input">The tokens.</param>
    /// <returns>Owned by the caller.</returns>
    /// <remarks>What stands behind the last block is read by nobody there; it is computed where the plan asks for it.</remarks>
    internal PrefixCache Prefill(RunScope run, DecoderInput input)
    {
        using var scope = NewDisposeScope();
        using var cache = new KeyValueCache(Shape.Layers, input.Positions[0].Length, isDifferentiated: run.Plan.NeedsGradients);
        using var pass = PassOver(run, input);
        var own = run.Plan.Of(Shape.Name);
        var isReadOut = own.Wants(Point.FinalNorm) || own.Wants(Point.Logits);
        pass.KeysAloneAt = isReadOut ? null : Shape.Layers - 1;
        var residual = Residual(input, pass, from: null, cache);
        if (isReadOut)
        {
            var normed = FinalNorm(residual, pass);
            _ = own.Wants(Point.Logits) ? Logits(normed, pass) : null;
        }

        return new PrefixCache(cache.Release(), input.Positions, Shape.Name);
    }

    /// <summary>Column <paramref name="columns"/>[b] of each row b: (B,x).</summary>
    internal static Tensor Pick(Tensor x, long[] columns)
    {
        var rows = tensor([.. Enumerable.Range(0, columns.Length).Select(i => (long)i)], device: x.device);
        return x.index(TensorIndex.Tensor(rows), TensorIndex.Tensor(tensor(columns, device: x.device)));
    }

    /// <summary>Only the last token's logits are computed, unless the plan asks for all.</summary>
    private Tensor LastLogits(Tensor normed, Pass pass)
    {
        var last = pass.LastColumns();
        return pass.Plan.Of(Shape.Name).Wants(Point.Logits) ? Pick(Logits(normed, pass), last) : Logits(Pick(normed, last), pass);
    }

    /// <exception cref="NonFiniteException">A token would be chosen among logits of which one is no number.</exception>
    private void RequireFinite(Tensor logits, RunScope run, int step)
    {
        if (run.AllowsNonFinite)
        {
            return;
        }

        if (NonFinite.First(logits, run.Plan.Of(Shape.Name).LeavesOut(Point.Logits)) is { } found)
        {
            throw new NonFiniteException(
                $"decoding, step {step}: the logit of token {found.Index[1]} in row {found.Index[0]} is {found.Name}",
                new Address(Shape.Name, null, Point.Logits, step), (int)found.Index[0]);
        }

        if (run.Hidden is { } hidden)
        {
            throw hidden;
        }
    }

    private static long[] Lengths(long[][] positions) => [.. positions.Select(row => row.LongCount(p => p >= 0))];
}

/// <summary>The fused step of a decoding, made behind the prefill and ended with it.</summary>
internal sealed class FusedHolder : IDisposable
{
    public FusedRow? Fused { get; set; }

    public void Dispose() => Fused?.Dispose();
}

/// <summary>What a decoder reads in a prefill.</summary>
/// <param name="Positions">[row][token], -1 for padding.</param>
/// <param name="Embedded">Makes (B,T,d); not asked where the run starts at a cached residual.</param>
internal sealed record DecoderInput(long[][] Positions, Func<Tensor> Embedded)
{
    /// <summary>[axis][row][token], where they are not the rows' own positions.</summary>
    public IReadOnlyList<long[][]>? PositionIds { get; init; }

    /// <summary>[row]: what a position id is ahead of the row's own position, of the prompt where no ids are given, and of what is decoded behind it.</summary>
    public long[]? PositionShift { get; init; }

    /// <summary>See <see cref="Pass.AddedBehind"/>; of the prompt alone.</summary>
    public Func<Pass, int, Tensor?>? AddedBehind { get; init; }

    /// <summary>(B,T) of an encoder that tells texts apart; null where all are 0.</summary>
    public Tensor? Segments { get; init; }

    /// <summary>Of another stack.</summary>
    public PrefixCache? Prefix { get; init; }

    /// <summary>[row]: see <see cref="Pass.PrefixLengths"/>.</summary>
    public long[]? PrefixLengths { get; init; }

    /// <summary>[row][token]: see <see cref="Pass.BlockNumbers"/>.</summary>
    public long[][]? BlockNumbers { get; init; }

    /// <summary>What conditioned norms read.</summary>
    public Tensor? Condition { get; init; }

    /// <summary>The output of another stack; see <see cref="Pass.Memory"/>.</summary>
    public AttendedOutput? Memory { get; init; }

    /// <summary>See <see cref="Pass.AddedPositions"/>.</summary>
    public Tensor? AddedPositions { get; init; }

    /// <summary>The flow step, of a stack that a run goes through several times.</summary>
    public int Step { get; init; }

    public static DecoderInput Of(Decoder decoder, TokenBatch batch) => new([.. batch.Positions.Select(r => r.ToArray())], () => decoder.Embed(batch.Ids))
    {
        PositionIds = batch.PositionIds is { } ids ? [[.. ids.Select(r => r.ToArray())]] : null,
        Segments = batch.Segments is { } segments
            ? tensor([.. segments.SelectMany(r => r)], [segments.Count, segments[0].Count], device: decoder.Device)
            : null,
    };
}
