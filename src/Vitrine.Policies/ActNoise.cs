using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Policies;

/// <summary>Where the chunks of a flow policy start: normal numbers of a seed, or given ones. The same noise gives the same chunk.</summary>
/// <remarks>A seed means what it means to PyTorch on the CPU: <c>torch.randn(1, H, D, generator=torch.Generator().manual_seed(seed))</c>.</remarks>
public sealed record ActNoise
{
    private readonly long[] seeds;
    private readonly float[] values;
    private readonly long[] shape;

    private ActNoise(long[] seeds, float[] values, long[] shape) => (this.seeds, this.values, this.shape) = (seeds, values, shape);

    /// <summary>Seed 0 for every observation.</summary>
    public static ActNoise Default { get; } = OfSeed(0);

    /// <summary>The seeds; none where numbers were given.</summary>
    public IReadOnlyList<long> Seeds => seeds;

    /// <summary>Observations that it is made for; 1 serves any number.</summary>
    internal int Rows => seeds.Length > 0 ? seeds.Length : (int)shape[0];

    /// <summary>The same noise for every observation, so that they differ in nothing else.</summary>
    public static ActNoise OfSeed(long seed) => new([seed], [], []);

    /// <summary>Each observation its own.</summary>
    /// <exception cref="VitrineException">There is none.</exception>
    public static ActNoise OfSeeds(params IReadOnlyList<long> seeds)
        => seeds is { Count: > 0 } ? new([.. seeds], [], []) : throw new VitrineException("noise: no seed is given.");

    /// <summary>Given numbers, copied.</summary>
    /// <param name="noise">
    /// (H,D) or (1,H,D) for every observation, (B,H,D) for each its own: the policy's own rows and columns (<see cref="Policy.NoiseShape"/>).
    /// </param>
    /// <exception cref="VitrineException">It has other axes, or a number that is not finite.</exception>
    public static ActNoise Of(Tensor noise)
    {
        ArgumentNullException.ThrowIfNull(noise);
        using var scope = NewDisposeScope();
        if (noise.dim() is not (2 or 3))
        {
            throw new VitrineException(
                $"noise: is [{string.Join(", ", noise.shape)}]; expected rows of a chunk by dimensions, or one such for each observation.");
        }

        var numbers = noise.detach().to(float32).cpu().contiguous().data<float>().ToArray();
        return numbers.All(float.IsFinite)
            ? new([], numbers, noise.dim() == 2 ? [1, .. noise.shape] : [.. noise.shape])
            : throw new VitrineException("noise: has a number that is not finite.");
    }

    /// <summary>Numbers of a file with one tensor (<c>.safetensors</c>, <c>.pt</c>).</summary>
    /// <exception cref="VitrineException">It cannot be read, or holds another number of tensors.</exception>
    public static ActNoise Load(string path)
    {
        using var file = Checkpoint.OpenFile(path);
        if (file.Names is not [var name])
        {
            throw new VitrineException($"{path}: has {file.Names.Count} tensors; expected the noise alone.");
        }

        using var tensor = file.Read(name, [.. file.Entry(name).Shape]);
        return Of(tensor);
    }

    /// <summary>(B,H,D) in float32 on the CPU, owned by the caller.</summary>
    /// <param name="rows">B.</param>
    /// <param name="horizon">H.</param>
    /// <param name="width">D.</param>
    /// <exception cref="VitrineException">It is made for another number of observations, or its numbers have another shape.</exception>
    public Tensor Draw(int rows, int horizon, int width)
    {
        if (Rows != 1 && Rows != rows)
        {
            throw new VitrineException($"noise: is given for {Rows} observations; there are {rows}.");
        }

        using var scope = NewDisposeScope();
        if (seeds.Length > 0)
        {
            var drawn = cat([.. seeds.Select(s => Normal(s, horizon, width))], 0);
            return drawn.expand(rows, -1, -1).contiguous().MoveToOuterDisposeScope();
        }

        return (shape[1], shape[2]) == (horizon, width)
            ? tensor(values, shape).expand(rows, -1, -1).contiguous().MoveToOuterDisposeScope()
            : throw new VitrineException($"noise: has {shape[1]} rows of {shape[2]} numbers; a chunk of the policy has {horizon} of {width}.");
    }

    /// <summary>The given numbers of one observation.</summary>
    /// <param name="row">From 0.</param>
    /// <returns>(H,D), owned by the caller; null where seeds say them.</returns>
    /// <exception cref="VitrineException">It is made for fewer observations.</exception>
    public Tensor? Given(int row)
    {
        if (seeds.Length > 0)
        {
            return null;
        }

        var place = shape[0] == 1 ? 0 : row;
        var size = (int)(values.Length / shape[0]);
        return place < shape[0] && place >= 0
            ? tensor(values[(place * size)..((place + 1) * size)], shape[1], shape[2])
            : throw new VitrineException($"noise: is given for {shape[0]} observations; number {row}, from 0, is asked for.");
    }

    /// <summary>The noise of chosen observations, each as often as it is named; the same where it serves any number.</summary>
    /// <param name="rows">From 0.</param>
    public ActNoise Take(IReadOnlyList<int> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var size = (int)(values.Length / Math.Max(1, Rows));
        return Rows == 1 ? this
            : seeds.Length > 0 ? OfSeeds([.. rows.Select(r => seeds[r])])
            : new ActNoise([], [.. rows.SelectMany(r => values[(r * size)..((r + 1) * size)])], [rows.Count, .. shape[1..]]);
    }

    /// <summary>Two that give the same are equal.</summary>
    public bool Equals(ActNoise? other)
        => other is not null && seeds.SequenceEqual(other.seeds) && values.SequenceEqual(other.values) && shape.SequenceEqual(other.shape);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(seeds.Length, seeds.FirstOrDefault(), values.Length, values.FirstOrDefault());

    /// <inheritdoc/>
    public override string ToString() => seeds.Length switch
    {
        0 => $"{shape[1]} x {shape[2]} given numbers",
        1 => $"seed {seeds[0]}",
        _ => $"seeds {string.Join(", ", seeds)}",
    };

    private static Tensor Normal(long seed, int horizon, int width)
    {
        using var generator = new Generator((ulong)seed, CPU);
        return randn([1, horizon, width], ScalarType.Float32, CPU, generator: generator);
    }
}
