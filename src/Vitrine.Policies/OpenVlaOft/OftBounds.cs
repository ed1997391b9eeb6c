using Vitrine.Checkpoints;
using Vitrine.Policies.Actions;

namespace Vitrine.Policies.OpenVlaOft;

/// <summary>The values that became -1 and 1.</summary>
/// <param name="Low">Of each dimension.</param>
/// <param name="High">Of each dimension.</param>
/// <param name="Mask">False where a value stays as it is.</param>
internal sealed record OftBounds(IReadOnlyList<double> Low, IReadOnlyList<double> High, IReadOnlyList<bool> Mask)
{
    /// <summary>Keeps the range of a void dimension from being zero (openvla-oft, openvla_utils.py).</summary>
    private const double Guard = 1e-8;

    /// <summary>Dimensions.</summary>
    public int Width => Low.Count;

    /// <summary>In the network's units, clipped to [-1, 1] (openvla-oft, normalize_proprio).</summary>
    public double Normalise(int at, double value)
        => Math.Clamp(Mask[at] ? (2 * (value - Low[at]) / (High[at] - Low[at] + Guard)) - 1 : value, -1, 1);

    /// <summary>In the robot's units.</summary>
    public double Unnormalise(int at, double value) => Mask[at] ? (0.5 * (value + 1) * (High[at] - Low[at] + Guard)) + Low[at] : value;

    public static OftBounds Read(ConfigReader json, bool betweenExtremes)
    {
        var (lowest, highest) = betweenExtremes ? ("min", "max") : ("q01", "q99");
        var (low, high) = (ActionStatistics.Numbers(json, lowest), ActionStatistics.Numbers(json, highest));
        bool[] mask = json.Spells("mask") ? ActionStatistics.Flags(json, "mask") : [.. low.Select(_ => true)];
        ActionStatistics.RefuseOthers(json);
        return low.Length > 0 && low.Length == high.Length && low.Length == mask.Length
            ? new OftBounds(low, high, mask)
            : throw new VitrineException(
                $"{json.Source}: bounds and mask have {low.Length}, {high.Length} and {mask.Length} entries; expected one for each dimension.");
    }
}
