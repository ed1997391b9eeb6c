using Spectre.Console;
using Vitrine.Cli;

if (Console.IsOutputRedirected)
{
    AnsiConsole.Profile.Width = 180; // A file has no width; tables are not broken up for it.
}

return QuickExit.With(await Output.RunAsync(VitrineCommand.Create(), args).ConfigureAwait(false));
