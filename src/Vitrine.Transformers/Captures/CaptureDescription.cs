using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Vitrine.Transformers.Captures;

/// <summary>What a folder of captured activations holds: whose, of which prompts, by which plan. It stands in <c>index.json</c>.</summary>
/// <param name="Family">The model's <c>model_type</c>.</param>
/// <param name="Fingerprint">Identifies the model's weights.</param>
/// <param name="Dtype">What it computed in.</param>
/// <param name="Plan">What was read and changed.</param>
/// <param name="Prompts">How many.</param>
/// <param name="PromptsHash">SHA-256 over their ids.</param>
/// <param name="ChunkSize">Prompts in a shard; the last may have fewer.</param>
public sealed record CaptureDescription(string Family, string Fingerprint, string Dtype, RunPlan Plan, int Prompts, string PromptsHash, int ChunkSize)
{
    internal const string FileName = "index.json";
    private const string Format = "vitrine.capture/1";

    /// <summary>How many shards it takes.</summary>
    [JsonIgnore]
    public int Shards => (Prompts + ChunkSize - 1) / ChunkSize;

    /// <summary>Name of a shard's file.</summary>
    /// <param name="shard">From 0.</param>
    public string FileOf(int shard) => string.Create(CultureInfo.InvariantCulture, $"capture-{shard + 1:D5}-of-{Shards:D5}.safetensors");

    /// <summary>SHA-256 over everything that decides about the numbers; each shard carries it.</summary>
    internal string Settings() => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(ToJson())));

    internal static CaptureDescription Of(TextModel model, IReadOnlyList<IReadOnlyList<int>> prompts, RunPlan plan, int chunkSize)
        => new(model.Family, model.Fingerprint, model.Language.Dtype.ToString(), plan, prompts.Count, Hash(prompts), chunkSize);

    internal string ToJson()
    {
        var options = PlanJson.Options(folder: null, further: CaptureJsonContext.Default);
        var json = JsonSerializer.SerializeToNode(this, PlanJson.Contract<CaptureDescription>(options))!.AsObject();
        json.Insert(0, "format", Format);
        return json.ToJsonString(options) + "\n";
    }

    /// <exception cref="VitrineException">The folder has no index, or it is broken.</exception>
    internal static CaptureDescription Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            var json = JsonNode.Parse(
                File.ReadAllText(path), documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false })?.AsObject();
            if (json?["format"]?.ToString() is not Format and var found)
            {
                throw new VitrineException($"{path}: its format is '{found}'; expected '{Format}'.");
            }

            json!.Remove("format");
            var description = json.Deserialize(PlanJson.Contract<CaptureDescription>(PlanJson.Options(folder: null, path, CaptureJsonContext.Default)))!;
            return description is { Prompts: > 0, ChunkSize: > 0 }
                ? description
                : throw new VitrineException($"{path}: names {description.Prompts} prompts, {description.ChunkSize} in a shard; expected at least 1.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new VitrineException($"{path}: is no description of captured activations ({e.Message}).", e);
        }
    }

    /// <summary>Refuses to go on with a folder that was begun with other settings; what differs is named.</summary>
    internal void RequireSame(CaptureDescription begun, string folder)
    {
        (string What, string Begun, string Now)[] settings =
        [
            ("model", $"{begun.Family} {begun.Fingerprint}", $"{Family} {Fingerprint}"),
            ("dtype", begun.Dtype, Dtype),
            ("plan", begun.Plan.ToJson(), Plan.ToJson()),
            ("prompts", $"{begun.Prompts} of hash {begun.PromptsHash}", $"{Prompts} of hash {PromptsHash}"),
            ("chunk size", $"{begun.ChunkSize}", $"{ChunkSize}"),
        ];
        foreach (var (what, before, now) in settings)
        {
            if (before != now)
            {
                var detail = what == "plan" ? "another plan" : $"{what} {before}, not {now}";
                throw new VitrineException($"{folder}: was begun with {detail}; take another folder, or remove this one.");
            }
        }
    }

    private static string Hash(IReadOnlyList<IReadOnlyList<int>> prompts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var prompt in prompts)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(string.Join(',', prompt) + "\n"));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
