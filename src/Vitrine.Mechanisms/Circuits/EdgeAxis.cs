namespace Vitrine.Mechanisms.Circuits;

/// <summary>Whether an edge is one thing over all tokens, or one in each pass or at each position.</summary>
[System.Text.Json.Serialization.JsonConverter(typeof(System.Text.Json.Serialization.JsonStringEnumConverter<EdgeAxis>))]
public enum EdgeAxis
{
    /// <summary>One over all passes and positions.</summary>
    None,

    /// <summary>One for each pass: a flow step, a token that is said.</summary>
    Steps,

    /// <summary>One for each position of each pass. An edge into keys or values stands at the position whose key or value it is.</summary>
    Positions,
}

/// <summary>One place along the axis.</summary>
/// <param name="Step">The pass; null where all are one.</param>
/// <param name="Position">Column of the batch; null where all are one.</param>
/// <param name="Token">What stands there; empty where it is not known.</param>
public sealed record EdgeCell(int? Step, int? Position, string Token = "")
{
    /// <summary>E.g. <c>@2</c>, <c>[5] Paris</c>; empty for the whole.</summary>
    public override string ToString()
        => FormattableString.Invariant($"{(Step is { } s ? $"@{s}" : "")}{(Position is { } p ? $"[{p}]{(Token.Length > 0 ? $" {Token}" : "")}" : "")}");
}
