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
        WithSharedOptions(DemoCommand.Create()),
        WithSharedOptions(InspectCommand.Create()),
        WithSharedOptions(ActCommand.Create()),
        WithSharedOptions(GenerateCommand.Create()),
        WithSharedOptions(RunCommand.Create()),
        WithSharedOptions(TokensCommand.Create()),
        WithSharedOptions(NeuronsCommand.Create()),
        WithSharedOptions(ConceptsCommand.Create()),
        WithSharedOptions(CalibrateCommand.Create()),
        WithSharedOptions(ProbeCommand.Create()),
        WithSharedOptions(GeometryCommand.Create()),
        WithSharedOptions(SteerCommand.Create()),
        WithSharedOptions(ExplainCommand.Create()),
        WithSharedOptions(PatchCommand.Create()),
        WithSharedOptions(DiagnoseCommand.Create()),
        WithSharedOptions(RolloutCommand.Create()),
        WithSharedOptions(LocateCommand.Create()),
        WithSharedOptions(ReplayCommand.Create()),
        WithSharedOptions(MonitorCommand.Create()),
        WithSharedOptions(StudyCommand.Create()),
        WithSharedOptions(PerturbCommand.Create()),
        TrainCommand.Create(),
        WithSharedOptions(SiloCommand.Create()),
        WithSharedOptions(ImageCommand.Create()),
        WithSharedOptions(ClassifyCommand.Create()),
        WithSharedOptions(LensCommand.Create()),
        WithSharedOptions(HeadsCommand.Create()),
        WithSharedOptions(AttributeCommand.Create()),
        WithSharedOptions(CircuitCommand.Create()),
        WithSharedOptions(CertifyCommand.Create()),
        StudioCommand.Create(),
        WithSharedOptions(ServeCommand.Create()),
        WithSharedOptions(CheckFitCommand.Create()),
        DriveCommand.Create(),
        WithSharedOptions(LiveCommand.Create()),
        EditsCommand.Create(),
        CompletionCommand.Create(),
        Output.Verbose,
    };

    private static Command WithSharedOptions(Command command) => EditOption.With(OpeningOptions.With(command));
}
