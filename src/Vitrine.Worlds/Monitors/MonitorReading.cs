using System.Text.Json.Serialization;

namespace Vitrine.Worlds.Monitors;

/// <summary>What a monitor says of one act.</summary>
/// <param name="Monitor">Its name.</param>
/// <param name="Score">Larger is more alarming, in the monitor's own unit.</param>
/// <param name="Threshold">Above it, there is an alarm.</param>
public sealed record MonitorReading(string Monitor, double Score, double Threshold)
{
    /// <summary>Whether the score lies above the threshold.</summary>
    [JsonIgnore]
    public bool IsAlarm => Score > Threshold;
}
