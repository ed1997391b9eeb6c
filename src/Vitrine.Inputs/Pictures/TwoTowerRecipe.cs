using System.Text.Json;

namespace Vitrine.Inputs.Pictures;

/// <summary>OpenVLA's preparation of a picture: resized and normalised once for each tower, the towers' channels one behind the other.</summary>
/// <remarks>
/// Means and deviations are read from <c>tvf_normalize_params</c> of preprocessor_config.json: real checkpoints carry bfloat16-rounded ones.
/// Source: openvla, prismatic/extern/hf/processing_prismatic.py (resize, centre crop, to [0, 1], normalise).
/// </remarks>
public sealed class TwoTowerRecipe
{
    private readonly (float[] Mean, float[] Deviation)[] towers;

    private TwoTowerRecipe(int width, int height, (float[], float[])[] towers) => (Width, Height, this.towers) = (width, height, towers);

    /// <summary>Channels of the result: three for each tower.</summary>
    public int Channels => 3 * towers.Length;

    /// <summary>Rows of the result.</summary>
    public int Height { get; }

    /// <summary>Columns of the result.</summary>
    public int Width { get; }

    /// <summary>Whose order of passes the resize follows.</summary>
    public PassOrder Order { get; init; }

    /// <summary>The steps by name, as a person would read them.</summary>
    public IReadOnlyList<string> Steps =>
    [
        $"resize to {Width} x {Height}, bicubic, antialiased, 8-bit ({Order})",
        .. towers.Select((t, i) => $"tower {i}: (x / 255 - [{string.Join(", ", t.Mean)}]) / [{string.Join(", ", t.Deviation)}]"),
        $"channels of the towers one behind the other: {Channels}",
    ];

    /// <summary>Reads <c>preprocessor_config.json</c> of a folder.</summary>
    /// <exception cref="VitrineException">The file is missing or broken, or asks for a step that is not computed; it is named.</exception>
    public static TwoTowerRecipe Open(string folder, PassOrder order = PassOrder.Pillow12)
    {
        var path = Path.Combine(folder, "preprocessor_config.json");
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            return Read(json.RootElement, path, order);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new VitrineException($"{path}: is no picture recipe of OpenVLA ({e.Message}).", e);
        }
    }

    /// <summary>Prepares a picture.</summary>
    /// <returns>Channels x Height x Width numbers, row-major.</returns>
    public float[] Apply(Picture picture)
    {
        var resized = Resampling.Bicubic(picture, Width, Height, Order);
        var plane = Width * Height;
        var pixels = new float[Channels * plane];
        for (var channel = 0; channel < Channels; channel++)
        {
            var (mean, deviation) = (towers[channel / 3].Mean[channel % 3], towers[channel / 3].Deviation[channel % 3]);
            for (var i = 0; i < plane; i++)
            {
                pixels[(channel * plane) + i] = ((resized.Rgb[(i * 3) + (channel % 3)] / 255f) - mean) / deviation;
            }
        }

        return pixels;
    }

    /// <summary>The same steps in another order of passes.</summary>
    public TwoTowerRecipe With(PassOrder order) => new(Width, Height, towers) { Order = order };

    private static TwoTowerRecipe Read(JsonElement json, string path, PassOrder order)
    {
        Require(json.GetProperty("image_resize_strategy").GetString() == "resize-naive", path, "image_resize_strategy", json.GetProperty("image_resize_strategy"), "resize-naive");
        if (json.TryGetProperty("tvf_do_letterbox", out var letterbox))
        {
            Require(letterbox.ValueKind == JsonValueKind.False, path, "tvf_do_letterbox", letterbox, "false");
        }

        var sizes = json.GetProperty("input_sizes").EnumerateArray().Select(s => s.EnumerateArray().Select(v => v.GetInt32()).ToArray()).ToArray();
        Require(sizes.Length > 0 && sizes.All(s => s is [3, > 0, > 0] && s.SequenceEqual(sizes[0])), path, "input_sizes", json.GetProperty("input_sizes"), "one [3, height, width] for all towers");
        Require(json.GetProperty("interpolations").EnumerateArray().All(v => v.GetString() == "bicubic"), path, "interpolations", json.GetProperty("interpolations"), "bicubic");
        if (json.TryGetProperty("tvf_crop_params", out var crops))
        {
            Require(crops.EnumerateArray().All(c => c.GetProperty("output_size").EnumerateArray().Select(v => v.GetInt32()).SequenceEqual(sizes[0][1..])), path, "tvf_crop_params", crops, "the size that is resized to");
        }

        if (json.TryGetProperty("tvf_resize_params", out var resizes))
        {
            // 3 is PIL's bicubic.
            Require(resizes.EnumerateArray().All(r => r.GetProperty("interpolation").GetInt32() == 3 && r.GetProperty("antialias").GetBoolean()), path, "tvf_resize_params", resizes, "interpolation 3 with antialias");
        }

        (float[], float[])[] towers = json.TryGetProperty("tvf_normalize_params", out var norms)
            ? [.. norms.EnumerateArray().Select(n => (Three(n.GetProperty("mean")), Three(n.GetProperty("std"))))]
            : [.. json.GetProperty("means").EnumerateArray().Zip(json.GetProperty("stds").EnumerateArray()).Select(p => (Three(p.First), Three(p.Second)))];
        Require(towers.Length == sizes.Length, path, "tvf_normalize_params", norms, "one entry for each tower");
        return new TwoTowerRecipe(sizes[0][2], sizes[0][1], towers) { Order = order };

        float[] Three(JsonElement array)
        {
            var values = array.EnumerateArray().Select(v => v.GetSingle()).ToArray();
            return values.Length == 3 ? values : throw new VitrineException($"{path}: a mean or deviation has {values.Length} numbers; expected 3.");
        }
    }

    private static void Require(bool holds, string path, string key, JsonElement found, string expected)
    {
        if (!holds)
        {
            throw new VitrineException($"{path}: {key} is {found.GetRawText().ReplaceLineEndings("")}; this version computes {expected}.");
        }
    }
}
