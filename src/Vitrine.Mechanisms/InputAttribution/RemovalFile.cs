using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Pictures;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>Runs with inputs taken away that were begun, as their file has them.</summary>
internal sealed record RemovalProgress
{
    /// <summary>Hash of the weights.</summary>
    public required string Model { get; init; }

    /// <summary>Hash of what the inputs are in numbers.</summary>
    public required string Inputs { get; init; }

    public required Metric Metric { get; init; }

    public required AblationFill Fill { get; init; }

    /// <summary>The metric with nothing taken away.</summary>
    public required double Value { get; init; }

    /// <summary>The metric by which inputs are away, 1 for each that is.</summary>
    public required IReadOnlyDictionary<string, double> Known { get; init; }
}

/// <summary>What the metric is where inputs were taken away, in a file that is written over every few seconds: who asks again goes on from there.</summary>
internal sealed class RemovalFile : IDisposable
{
    private const double Alike = 1e-4;

    private readonly Dictionary<string, double> known;
    private readonly ProgressFile<RemovalProgress> file;

    private RemovalFile(string path, RemovalProgress begun, Dictionary<string, double> known, bool isSaved)
        => (this.known, file) = (known, new(path, RemovalJsonContext.Default.RemovalProgress, () => begun with { Known = known }, isSaved));

    /// <summary>Opens the file of runs that were begun, or begins one.</summary>
    /// <param name="path">The file.</param>
    /// <param name="function">The model with its inputs.</param>
    /// <param name="metric">What is asked.</param>
    /// <param name="fill">What stands in the place of inputs that are away.</param>
    /// <param name="inputs">How many may be away.</param>
    /// <exception cref="VitrineException">It is the file of other weights, inputs or another metric, or none.</exception>
    public static RemovalFile Open(string path, AttributedSubject function, Metric metric, AblationFill fill, int inputs)
    {
        var own = new RemovalProgress
        {
            Model = function.Subject.Model.Fingerprint,
            Inputs = Hash(function.Inputs),
            Metric = metric,
            Fill = fill,
            Value = Numbers.Flat(function.Values())[0],
            Known = new Dictionary<string, double>(),
        };
        if (!File.Exists(path))
        {
            return new RemovalFile(path, own, [], isSaved: false);
        }

        var before = ProgressFile<RemovalProgress>.Read(path, RemovalJsonContext.Default.RemovalProgress, "an", "attribution");
        var differs = before.Model != own.Model ? "weights"
            : before.Inputs != own.Inputs || before.Known.Keys.Any(k => k.Length != inputs) ? "inputs"
            : !before.Metric.Equals(metric) ? "metric"
            : before.Fill != fill ? "numbers in the place of inputs"
            : !(Math.Abs(before.Value - own.Value) <= Alike * Math.Max(1, Math.Abs(own.Value))) ? "answers"
            : null;
        return differs is null
            ? new RemovalFile(path, own, new Dictionary<string, double>(before.Known), isSaved: true)
            : throw new VitrineException($"{path}: is of an attribution with other {differs}; give another file, or delete it.");
    }

    /// <summary>What is known.</summary>
    public double? Find(string off) => known.TryGetValue(off, out var value) ? value : null;

    /// <summary>Keeps what became known.</summary>
    public void Add(string off, double value)
    {
        known[off] = value;
        file.Changed();
    }

    /// <summary>Also where work was cancelled: what was done is kept.</summary>
    public void Dispose() => file.Dispose();

    private static string Hash(Tensor inputs)
    {
        using var plain = inputs.detach().to(float32).cpu().contiguous();
        return Convert.ToHexStringLower(SHA256.HashData(plain.bytes));
    }
}

/// <summary>Attributions that were begun as JSON without reflection.</summary>
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    AllowOutOfOrderMetadataProperties = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UseStringEnumConverter = true,
    WriteIndented = false)]
[JsonSerializable(typeof(RemovalProgress))]
internal sealed partial class RemovalJsonContext : JsonSerializerContext;
