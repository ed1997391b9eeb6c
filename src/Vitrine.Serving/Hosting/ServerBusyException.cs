namespace Vitrine.Serving.Hosting;

/// <summary>A refusal because too much waits already: the same request may be sent again later.</summary>
/// <param name="message">What is full.</param>
public sealed class ServerBusyException(string message) : VitrineException(message);
