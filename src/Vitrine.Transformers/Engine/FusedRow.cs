using System.Runtime.InteropServices;
using TorchSharp;
using Vitrine.Checkpoints.Gguf;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>A decode step of one row without tensors: the residual stream is one buffer, and a block that nobody looks into is one pass over it.</summary>
/// <remarks>
/// A block whose slots ask for anything runs as it always does (<see cref="Block.Forward"/>); both are made of <see cref="RowMath"/> and the same products, so
/// that the numbers are the same, bit for bit. Keys and values go to the cache that both read. What a block computes that these lines do not know is declined
/// as a whole: see <see cref="Of"/>. Nothing is allocated from step to step.
/// </remarks>
internal sealed unsafe class FusedRow : IDisposable
{
    private readonly Decoder decoder;
    private readonly KeyValueCache cache;
    private readonly FusedBlock[] blocks;
    private readonly FusedBuffers buffers;
    private readonly CoreTeam? team;
    private readonly ProductWork? head;
    private readonly nint[] scratch;
    private readonly BlockRows? words;
    private readonly nint wordRows;
    private readonly float wordScale;
    private readonly Dictionary<RotarySpec, Turning> turnings = [];
    private readonly List<Allocation> owned = [];
    private Tensor? logits;
    private long position;

    private FusedRow(Decoder decoder, KeyValueCache cache, OneRowLinear[][] layers, OneRowLinear? unembedding, int threads)
    {
        (this.decoder, this.cache) = (decoder, cache);
        var (specs, vocabulary) = (decoder.Specs, unembedding?.Outputs ?? 0);
        var widest = Math.Max(Math.Max(vocabulary, layers.SelectMany(l => l).Max(l => l.Outputs)), specs.Max(s => s.Attention.Heads * s.Attention.HeadWidth));
        cache.Reserve();
        team = threads > 1 ? new CoreTeam(threads) : null;
        scratch = new nint[team?.Helpers ?? 0];
        for (var i = 0; i < scratch.Length; i++)
        {
            scratch[i] = Room(widest);
        }

        buffers = new FusedBuffers(specs, Room);
        foreach (var spec in specs.Select(s => s.Attention.Rotary).OfType<RotarySpec>().Distinct())
        {
            turnings[spec] = new Turning(decoder.RotaryOf(spec), Room(spec.Width / 2), Room(spec.Width / 2));
        }

        blocks = [.. decoder.Blocks.Select((b, i) => new FusedBlock(
            b, layers[i], buffers, b.Spec.Attention.Rotary is { } rotary ? turnings[rotary] : null, scratch))];
        head = unembedding is null ? null : new ProductWork([unembedding], [0], (nint)buffers.Normed, scratch);
        (words, wordRows) = WordsOf(decoder);
        wordScale = decoder.Words?.Scale is { } scale ? scale.item<float>() : 1;
    }

    /// <summary>Whether whole steps can be made, from token to logits.</summary>
    public bool IsWhole => words is not null && head is not null && decoder.Words is { IsCentred: false, Segments: null };

    /// <summary>The fused step of a decoder; null where the run or a block asks for what it does not compute.</summary>
    /// <param name="decoder">Whose blocks.</param>
    /// <param name="run">Of the model.</param>
    /// <param name="cache">What the prefill left.</param>
    /// <param name="positions">Of the prompt, [row][token].</param>
    public static FusedRow? Of(Decoder decoder, RunScope run, KeyValueCache cache, long[][] positions)
    {
        if (positions is not [var row] || !CountsUp(row) || decoder.Dtype != ScalarType.Float32 || decoder.Processing is not null
            || decoder.Device.type != DeviceType.CPU || run.Plan.NeedsGradients || run.Plan.ExplicitAttention || run.Plan.IsSearching || run.AllowsNonFinite
            || is_grad_enabled() || !decoder.Blocks.All(b => FusedBlock.Takes(b)) || !Numbers(decoder.LastNorm, decoder.EntryNorm))
        {
            return null;
        }

        var layers = decoder.Blocks.Select(b => FusedBlock.LinearsOf(b.Weights).Select(OneRowLinear.Of).ToArray()).ToArray();
        return Array.Exists(layers, of => Array.Exists(of, l => l is null)) ? null
            : new FusedRow(decoder, cache, layers!, decoder.Head is { } head ? OneRowLinear.Of(head) : null, Threads(decoder));
    }

    /// <summary>From now on the step of a token at a position.</summary>
    /// <param name="at">Its place in the row.</param>
    /// <param name="shift">What its position id is ahead of that.</param>
    public void Begin(long at, long shift)
    {
        position = at;
        foreach (var turning in turnings.Values)
        {
            turning.At(at + shift);
        }
    }

    /// <summary>A block over the residual that lies in the buffer.</summary>
    public void Through(int layer) => blocks[layer].Forward(buffers, cache.Room(layer), (int)position, team);

    /// <summary>Puts a residual into the buffer.</summary>
    /// <param name="x">(1,1,d).</param>
    public void Take(Tensor x)
    {
        using var plain = x.contiguous();
        new Span<float>(RowMath.At(plain), buffers.Width).CopyTo(new Span<float>(buffers.Residual, buffers.Width));
    }

    /// <summary>The residual in the buffer (1,1,d), owned by the current dispose scope.</summary>
    public Tensor Give()
    {
        var x = empty([1, 1, buffers.Width], ScalarType.Float32);
        new Span<float>(buffers.Residual, buffers.Width).CopyTo(new Span<float>(RowMath.At(x), buffers.Width));
        return x;
    }

    /// <summary>A whole step: embedding, blocks, final norm, unembedding.</summary>
    /// <param name="id">The token.</param>
    /// <param name="at">Its place in the row.</param>
    /// <param name="shift">As of <see cref="Begin"/>.</param>
    /// <param name="keep">Whether the logits outlive the next step.</param>
    /// <returns>(1,V); of the current dispose scope where they are kept, else valid until the next step.</returns>
    public Tensor Step(int id, long at, long shift, bool keep)
    {
        Begin(at, shift);
        Embed(id, at + shift);
        for (var layer = 0; layer < blocks.Length; layer++)
        {
            Through(layer);
        }

        buffers.Norm(decoder.LastNorm, buffers.Residual, buffers.Normed);
        var made = keep ? empty([1, decoder.Head!.Outputs], ScalarType.Float32)
            : logits ??= empty([1, decoder.Head!.Outputs], ScalarType.Float32).DetachFromDisposeScope();
        head!.Into(0, keep ? RowMath.At(made) : buffers.At(made));
        head.Run(team);
        if (decoder.LogitCap is { } cap)
        {
            using var scope = NewDisposeScope();
            _ = made.copy_(cap.Apply(made));
        }

        return made;
    }

    public void Dispose()
    {
        team?.Dispose();
        logits?.Dispose();
        owned.ForEach(a => NativeMemory.AlignedFree((void*)a.Address));
        owned.Clear();
    }

    /// <summary>Whether norms are of those that are computed here.</summary>
    internal static bool Numbers(params Norm?[] norms)
        => Array.TrueForAll(norms, n => n is null || (n.Modulation is null && n.Spec.Kind != NormKind.AdaptiveRms && n.Gain.dtype == ScalarType.Float32
            && n.Gain.is_contiguous() && n.Bias?.is_contiguous() != false));

    private void Embed(int id, long place)
    {
        var x = buffers.Residual;
        var row = (byte*)wordRows + (id * words!.RowBytes);
        if (words.Type == GgufType.F32)
        {
            new Span<float>(row, buffers.Width).CopyTo(new Span<float>(x, buffers.Width));
        }
        else
        {
            BlockProducts.Widen(words.Type, row, words.Columns, x, BlockProducts.Best);
        }

        if (decoder.Words!.Scale is not null)
        {
            for (var i = 0; i < buffers.Width; i++)
            {
                x[i] *= wordScale;
            }
        }

        if (decoder.Words.Positions is { } positions)
        {
            decoder.Words.RequireLearned(place);
            RowMath.Add(x, buffers.At(positions) + (place * buffers.Width), buffers.Width);
        }

        if (decoder.EntryNorm is { } norm)
        {
            buffers.Norm(norm, x, x);
        }
    }

    private static bool CountsUp(long[] positions)
    {
        for (var i = 0; i < positions.Length; i++)
        {
            if (positions[i] != i)
            {
                return false;
            }
        }

        return true;
    }

    private nint Room(int count)
    {
        var room = (nint)NativeMemory.AlignedAlloc((nuint)Math.Max(64, count * sizeof(float)), 64);
        NativeMemory.Clear((void*)room, (nuint)Math.Max(64, count * sizeof(float)));
        owned.Add(new Allocation(room));
        return room;
    }

    /// <summary>Rows of the word table where they can be widened one by one.</summary>
    private static (BlockRows? Rows, nint Address) WordsOf(Decoder decoder)
    {
        if (decoder.Words is not { } words || words.Words.dim() != 2 || words.Dtype != ScalarType.Float32 || words.Words.device_type != DeviceType.CPU
            || !words.Words.is_contiguous() || words.Positions is { } p && (p.dtype != ScalarType.Float32 || !p.is_contiguous()))
        {
            return default;
        }

        var rows = words.Blocks ?? (RowProduct.TypeOf(words.Words.dtype) is { } type && (type == GgufType.F32 || words.Words.shape[1] % BlockProducts.Step == 0)
            ? new BlockRows(type, words.Words.shape[1])
            : null);
        return rows is null ? default : (rows, (nint)Checkpoints.TensorMemory.Start(words.Words));
    }

    /// <summary>As many as the calling thread computes with, where a token's products are worth a second.</summary>
    private static int Threads(Decoder decoder) => decoder.Parameters >= 1 << 22 ? Math.Min(get_num_threads(), Environment.ProcessorCount) : 1;

    /// <remarks>A class for the reason of <see cref="ProductWork"/>'s pieces.</remarks>
    private sealed record Allocation(nint Address);
}

/// <summary>Cosines and sines of the position of a step.</summary>
internal sealed unsafe class Turning(Rotary rotary, nint cos, nint sin)
{
    public float* Cos => (float*)cos;

    public float* Sin => (float*)sin;

    public int Width => rotary.Width;

    public void At(long position) => rotary.Row(position, new Span<float>(Cos, Width / 2), new Span<float>(Sin, Width / 2));
}

/// <summary>What the blocks of one row write into, shared by all of them.</summary>
internal sealed unsafe class FusedBuffers(IReadOnlyList<BlockSpec> specs, Func<int, nint> room)
{
    private readonly nint residual = room(specs[0].Width), normed = room(specs[0].Width), attended = room(specs[0].Width), fed = room(specs[0].Width);
    private readonly nint queries = room(specs.Max(s => s.Attention.Heads * s.Attention.HeadWidth));
    private readonly nint z = room(specs.Max(s => s.Attention.Heads * s.Attention.HeadWidth));
    private readonly nint keys = room(specs.Max(s => s.Attention.KeyValueHeads * s.Attention.HeadWidth));
    private readonly nint values = room(specs.Max(s => s.Attention.KeyValueHeads * s.Attention.HeadWidth));
    private readonly nint gate = room(specs.Max(s => s.Mlp.Neurons)), neurons = room(specs.Max(s => s.Mlp.Neurons));
    private readonly Dictionary<Tensor, nint> addresses = new(ReferenceEqualityComparer.Instance);

    /// <summary>Where a tensor's numbers lie that stays where it is: asking libtorch allocates, so that it is asked once.</summary>
    public float* At(Tensor x)
    {
        if (!addresses.TryGetValue(x, out var address))
        {
            address = addresses[x] = (nint)RowMath.At(x);
        }

        return (float*)address;
    }

    /// <summary>A norm of the stream from one buffer into another, or a copy where there is none.</summary>
    public void Norm(Norm? norm, float* x, float* y)
    {
        if (norm is null)
        {
            new Span<float>(x, Width).CopyTo(new Span<float>(y, Width));
            return;
        }

        Norm(norm, x, y, 1, Width);
    }

    /// <summary>Rows of one width through a norm.</summary>
    public void Norm(Norm norm, float* x, float* y, int rows, int width)
        => RowMath.Norm(norm.Spec.Kind, norm.Spec.Epsilon, At(norm.Gain), norm.Bias is null ? null : At(norm.Bias), x, y, rows, width);

    public int Width { get; } = specs[0].Width;

    public float* Residual => (float*)residual;

    /// <summary>What attention, then the feed-forward, then the unembedding reads.</summary>
    public float* Normed => (float*)normed;

    public float* Attended => (float*)attended;

    public float* Fed => (float*)fed;

    public float* Queries => (float*)queries;

    public float* Keys => (float*)keys;

    public float* Values => (float*)values;

    public float* Z => (float*)z;

    public float* Gate => (float*)gate;

    public float* Neurons => (float*)neurons;
}
