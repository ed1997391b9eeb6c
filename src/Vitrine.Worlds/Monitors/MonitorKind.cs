using System.Text.Json.Serialization;

namespace Vitrine.Worlds.Monitors;

/// <summary>How a monitor scores an act, and what its threshold promises.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<MonitorKind>))]
public enum MonitorKind
{
    /// <summary>Logistic regression between acts that are to alarm and acts that are not; the score is its logit.</summary>
    Probe,

    /// <summary>Distance from the acts that are not to alarm, in the metric of their covariance; what is to alarm is not looked at.</summary>
    Mahalanobis,

    /// <summary>
    /// The same distance, with a threshold of split conformal prediction: an episode like those it was calibrated on has an alarm at all with at most the
    /// promised chance.
    /// </summary>
    Conformal,
}
