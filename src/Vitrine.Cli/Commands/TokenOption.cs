using System.CommandLine;

namespace Vitrine.Cli.Commands;

/// <summary>
/// <c>--token-file</c>: what is shown to a server, or asked of its clients. It comes from a file or from the environment, not from the command line, which
/// others can see.
/// </summary>
internal sealed class TokenOption() : Option<string?>("--token-file")
{
    private const string Variable = "VITRINE_TOKEN";

    /// <summary>The option.</summary>
    public static TokenOption Create() => new() { Description = $"A file with the token; the variable {Variable} by default, and none without it." };

    /// <summary>The token; null where there is none.</summary>
    /// <exception cref="VitrineException">The file cannot be read, or is empty.</exception>
    public string? Token(ParseResult parsed)
    {
        if (parsed.GetValue(this) is not { } file)
        {
            return Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } token ? token : null;
        }

        try
        {
            return File.ReadAllText(file).Trim() is { Length: > 0 } token ? token : throw new VitrineException($"{file}: is empty; expected a token.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{file}: cannot be read ({e.Message}).", e);
        }
    }
}
