namespace Vitrine.Serving.Hosting;

/// <summary>Something that should not happen went wrong in the server. What it was stays here: peers are told no more than that.</summary>
/// <param name="cause">What went wrong.</param>
public sealed class HostFailure(Exception cause) : VitrineException("the server failed to answer; its own log says why.", cause);
