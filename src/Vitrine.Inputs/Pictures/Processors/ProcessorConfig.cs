using System.Text.Json;
using Vitrine.Checkpoints;

namespace Vitrine.Inputs.Pictures;

/// <summary>The settings of an image processor, read key by key: what would change numbers without being understood is refused.</summary>
internal sealed class ProcessorConfig
{
    /// <summary>A side beyond this is no model's.</summary>
    private const int LargestSide = 16384;

    private readonly JsonElement json;
    private readonly HashSet<string> read = new(StringComparer.Ordinal);

    private ProcessorConfig(JsonElement json, string source) => (this.json, Source) = (json, source);

    /// <summary>The file, and the path inside it.</summary>
    public string Source { get; }

    /// <summary>Class of the processor.</summary>
    public string Type => (Find("image_processor_type") ?? Find("feature_extractor_type")) switch
    {
        { } type when PythonJson.IsText(type) => type.GetString()!,
        null => throw new VitrineException($"{Source}: names no image_processor_type."),
        { } other => throw new VitrineException($"{Source}: image_processor_type is {PythonJson.Shown(other)}; expected the name of a class."),
    };

    /// <summary>Reads a folder's image processor.</summary>
    /// <remarks>
    /// transformers 5 writes one file for all processors of a model and reads it first; transformers 4 reads preprocessor_config.json alone. Where both
    /// describe
    /// an image processor, they must say the same.
    /// </remarks>
    /// <exception cref="VitrineException">There is no file, or it is no JSON object; or two of them contradict each other.</exception>
    public static ProcessorConfig Open(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        var (path, newer) = (Path.Combine(folder, ProcessorKeys.FileName), Path.Combine(folder, ProcessorKeys.Newer));
        var inner = File.Exists(newer) ? Inner(newer) : null;
        if (!File.Exists(path))
        {
            return inner ?? (File.Exists(newer)
                ? throw new VitrineException($"{newer}: has no 'image_processor', and there is no {ProcessorKeys.FileName} beside it.")
                : new ProcessorConfig(Object(PythonJson.Open(path), path), path));
        }

        var outer = new ProcessorConfig(Object(PythonJson.Open(path), path), path);
        return inner is null || inner.Recipe().ToString() == outer.Recipe().ToString()
            ? outer
            : throw new VitrineException(
                $"{path}: and {ProcessorKeys.Newer} ask for different pictures; transformers 4 reads the first, transformers 5 the second. "
                + "Delete the one that is not meant.");
    }

    private static ProcessorConfig? Inner(string path)
    {
        var all = new ConfigReader(PythonJson.Open(path), path);
        all.RefuseOthers(ProcessorKeys.Outer);
        return all.Find("image_processor") is { } json ? new ProcessorConfig(Object(json, $"{path}: image_processor"), $"{path}: image_processor") : null;
    }

    /// <summary>The recipe.</summary>
    /// <exception cref="VitrineException">The class is unknown, or a key asks for what is not computed; it is named.</exception>
    public PictureRecipe Recipe()
    {
        var fast = Type.EndsWith("Fast", StringComparison.Ordinal);
        var family = fast ? Type[..^4] : Type;
        var recipe = family switch
        {
            "CLIPImageProcessor" or "CLIPFeatureExtractor" or "BitImageProcessor"
                => PlainProcessor.Read(this,
                    new PlainDefaults(ResampleFilter.Bicubic, PlainDefaults.ClipMean, PlainDefaults.ClipDeviation, ShortestEdge: true, Crop: true)),
            "SiglipImageProcessor"
                => PlainProcessor.Read(this,
                    new PlainDefaults(ResampleFilter.Bicubic, PlainDefaults.Half, PlainDefaults.Half, ShortestEdge: false, Crop: false) { NamesSides = true }),
            "ViTImageProcessor" or "ViTFeatureExtractor"
                => PlainProcessor.Read(this,
                    new PlainDefaults(ResampleFilter.Bilinear, PlainDefaults.Half, PlainDefaults.Half, ShortestEdge: false, Crop: false)),
            "Idefics3ImageProcessor" or "SmolVLMImageProcessor" => TilingProcessor.Read(this),
            "Qwen2VLImageProcessor" => PatchingProcessor.Read(this),
            "PrismaticImageProcessor" => PrismaticProcessor.Read(this),
            _
                => throw new VitrineException($"{Source}: image_processor_type is '{Type}'; this version computes CLIP, SigLIP, ViT, Bit (DINOv2), Idefics3, "
                    + "SmolVLM, Qwen2VL and Prismatic (OpenVLA)."),
        };
        foreach (var property in json.EnumerateObject().Where(p => !read.Contains(p.Name) && p.Value.ValueKind is not JsonValueKind.Null)
            .Where(p => !ProcessorKeys.Silent.Contains(p.Name)))
        {
            throw new VitrineException(
                $"{Source}: '{property.Name}' is {PythonJson.Shown(property.Value)}; this version does not know that key of {Type}, and it may change pixels.");
        }

        return fast ? recipe.With(ResizeEngine.Torchvision) : recipe;
    }

    /// <summary>The value as it stands; null where it is missing or null.</summary>
    public JsonElement? Find(string key)
    {
        read.Add(key);
        return json.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    /// <remarks>A null is read as false by the classes of transformers 4, as the class default by those of 5 and by the fast ones.</remarks>
    public bool Flag(string key, bool otherwise) => Find(key) switch
    {
        null => otherwise && OrRefused(key, otherwise),
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } found => throw Refused(key, found, "true or false"),
    };

    /// <summary>The class default of a missing key, and of a null where both versions of the reference take it for one.</summary>
    private T OrRefused<T>(string key, T otherwise)
        => json.TryGetProperty(key, out var spelled) && !Type.EndsWith("Fast", StringComparison.Ordinal)
            ? throw Refused(key, spelled, "a value here; transformers 4 and 5 read null differently")
            : otherwise;

    public double Number(string key, double otherwise)
        => Find(key) is not { } found ? OrRefused(key, otherwise)
            : found.ValueKind == JsonValueKind.Number && found.TryGetDouble(out var number) && double.IsFinite(number) ? number
            : throw Refused(key, found, "a number");

    /// <summary>A length in pixels.</summary>
    public int Side(string key, int otherwise) => Find(key) is { } found ? Side(key, found) : OrRefused(key, otherwise);

    public int Side(string key, JsonElement found)
        => found.ValueKind == JsonValueKind.Number && found.TryGetInt32(out var side) && side is > 0 and <= LargestSide
            ? side
            : throw Refused(key, found, $"1 to {LargestSide}");

    /// <remarks>A null is bilinear in the classes of transformers 4, the class default in those of 5 and in the fast ones.</remarks>
    public ResampleFilter Filter(string key, ResampleFilter otherwise) => Find(key) is { } found ? Filter(key, found) : OrRefused(key, otherwise);

    public ResampleFilter Filter(string key, JsonElement found)
        => found.ValueKind == JsonValueKind.Number && found.TryGetInt32(out var number) && Enum.IsDefined((ResampleFilter)number)
            ? (ResampleFilter)number
            : throw Refused(key, found, "1 (lanczos), 2 (bilinear), 3 (bicubic), 4 (box) or 5 (hamming)");

    /// <summary>Three finite numbers.</summary>
    public float[] Three(string key, IReadOnlyList<float> otherwise, bool positive = false)
        => Find(key) is { } found ? Three(key, found, positive) : [.. otherwise];

    public float[] Three(string key, JsonElement found, bool positive = false)
    {
        var numbers = found.ValueKind == JsonValueKind.Array && found.GetArrayLength() == 3
            ? found.EnumerateArray().Select(v => v.ValueKind == JsonValueKind.Number && v.TryGetSingle(out var number) ? number : float.NaN).ToArray()
            : [];
        return numbers.Length == 3 && numbers.All(n => float.IsFinite(n) && (n > 0 || !positive))
            ? numbers
            : throw Refused(key, found, positive ? "three positive numbers" : "three numbers");
    }

    /// <summary>The elements of a list.</summary>
    public JsonElement[] List(string key, JsonElement found)
        => found.ValueKind == JsonValueKind.Array ? [.. found.EnumerateArray()] : throw Refused(key, found, "a list");

    /// <summary>The only keys of an object, with the lengths that they hold.</summary>
    public Dictionary<string, int> Sides(string key, JsonElement found, params string[] known)
    {
        if (found.ValueKind != JsonValueKind.Object)
        {
            throw Refused(key, found, $"an object with {string.Join(", ", known)}");
        }

        var sides = found.EnumerateObject().Where(p => p.Value.ValueKind != JsonValueKind.Null)
            .ToDictionary(p => p.Name, p => Side($"{key}.{p.Name}", p.Value), StringComparer.Ordinal);
        return sides.Keys.All(known.Contains) ? sides : throw Refused(key, found, $"an object with {string.Join(", ", known)}");
    }

    public VitrineException Refused(string key, JsonElement found, string expected)
        => new($"{Source}: {key} is {PythonJson.Shown(found)}; this version computes {expected}.");

    private static JsonElement Object(JsonElement json, string source)
        => json.ValueKind == JsonValueKind.Object
            ? json
            : throw new VitrineException($"{source}: is {json.ValueKind}; expected the object of an image processor.");
}
