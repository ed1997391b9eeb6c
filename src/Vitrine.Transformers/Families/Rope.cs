using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>Reads rotary positions: transformers 4 writes a base and rope_scaling, transformers 5 both inside rope_parameters.</summary>
internal static class Rope
{
    private static readonly string[] Schemes = ["default", "linear", "llama3"];

    /// <param name="json">config.json.</param>
    /// <param name="headWidth">hd.</param>
    /// <param name="baseKey">Where transformers 4 writes the base.</param>
    /// <param name="theta">The class default of the base.</param>
    /// <param name="partial">Part of each head that turns, where the file does not say.</param>
    /// <param name="axes">How frequencies are shared where the file does not say, in families whose positions have three axes; null in others.</param>
    public static RotarySpec Read(
        ConfigReader json, int headWidth, string baseKey = "rope_theta", double theta = 10000, double partial = 1, RotaryAxes? axes = null)
    {
        theta = json.Number(baseKey, theta);
        if (json.Has("rope_parameters") && json.Has("rope_scaling"))
        {
            throw new VitrineException($"{json.Source}: both rope_parameters and rope_scaling are set; expected one.");
        }

        var rope = json.Has("rope_parameters") ? json.Object("rope_parameters") : json.Has("rope_scaling") ? json.Object("rope_scaling") : null;
        if (rope is null)
        {
            return new RotarySpec(theta, Turning(json, headWidth, partial)) { Axes = Axes(json, null, headWidth, axes) };
        }

        return OfKind(rope, headWidth, theta, partial, isByAxes: axes is not null, () => Axes(json, rope, headWidth, axes));
    }

    /// <summary>Reads one rotation: a base, a part that turns, and how wavelengths are stretched.</summary>
    /// <param name="rope">The object that describes it.</param>
    /// <param name="headWidth">hd.</param>
    /// <param name="theta">The base where it names none.</param>
    /// <param name="partial">Part of each head that turns, where it does not say.</param>
    /// <param name="isByAxes">Whether positions have several axes.</param>
    /// <param name="axes">Reads how they share the frequencies; null where there is one axis.</param>
    public static RotarySpec OfKind(
        ConfigReader rope, int headWidth, double theta, double partial = 1, bool isByAxes = false, Func<RotaryAxes?>? axes = null)
    {
        // Qwen's first files say "mrope" for the default, turned by three axes; where both spellings stand, the newer one is meant.
        var kind = rope.Text("rope_type", rope.Text("type", "default"));
        kind = kind == "mrope" && isByAxes ? "default" : kind;
        var spec = new RotarySpec(rope.Number("rope_theta", theta), Turning(rope, headWidth, rope.Number("partial_rotary_factor", partial)));
        spec = kind switch
        {
            "default" => spec,
            "linear" => spec with { LinearFactor = Positive(rope, "factor") },
            "llama3" => spec with
            {
                Scaling = new Llama3Scaling(
                    rope.Number("factor"), rope.Number("low_freq_factor"), rope.Number("high_freq_factor"), rope.Size("original_max_position_embeddings")),
            },
            _ => throw new VitrineException(
                $"{rope.Source}: rope_type is '{kind}'; this version computes {string.Join(", ", Schemes)}; the nearest is '{Nearest.Of(kind, Schemes)}'."),
        };
        spec = spec with { Axes = axes?.Invoke() };
        rope.RefuseOthers();
        return spec;
    }

    private static double Positive(ConfigReader rope, string key) => rope.Number(key) is > 0 and var factor
        ? factor
        : throw new VitrineException($"{rope.Source}: {key} is {rope.Number(key)}; expected a positive number.");

    private static RotaryAxes? Axes(ConfigReader json, ConfigReader? rope, int headWidth, RotaryAxes? otherwise)
    {
        if (otherwise is null)
        {
            return null;
        }

        _ = rope?.Find("type");
        var isInterleaved = otherwise.Order == AxisOrder.Interleaved;
        if (rope is not null && rope.Flag("mrope_interleaved", isInterleaved) != isInterleaved)
        {
            throw new VitrineException($"{rope.Source}: mrope_interleaved is {!isInterleaved}; the family is computed otherwise, whatever stands here.");
        }

        var axes = otherwise with { Sections = rope?.Sizes("mrope_section") ?? otherwise.Sections };
        return axes.Sections.Count == 3 && axes.Sections.Sum() == headWidth / 2
            ? axes
            : throw new VitrineException($"{(rope ?? json).Source}: mrope_section is {string.Join(", ", axes.Sections)}; expected three numbers that make "
                + $"{headWidth / 2}, half the width of a head.");
    }

    private static int Turning(ConfigReader json, int headWidth, double partial)
    {
        var width = (int)(headWidth * partial);
        return width > 0 && width % 2 == 0 && width <= headWidth
            ? width
            : throw new VitrineException($"{json.Source}: {width} of {headWidth} coordinates of a head would turn; expected an even number of them.");
    }
}
