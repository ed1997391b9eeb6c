using System.Text.Json;
using Vitrine.Mechanisms.Metrics;

namespace Vitrine.Mechanisms.Patching;

/// <summary>The metric of a cell.</summary>
/// <param name="Cell">What was patched.</param>
/// <param name="Values">[pair]: the metric of the patched run; for attribution patching its estimate.</param>
public sealed record PatchEffect(PatchCell Cell, IReadOnlyList<double> Values)
{
    /// <summary>Mean over the pairs.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public double Mean => Values.Average();
}

/// <summary>What a sweep found: a value, free of any run, that is saved as JSON.</summary>
public sealed record PatchResult
{
    /// <summary>How the numbers came about: <c>activation</c>, <c>attribution</c>, <c>tracing</c>, <c>path</c>, <c>ablate</c>.</summary>
    public required string Method { get; init; }

    /// <summary>The model, as it was named.</summary>
    public required string Model { get; init; }

    /// <summary>The stack that was patched.</summary>
    public required string Stack { get; init; }

    /// <summary>Which cells.</summary>
    public required PatchSweep Sweep { get; init; }

    /// <summary>What was measured.</summary>
    public required Metric Metric { get; init; }

    /// <summary>[pair]: of the run that is patched, without a patch.</summary>
    public required IReadOnlyList<double> Patched { get; init; }

    /// <summary>[pair]: of the run that the activations come from; null where they come from none (ablation).</summary>
    public IReadOnlyList<double>? Source { get; init; }

    /// <summary>[position]: what stands there in the first pair's patched run, for tables.</summary>
    public IReadOnlyList<string> Tokens { get; init => field = value ?? []; } = [];

    /// <summary>The cells, in the order of the sweep: point, layer, step, position or group, head, neuron.</summary>
    public required IReadOnlyList<PatchEffect> Cells { get; init; }

    /// <summary>Mean of what is patched, without a patch.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public double Baseline => Patched.Average();

    /// <summary>How far a cell moved the metric, mean over the pairs.</summary>
    public double Change(PatchEffect cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return cell.Mean - Baseline;
    }

    /// <summary>
    /// The share of the way to the other run that a cell goes alone: (patched - baseline) / (source - baseline), of the means over the pairs. Of a denoising
    /// sweep the share that is recovered, of a noising one the share that is lost; 0 nothing, 1 all of it.
    /// </summary>
    /// <returns>Null where there is no other run.</returns>
    public double? Share(PatchEffect cell) => Source is { } source ? Change(cell) / (source.Average() - Baseline) : null;

    /// <summary>As JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, PatchJsonContext.Default.PatchResult);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">What to call it in errors, e.g. the file's name.</param>
    /// <exception cref="VitrineException">It is no result of a sweep.</exception>
    public static PatchResult FromJson(string json, string source = "patch result")
    {
        try
        {
            return JsonSerializer.Deserialize(json, PatchJsonContext.Default.PatchResult)
                ?? throw new VitrineException($"{source}: is null; expected the result of a sweep.");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new VitrineException($"{source}: is no result of a sweep ({e.Message})", e);
        }
    }
}
