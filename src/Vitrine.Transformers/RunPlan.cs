using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Vitrine.Checkpoints;
using Vitrine.Transformers.Edits;

namespace Vitrine.Transformers;

/// <summary>What to read and what to change in a run. An empty plan costs nothing.</summary>
/// <remarks>The lists are empty where the generated JSON code, for a key that is not there, sets null.</remarks>
public sealed record RunPlan
{
    /// <summary>Neither reads nor changes.</summary>
    [JsonIgnore]
    public static RunPlan Empty { get; } = new();

    /// <summary>Addresses to keep, wildcards allowed: without a step the prefill, <c>@k</c> decode step k, <c>@*</c> every pass.</summary>
    public IReadOnlyList<string> Capture { get; init => field = value ?? []; } = [];

    /// <summary>Changes, applied in this order.</summary>
    public IReadOnlyList<Edit> Edits { get; init => field = value ?? []; } = [];

    /// <summary>Addresses whose gradient can be asked of the run; they are captured too.</summary>
    public IReadOnlyList<string> Gradients { get; init => field = value ?? []; } = [];

    /// <summary>Computes scores and patterns explicitly in every layer, instead of only where they are edited.</summary>
    /// <remarks>The fused kernel rounds differently; compare runs of one kind when bits matter.</remarks>
    public bool ExplicitAttention { get; init; }

    /// <summary>Moves what is captured to the CPU as it is made, where the model computes elsewhere; gradients stay on the device.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool CaptureOnCpu { get; init; }

    /// <summary>
    /// Whether the residual behind the last block is read in the last column alone, of rows without padding: nothing else of that block is computed but
    /// keys and values, and its points hold that column.
    /// </summary>
    internal bool LastColumnAlone { get; init; }

    /// <summary>Rows of the batch that the plan was made for (see <see cref="ForRows"/>); null for any number.</summary>
    public int? Rows { get; init; }

    /// <summary>A plan that only reads.</summary>
    public static RunPlan Capturing(params string[] addresses) => new() { Capture = addresses };

    /// <summary>A plan that only changes.</summary>
    public static RunPlan Editing(params Edit[] edits) => new() { Edits = edits };

    /// <summary>One plan of many: the edits of plan r act in row r alone, so that a sweep is one wide pass. What any of them captures is captured.</summary>
    /// <param name="rows">One plan a row; an empty one leaves its row alone. Their edits name no rows.</param>
    /// <exception cref="VitrineException">There is none, or they differ in where they stop or how attention is computed, or an edit names rows.</exception>
    public static RunPlan ForRows(params IReadOnlyList<RunPlan> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.Count == 0
            || rows.Any(p => (p.StopAfter, p.ExplicitAttention, p.CaptureOnCpu) != (rows[0].StopAfter, rows[0].ExplicitAttention, rows[0].CaptureOnCpu)))
        {
            throw new VitrineException($"plan: of {rows.Count} rows; expected at least one, alike in where they stop and in how attention is computed.");
        }

        if (rows.SelectMany(p => p.Edits).FirstOrDefault(e => e.Scope.Rows is not null) is { } edit)
        {
            throw new VitrineException(
                $"plan: the edit {edit.GetType().Name} of a row's plan names rows {string.Join(", ", edit.Scope.Rows!)}; the plan's place is its row.");
        }

        return rows[0] with
        {
            Capture = [.. rows.SelectMany(p => p.Capture).Distinct()],
            Gradients = [.. rows.SelectMany(p => p.Gradients).Distinct()],
            Edits = [.. Enumerable.Range(0, rows.Max(p => p.Edits.Count)).SelectMany(place => At(rows, place))],
            Rows = rows.Count,
        };
    }

    /// <summary>The last block of the decoder that runs; null for all. What stands behind it is not computed, and the run has no logits.</summary>
    public int? StopAfter { get; init; }

    /// <summary>Both plans: what either reads, and the edits of this one, then those of the other.</summary>
    /// <exception cref="VitrineException">They stop at different blocks, or were made for different numbers of rows.</exception>
    public RunPlan Then(RunPlan other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if ((StopAfter is { } stop && other.StopAfter is { } otherStop && stop != otherStop)
            || (Rows is { } rows && other.Rows is { } otherRows && rows != otherRows))
        {
            throw new VitrineException(
                $"plan: two plans that stop after block {StopAfter} and {other.StopAfter}, for {Rows} and {other.Rows} rows, are no one plan.");
        }

        return new RunPlan
        {
            Capture = [.. Capture.Union(other.Capture)],
            Edits = [.. Edits, .. other.Edits],
            Gradients = [.. Gradients.Union(other.Gradients)],
            ExplicitAttention = ExplicitAttention || other.ExplicitAttention,
            CaptureOnCpu = CaptureOnCpu || other.CaptureOnCpu,
            StopAfter = StopAfter ?? other.StopAfter,
            Rows = Rows ?? other.Rows,
        };
    }

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

    /// <summary>The edits that stand at one place of the rows' lists; equal ones are one edit of several rows, or of all.</summary>
    private static IEnumerable<Edit> At(IReadOnlyList<RunPlan> rows, int place)
        => Enumerable.Range(0, rows.Count).Where(row => rows[row].Edits.Count > place).GroupBy(row => rows[row].Edits[place])
            .Select(same => same.Count() == rows.Count ? same.Key : same.Key with { Scope = same.Key.Scope with { Rows = [.. same] } });

    private static string Folder(string path) => Path.GetDirectoryName(Path.GetFullPath(path))!;

    private string Written(string? folder)
        => Edits.Any(e => e is CallbackEdit)
            ? throw new VitrineException("plan: a callback edit cannot be saved; use the edit records.")
            : PlanJson.Write(this, folder is null ? PlanJson.Alone : PlanJson.Options(folder));

    private static RunPlan Read(string json, string source, string? folder)
    {
        try
        {
            var plan = PlanJson.Read<RunPlan>(json, PlanJson.Options(folder, source))
                ?? throw new VitrineException($"{source}: is null; expected a plan.");
            return plan.Edits.Contains(null!) || plan.Capture.Contains(null!) || plan.Gradients.Contains(null!)
                ? throw new VitrineException($"{source}: an entry of its lists is null.")
                : plan;
        }
        catch (JsonException e)
        {
            throw new VitrineException($"{source}: {UnknownKind(json) ?? e.Message}", e);
        }
    }

    /// <summary>What is wrong with the first edit whose kind there is not; null where that is not what is wrong.</summary>
    private static string? UnknownKind(string json)
    {
        var names = EditTypes.Names();
        try
        {
            foreach (var (i, edit) in (JsonNode.Parse(json) as JsonObject)?["edits"] is JsonArray edits ? edits.Index() : [])
            {
                var kind = (edit as JsonObject)?["edit"] is JsonValue value && value.TryGetValue(out string? text) ? text : null;
                if (kind is null || !names.Contains(kind))
                {
                    return $"edits[{i}]: {(kind is null ? "names no kind" : $"'{kind}' is no kind of edit")}; 'edit' is one of {string.Join(", ", names)}.";
                }
            }
        }
        catch (JsonException)
        {
            // Broken JSON has said its place already.
        }

        return null;
    }
}
