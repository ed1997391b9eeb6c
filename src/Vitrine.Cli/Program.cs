using System.CommandLine;
using Vitrine.Cli;
using Vitrine.Cli.Commands;
using Vitrine.Cli.Demo;

var root = new RootCommand("Vitrine opens vision-language-action models, changes their parts while the robot runs, and measures the effect honestly.")
{
    InspectCommand.Create(),
    ActCommand.Create(),
    NeuronsCommand.Create(),
    ConceptsCommand.Create(),
    CalibrateCommand.Create(),
    SteerCommand.Create(),
    RolloutCommand.Create(),
    CertifyCommand.Create(),
    DemoCommand.Create(),
};
root.Add(Output.Verbose);
if (Console.IsOutputRedirected)
{
    Spectre.Console.AnsiConsole.Profile.Width = 180; // A file has no width; tables are not broken up for it.
}

return await Output.RunAsync(root, args).ConfigureAwait(false);
