using System.CommandLine;

namespace Vitrine.Cli.Commands;

/// <summary>What every verb that opens a model takes beside <c>--device</c>.</summary>
internal static class OpeningOptions
{
    /// <summary><c>--no-adapter</c>.</summary>
    public static Option<bool> NoAdapter { get; } = new("--no-adapter") { Description = "Leave out the LoRA adapter in the model's folder." };

    /// <summary><c>--no-generation-config</c>.</summary>
    public static Option<bool> NoGenerationConfig { get; } = new("--no-generation-config")
    {
        Description = "Generate without the rules of generation_config.json: penalties, forbidden and forced tokens.",
    };

    /// <summary>The same command, and those below it, with the options where they open a model.</summary>
    public static Command With(Command command)
    {
        if (command.Options.OfType<DeviceOption>().Any())
        {
            command.Add(NoAdapter);
            command.Add(NoGenerationConfig);
        }

        foreach (var inner in command.Subcommands)
        {
            With(inner);
        }

        return command;
    }
}
