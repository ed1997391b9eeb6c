using System.Text.Json.Serialization;

namespace Vitrine.Worlds.Studies;

/// <summary>What a study says about an edit.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<VerdictClass>))]
public enum VerdictClass
{
    /// <summary>It moves the measure, and the task is solved as often as without it, as far as the study can tell.</summary>
    Shown,

    /// <summary>It moves the measure, and the task is solved less often: what moves a robot and breaks its task has not steered it.</summary>
    BreaksTask,

    /// <summary>It was not seen to move the measure more than chance and random draws do.</summary>
    NotShown,
}
