using static TorchSharp.torch;

namespace Vitrine.Checkpoints;

/// <summary>Decides which number format a model computes in.</summary>
/// <remarks>
/// <c>auto</c>: float32 when the weights in float32 and room to work fit in the memory that is free (matrices of .gguf files stay as they are and take none),
/// else bfloat16, kept and widened block by block where it is
/// computed with. float64 exists to tell a bug from rounding.
/// </remarks>
public static class DtypePolicy
{
    /// <summary>The words that a user can choose.</summary>
    public static IReadOnlyList<string> Words { get; } = ["auto", "float32", "bfloat16", "float64"];

    /// <summary>Decides.</summary>
    /// <param name="word">One of <see cref="Words"/>.</param>
    /// <param name="checkpoint">The weights.</param>
    /// <param name="available">Free memory in bytes; <see cref="AvailableMemory.Read()"/>.</param>
    /// <exception cref="VitrineException">The word is unknown.</exception>
    public static ScalarType Decide(string word, Checkpoint checkpoint, long available)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        return word switch
        {
            "float32" => ScalarType.Float32,
            "bfloat16" => ScalarType.BFloat16,
            "float64" => ScalarType.Float64,
            "auto" => Decide(checkpoint.Names.Where(n => !checkpoint.HasRows(n)).Sum(n => ElementCount(checkpoint.Entry(n))), available),
            _ => throw new VitrineException($"the dtype '{word}' is unknown; known are {string.Join(", ", Words)}."),
        };
    }

    /// <summary>What <c>auto</c> means for so many weights.</summary>
    /// <param name="weights">How many numbers.</param>
    /// <param name="available">Free memory in bytes.</param>
    public static ScalarType Decide(long weights, long available)
    {
        const long LeastRoom = 1L << 30;
        var room = Math.Max(LeastRoom, available / 10); // Activations, key/value cache, the runtime itself.
        return weights <= (available - room) / sizeof(float) ? ScalarType.Float32 : ScalarType.BFloat16;
    }

    /// <summary>Whether matrices stay as their file has them, to be widened where they are computed with.</summary>
    /// <param name="storage">What the caller wants.</param>
    /// <param name="checkpoint">The weights.</param>
    /// <param name="dtype">What is computed in. <see cref="WeightStorage.Auto"/> keeps weights for float32 only.</param>
    /// <param name="available">Tells the free memory in bytes; asked only where it decides.</param>
    public static bool KeepsStored(WeightStorage storage, Checkpoint checkpoint, ScalarType dtype, Func<long> available)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        ArgumentNullException.ThrowIfNull(available);
        return storage switch
        {
            WeightStorage.Widened => false,
            WeightStorage.AsStored => true,
            _ => dtype == ScalarType.Float32 && Decide("auto", checkpoint, available()) == ScalarType.BFloat16,
        };
    }

    /// <summary>Whether matrices of a .gguf file stay as its blocks, in the mapped file, to be multiplied as they lie.</summary>
    /// <param name="storage">What the caller wants.</param>
    /// <param name="dtype">
    /// What is computed in. <see cref="WeightStorage.Auto"/> keeps blocks for float32 only: other precisions widen each for its product.
    /// </param>
    public static bool KeepsRows(WeightStorage storage, ScalarType dtype) => storage switch
    {
        WeightStorage.Widened => false,
        WeightStorage.AsStored => true,
        _ => dtype == ScalarType.Float32,
    };

    /// <summary>What weights take in memory once a model is open on the CPU with <see cref="WeightStorage.Auto"/>, and why.</summary>
    /// <param name="checkpoint">The weights.</param>
    /// <param name="dtype">What is computed in.</param>
    /// <param name="available">Tells the free memory in bytes; asked only where it decides.</param>
    public static WeightMemory MemoryOf(Checkpoint checkpoint, ScalarType dtype, Func<long> available)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        var (keepsRows, keepsStored) = (KeepsRows(WeightStorage.Auto, dtype), KeepsStored(WeightStorage.Auto, checkpoint, dtype, available));
        var (format, width) = (Elements.FormatOf(dtype, "what is computed in"), dtype switch { ScalarType.Float64 => 8, ScalarType.Float32 => 4, _ => 2 });
        long mapped = 0, made = 0;
        var reasons = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var name in checkpoint.Names)
        {
            var entry = checkpoint.Entry(name);
            var narrow = entry.Shape.Count == 2 && entry.Dtype is Dtype.F16 or Dtype.BF16;
            if (keepsRows && checkpoint.HasRows(name))
            {
                mapped += entry.ByteCount;
                reasons.Add("blocks of a .gguf file are multiplied as they lie");
            }
            else if (narrow && keepsStored)
            {
                mapped += entry.ByteCount;
                reasons.Add("16-bit matrices are kept: widened, they would not fit");
            }
            else if (entry.Dtype == format && entry.ByteCount == ElementCount(entry) * width)
            {
                mapped += entry.ByteCount;
            }
            else
            {
                made += ElementCount(entry) * width;
                if (entry.Shape.Count == 2)
                {
                    reasons.Add("matrices are widened, which is the fastest where memory holds them");
                }
            }
        }

        return new WeightMemory(mapped, made, reasons.Count == 0 ? "the file has them as they are computed with" : string.Join("; ", reasons));
    }

    private static long ElementCount(TensorEntry entry) => entry.Shape.Aggregate(1L, (a, s) => a * s);
}
