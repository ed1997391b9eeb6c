namespace Vitrine;

/// <summary>An error of the kind that a user can act on: its message names the thing, what was found, what was expected and what to do.</summary>
/// <remarks>The command prints the message in one line, without a stack trace, and exits with 1.</remarks>
public class VitrineException : Exception
{
    /// <summary>Creates the error.</summary>
    /// <param name="message">One line that names the thing.</param>
    public VitrineException(string message) : base(message)
    {
    }

    /// <summary>Creates the error around its cause.</summary>
    /// <param name="message">One line that names the thing.</param>
    /// <param name="inner">The cause.</param>
    public VitrineException(string message, Exception inner) : base(message, inner)
    {
    }
}
