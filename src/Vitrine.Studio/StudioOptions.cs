namespace Vitrine.Studio;

/// <summary>How a studio is started.</summary>
public sealed record StudioOptions
{
    /// <summary>Models to open at once, as a user names them; the embedded policy when there is none.</summary>
    public IReadOnlyList<string> Models { get; init; } = [];

    /// <summary>Port on the loopback address; 0 takes a free one.</summary>
    public int Port { get; init; }

    /// <summary>Folder in which findings, studies and pictures are kept; made when it is first needed.</summary>
    public string Work { get; init; } = "vitrine-studio";

    /// <summary>The live address of a served policy, whose page is opened first; none when null.</summary>
    public string? Connect { get; init; }

    /// <summary>What that server asks for; nothing when null.</summary>
    public string? ConnectToken { get; init; }

    /// <summary>What an address must hold to be let in; drawn anew when null.</summary>
    public string? Token { get; init; }
}
