namespace Vitrine.Serving.Wire;

/// <summary>A message that is not what its protocol says; the text is fit to be told to the peer that sent it.</summary>
/// <param name="message">What was found and what was expected, in one line.</param>
public sealed class WireException(string message) : VitrineException(message);
