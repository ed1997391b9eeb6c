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
    /// <param name="parsed">The command line.</param>
    /// <param name="fewest">0 where others may do all of the work.</param>
    /// <exception cref="VitrineException">Fewer than that.</exception>
    public int Of(ParseResult parsed, int fewest = 1) => parsed.GetValue(this) is var workers && workers >= fewest
        ? workers
        : throw new VitrineException($"--workers is {workers}; expected at least {fewest}.");
}
