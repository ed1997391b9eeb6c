using System.CommandLine;
using Vitrine.Cli.Commands;
using Vitrine.Cli.Demo;

namespace Vitrine.Cli;

/// <summary>The <c>vitrine</c> command: every verb is a thin face of the libraries.</summary>
internal static class VitrineCommand
{
    public static RootCommand Create()
        => new("Vitrine opens vision-language-action models, changes their parts while the robot runs, and measures the effect honestly.")
    {
        DemoCommand.Create(),
        InspectCommand.Create(),
        ActCommand.Create(),
        GenerateCommand.Create(),
        RunCommand.Create(),
        TokensCommand.Create(),
        NeuronsCommand.Create(),
        ConceptsCommand.Create(),
        CalibrateCommand.Create(),
        SteerCommand.Create(),
        RolloutCommand.Create(),
        ImageCommand.Create(),
        ClassifyCommand.Create(),
        CertifyCommand.Create(),
        Output.Verbose,
    };
}
