using System.Text.Json.Serialization;

namespace Vitrine.Worlds.Studies;

/// <summary>An arm as results name it: without its plan, which may be large.</summary>
public sealed record ArmLabel
{
    /// <summary>Its name, unique in the study.</summary>
    public required string Name { get; init; }

    /// <summary>What it is to the study.</summary>
    public required ArmKind Kind { get; init; }

    /// <summary>The concept it belongs to.</summary>
    public string? Concept { get; init; }

    /// <summary>A word appended to every instruction.</summary>
    public string? Word { get; init; }

    /// <summary>What random draws have in common; of a reversed sign, the arm that it reverses.</summary>
    public string? Group { get; init; }

    /// <summary>Hash of plan and schedule; empty for a baseline that has none.</summary>
    public string Fingerprint { get; init => field = value ?? ""; } = ""; // JSON without the key sets null

    /// <summary>Whether this arm is one of several random draws.</summary>
    [JsonIgnore]
    public bool IsRandom => Kind is ArmKind.MatchedRandom or ArmKind.RandomDirection;

    /// <summary>Whether the arm is there to be compared with.</summary>
    [JsonIgnore]
    public bool IsControl => Kind is ArmKind.Baseline or ArmKind.ZeroDose or ArmKind.ReversedSign || IsRandom;
}
