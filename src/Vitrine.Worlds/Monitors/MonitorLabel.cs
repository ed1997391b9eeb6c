using System.Text.Json.Serialization;

namespace Vitrine.Worlds.Monitors;

/// <summary>What a monitor is to alarm at.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<MonitorLabel>))]
public enum MonitorLabel
{
    /// <summary>Every act of an episode that fails.</summary>
    Fails,

    /// <summary>Acts while an edit is on.</summary>
    Edited,

    /// <summary>Every act of the records that were named as the ones to alarm at: another world, another instruction.</summary>
    Named,
}
