namespace Vitrine.Serving.Protocols;

/// <summary>What is said over one WebSocket, from the first message to the last.</summary>
internal interface ISocketConversation
{
    /// <summary>Speaks until the client leaves.</summary>
    /// <param name="pump">The WebSocket.</param>
    /// <param name="stopping">Cancelled where the server stops.</param>
    Task RunAsync(SocketPump pump, CancellationToken stopping);
}
