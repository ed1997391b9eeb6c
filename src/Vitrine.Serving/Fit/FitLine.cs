using System.Text.Json.Serialization;

namespace Vitrine.Serving.Fit;

/// <summary>How one thing that a policy needs stands with a client.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<FitKind>))]
public enum FitKind
{
    /// <summary>Both say the same.</summary>
    Fits,

    /// <summary>The client does not say it, and there is one way in which it can be meant.</summary>
    Guessed,

    /// <summary>The policy needs it and the client does not bring it.</summary>
    Missing,

    /// <summary>The client brings it and the policy does not read it.</summary>
    Unused,

    /// <summary>Nobody says it: to be checked by a person.</summary>
    Unknown,
}

/// <summary>One line of a report.</summary>
/// <param name="Kind">How it stands.</param>
/// <param name="What">e.g. <c>camera image</c>.</param>
/// <param name="Why">In words.</param>
public sealed record FitLine(FitKind Kind, string What, string Why);
