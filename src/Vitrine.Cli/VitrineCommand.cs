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
        OpeningOptions.With(DemoCommand.Create()),
        OpeningOptions.With(InspectCommand.Create()),
        OpeningOptions.With(ActCommand.Create()),
        OpeningOptions.With(GenerateCommand.Create()),
        OpeningOptions.With(RunCommand.Create()),
        OpeningOptions.With(TokensCommand.Create()),
        OpeningOptions.With(NeuronsCommand.Create()),
        OpeningOptions.With(ConceptsCommand.Create()),
        OpeningOptions.With(CalibrateCommand.Create()),
        OpeningOptions.With(SteerCommand.Create()),
        OpeningOptions.With(RolloutCommand.Create()),
        OpeningOptions.With(ImageCommand.Create()),
        OpeningOptions.With(ClassifyCommand.Create()),
        OpeningOptions.With(CertifyCommand.Create()),
        Output.Verbose,
    };
}
