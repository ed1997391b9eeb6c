using System.Text.Json;
using Vitrine.Checkpoints;

namespace Vitrine.Inputs.Pictures;

/// <summary>The settings of an image processor, read key by key: what would change numbers without being understood is refused.</summary>
internal sealed class ProcessorConfig
{
    /// <summary>A side beyond this is no model's.</summary>
    private const int LargestSide = 16384;

    /// <summary>Keys that change no pixel.</summary>
    private static readonly string[] Silent =
    [
        "image_processor_type", "feature_extractor_type", "processor_class", "auto_map", "do_convert_rgb", "use_fast", "default_to_square",
        "_valid_processor_keys", "input_data_format", "data_format",
        "return_tensors", "device", "disable_grouping", "return_row_col_info", "image_seq_length", "image_seq_len", "use_square_size", "video_sampling",
    ];

    private readonly JsonElement json;
    private readonly HashSet<string> read = new(Silent, StringComparer.Ordinal);

    private ProcessorConfig(JsonElement json, string source) => (this.json, Source) = (json, source);

    /// <summary>The file, and the path inside it.</summary>
    public string Source { get; }

    /// <summary>Class of the processor.</summary>
    public string Type => (Find("image_processor_type") ?? Find("feature_extractor_type")) is { ValueKind: JsonValueKind.String } type
        ? type.GetString()!
        : throw new VitrineException($"{Source}: names no image_processor_type.");

    /// <exception cref="VitrineException">There is no file, or it is no JSON object.</exception>
    public static ProcessorConfig Open(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        var path = Path.Combine(folder, "preprocessor_config.json");
        var newer = Path.Combine(folder, "processor_config.json");
        if (File.Exists(path) || !File.Exists(newer))
        {
            return new ProcessorConfig(Object(PythonJson.Open(path), path), path);
        }

        // transformers 5 writes one file for all processors of a model.
        return PythonJson.Open(newer) is { ValueKind: JsonValueKind.Object } all && all.TryGetProperty("image_processor", out var inner)
            ? new ProcessorConfig(Object(inner, newer), $"{newer}: image_processor")
            : throw new VitrineException($"{newer}: describes no image processor, and there is no preprocessor_config.json beside it.");
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
                    new PlainDefaults(ResampleFilter.Bicubic, PlainDefaults.Half, PlainDefaults.Half, ShortestEdge: false, Crop: false)),
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
        foreach (var property in json.EnumerateObject().Where(p => !read.Contains(p.Name) && p.Value.ValueKind is not JsonValueKind.Null))
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

    public bool Flag(string key, bool otherwise) => Find(key) switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } found => throw Refused(key, found, "true or false"),
    };

    public double Number(string key, double otherwise)
        => Find(key) is not { } found ? otherwise
            : found.ValueKind == JsonValueKind.Number && found.TryGetDouble(out var number) && double.IsFinite(number) ? number
            : throw Refused(key, found, "a number");

    /// <summary>A length in pixels.</summary>
    public int Side(string key, int otherwise) => Find(key) is { } found ? Side(key, found) : otherwise;

    public int Side(string key, JsonElement found)
        => found.ValueKind == JsonValueKind.Number && found.TryGetInt32(out var side) && side is > 0 and <= LargestSide
            ? side
            : throw Refused(key, found, $"1 to {LargestSide}");

    public ResampleFilter Filter(string key, ResampleFilter otherwise) => Find(key) is { } found ? Filter(key, found) : otherwise;

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
