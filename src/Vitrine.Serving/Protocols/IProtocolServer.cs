namespace Vitrine.Serving.Protocols;

/// <summary>One protocol at one port, while it listens.</summary>
public interface IProtocolServer : IAsyncDisposable
{
    /// <summary>Which.</summary>
    string Protocol { get; }

    /// <summary>Where, as clients write it.</summary>
    Uri Address { get; }
}
