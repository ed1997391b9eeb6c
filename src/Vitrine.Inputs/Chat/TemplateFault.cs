namespace Vitrine.Inputs.Chat;

/// <summary>An error of a template whose place is told by whoever knows the line.</summary>
internal sealed class TemplateFault(string message) : VitrineException(message);
