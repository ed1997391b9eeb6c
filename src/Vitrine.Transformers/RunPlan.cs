using System.Text.Json;
using System.Text.Json.Serialization;
using Vitrine.Checkpoints;
using Vitrine.Transformers.Edits;

namespace Vitrine.Transformers;

/// <summary>What to read and what to change in a run. An empty plan costs nothing.</summary>
public sealed record RunPlan
{
    /// <summary>Neither reads nor changes.</summary>
    [JsonIgnore]
    public static RunPlan Empty { get; } = new();

    /// <summary>Addresses to keep, wildcards allowed: without a step the prefill, <c>@k</c> decode step k, <c>@*</c> every pass.</summary>
    public IReadOnlyList<string> Capture { get; init; } = [];

    /// <summary>Changes, applied in this order.</summary>
    public IReadOnlyList<Edit> Edits { get; init; } = [];

    /// <summary>Addresses whose gradient can be asked of the run; they are captured too.</summary>
    public IReadOnlyList<string> Gradients { get; init; } = [];

    /// <summary>Computes scores and patterns explicitly in every layer, instead of only where they are edited.</summary>
    /// <remarks>The fused kernel rounds differently; compare runs of one kind when bits matter.</remarks>
    public bool ExplicitAttention { get; init; }

    /// <summary>A plan that only reads.</summary>
    public static RunPlan Capturing(params string[] addresses) => new() { Capture = addresses };

    /// <summary>A plan that only changes.</summary>
    public static RunPlan Editing(params Edit[] edits) => new() { Edits = edits };

    /// <summary>The last block of the decoder that runs; null for all. What stands behind it is not computed, and the run has no logits.</summary>
    public int? StopAfter { get; init; }

    /// <summary>The plan as JSON that stands by itself: numbers from files are written out.</summary>
    /// <exception cref="VitrineException">It holds a callback, which no file can.</exception>
    public string ToJson() => Written(folder: null);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">What to call it in errors, e.g. the file's name.</param>
    /// <exception cref="VitrineException">It is no plan, with the place.</exception>
    public static RunPlan FromJson(string json, string source = "plan") => Read(json, source, folder: null);

    /// <summary>Writes the plan to a file. Values that were read from files in its folder are named, all others written out.</summary>
    /// <exception cref="VitrineException">It holds a callback, or the file cannot be written.</exception>
    public void Save(string path) => AtomicFile.WriteAllText(path, Written(Folder(path)));

    /// <summary>Reads a plan from a file; it may name safetensors files in its own folder or below.</summary>
    /// <exception cref="VitrineException">It is no plan, or a file that it names is missing, broken or elsewhere.</exception>
    public static RunPlan Load(string path)
    {
        try
        {
            return Read(File.ReadAllText(path), path, Folder(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
    }

    private static string Folder(string path) => Path.GetDirectoryName(Path.GetFullPath(path))!;

    private string Written(string? folder)
        => Edits.Any(e => e is CallbackEdit)
            ? throw new VitrineException("plan: a callback edit cannot be saved; use the edit records.")
            : JsonSerializer.Serialize(this, PlanJson.Options(folder));

    private static RunPlan Read(string json, string source, string? folder)
    {
        try
        {
            var plan = JsonSerializer.Deserialize<RunPlan>(json, PlanJson.Options(folder, source)) ?? throw new VitrineException($"{source}: is null; expected a plan.");
            return plan.Edits.Contains(null!) || plan.Capture.Contains(null!) || plan.Gradients.Contains(null!)
                ? throw new VitrineException($"{source}: an entry of its lists is null.")
                : plan;
        }
        catch (JsonException e)
        {
            throw new VitrineException($"{source}: {e.Message}", e);
        }
    }
}
