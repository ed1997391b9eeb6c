using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Policies.LeRobot;

namespace Vitrine.Policies.Pi;

/// <summary>openpi's normalisation, which adds 1e-6 to every spread, there and back.</summary>
/// <remarks>In float32. Source: openpi, transforms.py: Normalize and Unnormalize.</remarks>
internal sealed class OpenPiStep : IInputStep, IActionStep
{
    private const float Epsilon = 1e-6f;

    private readonly float[] first, second;
    private readonly bool isQuantile;

    private OpenPiStep(float[] first, float[] second, bool isQuantile) => (this.first, this.second, this.isQuantile) = (first, second, isQuantile);

    /// <summary>Numbers that have statistics.</summary>
    public int Width => first.Length;

    /// <exception cref="VitrineException">A statistic is missing, or no list of finite numbers.</exception>
    public static OpenPiStep Read(ConfigReader statistics, string feature, bool isQuantile)
    {
        var json = statistics.Object(feature);
        var (first, second) = (Numbers(json, isQuantile ? "q01" : "mean"), Numbers(json, isQuantile ? "q99" : "std"));
        json.RefuseOthers(["mean", "std", "q01", "q99"]);
        return first.Length == second.Length && first.Length > 0
            ? new OpenPiStep(first, second, isQuantile)
            : throw new VitrineException($"{json.Source}: statistics of {first.Length} and of {second.Length} numbers; expected as many of both.");
    }

    public void Apply(PolicyInput input) => input.State = [.. input.State.Select((v, i) => isQuantile
        ? ((v - first[i]) / (second[i] - first[i] + Epsilon) * 2) - 1
        : (v - first[i]) / (second[i] + Epsilon))];

    public float[] Apply(float[] row, PolicyInput input) => [.. row.Select((v, i) => isQuantile
        ? ((v + 1) / 2 * (second[i] - first[i] + Epsilon)) + first[i]
        : (v * (second[i] + Epsilon)) + first[i])];

    private static float[] Numbers(ConfigReader json, string key)
        => json.Find(key) is { ValueKind: JsonValueKind.Array } list
            && list.EnumerateArray().All(v => v.ValueKind == JsonValueKind.Number && float.IsFinite(v.GetSingle()))
            ? [.. list.EnumerateArray().Select(v => v.GetSingle())]
            : throw new VitrineException($"{json.Source}: '{key}' is missing or no list of finite numbers.");
}
