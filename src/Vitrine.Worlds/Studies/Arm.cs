using System.Text.Json.Serialization;

namespace Vitrine.Worlds.Studies;

/// <summary>What an arm is to its study.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ArmKind>))]
public enum ArmKind
{
    /// <summary>The policy as it is: what every other arm is compared with.</summary>
    Baseline,

    /// <summary>The whole machinery of an edit at a dose that changes nothing: must equal the baseline.</summary>
    ZeroDose,

    /// <summary>A word in the instruction.</summary>
    Prompt,

    /// <summary>The edit that the study is about.</summary>
    Edit,

    /// <summary>The edit with random neurons that resemble the chosen ones.</summary>
    MatchedRandom,

    /// <summary>The edit with a random direction of the same norm.</summary>
    RandomDirection,
}

/// <summary>One condition of a study. It is data: who runs the study turns it into an actor.</summary>
public sealed record Arm
{
    /// <summary>Its name, unique in the study.</summary>
    public required string Name { get; init; }

    /// <summary>What it is to the study.</summary>
    public required ArmKind Kind { get; init; }

    /// <summary>The concept it belongs to, e.g. <c>fast</c>: ties an edit to its controls.</summary>
    public string? Concept { get; init; }

    /// <summary>A word appended to every instruction.</summary>
    public string? Word { get; init; }

    /// <summary>What random draws have in common: the arms of a group are reported together.</summary>
    public string? Group { get; init; }

    /// <summary>Its edits, in any form that changes when they do.</summary>
    public string Fingerprint { get; init; } = "";

    /// <summary>Whether this arm is one of several random draws.</summary>
    [JsonIgnore]
    public bool IsRandom => Kind is ArmKind.MatchedRandom or ArmKind.RandomDirection;
}
