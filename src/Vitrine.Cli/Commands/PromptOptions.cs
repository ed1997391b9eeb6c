using System.CommandLine;

namespace Vitrine.Cli.Commands;

/// <summary><c>--prompt TEXT</c> and <c>--prompts FILE</c>: the texts of an experiment on a text model.</summary>
internal sealed class PromptOptions
{
    private readonly Option<string[]> prompt = new("--prompt") { Description = "A text that a text model reads; several allowed." };
    private readonly Option<string?> file = new("--prompts") { Description = "A file of texts for a text model, a line each." };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(prompt);
        command.Add(file);
    }

    /// <summary>Whether any is named.</summary>
    public bool IsGiven(ParseResult parsed) => parsed.GetValue(prompt) is { Length: > 0 } || parsed.GetValue(file) is not null;

    /// <summary>The texts, those of the command line first; empty lines of the file are left out.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="why">What asks for them, in errors.</param>
    /// <exception cref="VitrineException">There is none, or the file cannot be read.</exception>
    public IReadOnlyList<string> Texts(ParseResult parsed, string why)
    {
        try
        {
            string[] lines = parsed.GetValue(file) is { } path ? File.ReadAllLines(path) : [];
            string[] texts = [.. parsed.GetValue(prompt) ?? [], .. lines.Where(l => !string.IsNullOrWhiteSpace(l))];
            return texts.Length > 0 ? texts : throw new VitrineException($"{why}; say what it reads with --prompt \"...\" or --prompts FILE.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{parsed.GetValue(file)}: cannot be read ({e.Message}).", e);
        }
    }
}
