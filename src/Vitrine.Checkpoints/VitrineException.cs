namespace Vitrine;

/// <summary>An error of the kind that a user can act on: its message names the thing, what was found, what was expected and what to do.</summary>
/// <remarks>The command prints the message in one line, without a stack trace, and exits with 1. Control characters are written as escapes.</remarks>
public class VitrineException : Exception
{
    /// <summary>Creates the error.</summary>
    /// <param name="message">One line that names the thing.</param>
    public VitrineException(string message) : base(OneLine(message))
    {
    }

    /// <summary>Creates the error around its cause.</summary>
    /// <param name="message">One line that names the thing.</param>
    /// <param name="inner">The cause.</param>
    public VitrineException(string message, Exception inner) : base(OneLine(message), inner)
    {
    }

    /// <remarks>What is quoted from a file may hold line ends and orders to the terminal.</remarks>
    private static string OneLine(string message)
        => message.Any(char.IsControl) ? string.Concat(message.Select(c => c == '\n' ? "\\n" : char.IsControl(c) ? $"\\u{(int)c:x4}" : c.ToString())) : message;
}
