using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using Vitrine.Transformers;

namespace Vitrine.Studio.Work;

/// <summary>A folder that outlives the program: findings, pictures that were shown to models, studies.</summary>
/// <remarks>Every file is written whole: a kill at any moment leaves what was kept before.</remarks>
internal sealed partial class Workplace(string folder)
{
    /// <summary>Where it lies.</summary>
    public string Folder { get; } = Path.GetFullPath(folder);

    /// <summary>Where studies keep their chunks.</summary>
    public string Studies => Path.Combine(Folder, "studies");

    /// <summary>What was kept, the newest first.</summary>
    /// <remarks>A file that cannot be read is left out; the others are there.</remarks>
    public IReadOnlyList<Finding> Findings()
        => [.. Read("findings", WorkJsonContext.Default.Finding).OrderByDescending(f => f.Kept).ThenBy(f => f.Id, StringComparer.Ordinal)];

    /// <summary>Keeps a finding.</summary>
    public void Keep(Finding finding) => Write("findings", finding.Id, finding, WorkJsonContext.Default.Finding);

    /// <summary>Takes a finding away.</summary>
    public void Drop(string id) => File.Delete(PathOf("findings", id));

    /// <summary>Studies that were asked for, the newest first.</summary>
    public IReadOnlyList<StudyRequest> Requests() => [.. Read("requests", WorkJsonContext.Default.StudyRequest).OrderByDescending(r => r.Asked)];

    /// <summary>Keeps what a study was asked for.</summary>
    public void Keep(StudyRequest request) => Write("requests", request.Name, request, WorkJsonContext.Default.StudyRequest);

    /// <summary>Keeps a picture that somebody chose, as PNG, under a hash of its pixels.</summary>
    /// <returns>Its name.</returns>
    /// <exception cref="VitrineException">It is no picture.</exception>
    public string KeepPicture(byte[] bytes, string name)
    {
        var png = PictureFile.EncodePng(PictureFile.Decode(bytes, name, upright: true));
        var kept = Convert.ToHexStringLower(SHA256.HashData(png))[..16];
        AtomicFile.RequireFolder(Path.Combine(Folder, "pictures"));
        AtomicFile.WriteAllBytes(Path.Combine(Folder, "pictures", kept + ".png"), png);
        return kept;
    }

    /// <summary>The file of a kept picture.</summary>
    /// <exception cref="VitrineException">The name is none of a kept picture.</exception>
    public string PictureFileOf(string kept) => Plain().IsMatch(kept) && File.Exists(Path.Combine(Folder, "pictures", kept + ".png"))
        ? Path.Combine(Folder, "pictures", kept + ".png")
        : throw new VitrineException($"picture 'kept:{kept}': none was kept under this name in {Folder}.");

    /// <summary>Keeps a plan that somebody chose, under a hash of what it says.</summary>
    /// <returns>Its name.</returns>
    /// <exception cref="VitrineException">It is no plan.</exception>
    public string KeepPlan(string json, string name)
    {
        var plan = RunPlan.FromJson(json, name).ToJson();
        var kept = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(plan)))[..16];
        AtomicFile.RequireFolder(Path.Combine(Folder, "plans"));
        AtomicFile.WriteAllText(PathOf("plans", kept), plan);
        return kept;
    }

    /// <summary>A kept plan.</summary>
    /// <exception cref="VitrineException">The name is none of a kept plan.</exception>
    public RunPlan PlanOf(string kept) => File.Exists(PathOf("plans", kept))
        ? RunPlan.Load(PathOf("plans", kept))
        : throw new VitrineException($"plan '{kept}': none was kept under this name in {Folder}.");

    /// <summary>A name that no other has.</summary>
    public static string NewId() => $"{DateTime.UtcNow:yyyyMMdd-HHmmss}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(3))}";

    [GeneratedRegex("^[A-Za-z0-9._-]{1,120}$")]
    private static partial Regex Plain();

    private string PathOf(string kind, string id) => Plain().IsMatch(id)
        ? Path.Combine(Folder, kind, id + ".json")
        : throw new VitrineException($"'{id}': is no name of what is kept; expected letters, digits, dots and dashes.");

    private void Write<T>(string kind, string id, T value, JsonTypeInfo<T> contract)
    {
        AtomicFile.RequireFolder(Path.Combine(Folder, kind));
        AtomicFile.WriteAllText(PathOf(kind, id), JsonSerializer.Serialize(value, contract));
    }

    private IEnumerable<T> Read<T>(string kind, JsonTypeInfo<T> contract)
        where T : class
    {
        var place = Path.Combine(Folder, kind);
        return !Directory.Exists(place) ? [] : Directory.EnumerateFiles(place, "*.json").Select(file =>
        {
            try
            {
                return JsonSerializer.Deserialize(File.ReadAllText(file), contract);
            }
            catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }).OfType<T>();
    }
}
