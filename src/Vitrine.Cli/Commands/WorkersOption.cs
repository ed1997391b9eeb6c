using System.CommandLine;

namespace Vitrine.Cli.Commands;

/// <summary><c>--workers</c>: how much is done at the same time, spelled and checked alike by every verb that has it.</summary>
internal sealed class WorkersOption : Option<int>
{
    private WorkersOption()
        : base("--workers")
    {
    }

    /// <summary>The option; as many as the machine has cores where nothing is said.</summary>
    /// <param name="what">What is done side by side, as a sentence.</param>
    public static WorkersOption Create(string what) => new() { Description = what, DefaultValueFactory = _ => Environment.ProcessorCount };

    /// <summary>How many were asked for.</summary>
    /// <exception cref="VitrineException">Fewer than 1.</exception>
    public int Of(ParseResult parsed)
        => parsed.GetValue(this) is >= 1 and var workers ? workers : throw new VitrineException($"--workers is {parsed.GetValue(this)}; expected at least 1.");
}
