using Vitrine.Serving.Fit;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Protocols;

/// <summary>How a server speaks: addresses, names, caps.</summary>
public sealed record ServerOptions
{
    /// <summary>The address that it listens at; loopback unless asked.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>What every client must show; needed where <see cref="Host"/> is not loopback.</summary>
    public string? Token { get; init; }

    /// <summary>A JSON file with the key <c>Kestrel</c>, as Kestrel's configuration has it: certificates for TLS. Plain where null.</summary>
    public string? KestrelFile { get; init; }

    /// <summary>How much a peer may send.</summary>
    public WireLimits Limits { get; init; } = WireLimits.Default;

    /// <summary>Which of a client's names are which of the policy's.</summary>
    public NameMap Names { get; init; } = new();

    /// <summary>In whose units to answer where a request does not say; the model's only ones when null.</summary>
    public string? Units { get; init; }

    /// <summary>Rows of a chunk that are sent at most; all when null.</summary>
    public int? Horizon { get; init; }

    /// <summary>Whether actions travel as singles instead of doubles, which are the numbers of <c>vitrine act</c> bit for bit.</summary>
    public bool Singles { get; init; }

    /// <summary>Whether the keys of arrays in openpi's answers are text, for decoders that refuse keys that are bytes (JavaScript's).</summary>
    public bool TextKeys { get; init; }

    /// <summary>What openpi's clients are told when they connect; what the model is when null.</summary>
    public WireMap? Metadata { get; init; }

    /// <summary><c>observation_params</c>, <c>action_spec</c> and <c>observation_spec</c> of vla-eval's hello; what the model needs when null.</summary>
    public WireMap? Spec { get; init; }

    /// <summary>GR00T's names of the numbers of an action, in order; the policy's own when null.</summary>
    public IReadOnlyList<string>? ActionKeys { get; init; }

    /// <summary>Told in one line what its user should know; nobody when null.</summary>
    public Action<string>? Say { get; init; }
}
