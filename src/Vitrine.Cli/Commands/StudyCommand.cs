using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Studies.Files;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine study</c>: studies as files that are written before they run, with every control.</summary>
internal static class StudyCommand
{
    public static Command Create()
        => new("study", "Studies as files: written before they run, with every control, resumable, compared as planned.")
        {
            Run(),
        };

    private static Argument<string> FileArgument() => new("FILE") { Description = "A study file (YAML); docs/studies.md describes it." };

    private static Option<string> OutOption() => new("--out")
    {
        Description = "Folder of the study: its plan, finished chunks, result.json, episodes.parquet, comparisons.parquet, report.html.",
        Required = true,
    };

    private static Option<int> WorkersOption() => new("--workers")
    {
        Description = "Chunks that run at the same time; the result does not depend on it.",
        DefaultValueFactory = _ => Environment.ProcessorCount,
    };

    private static Command Run()
    {
        var (file, output, workers, device, json) = (FileArgument(), OutOption(), WorkersOption(), DeviceOption.Create(), Output.JsonOption());
        var command = new Command("run", "Run a study file, or go on with it, and write its results.") { file, output, workers, device, json };
        command.SetAction(async (parsed, cancellation) =>
        {
            var asked = StudyFile.Open(parsed.GetValue(file)!);
            var home = new StudyHome(parsed.GetValue(output)!);
            using var policy = Policy.Open(asked.Policy.Name, device.ModelOptionsOf(parsed));
            var outcome = await Stages.RunAsync(async stages =>
            {
                var planned = await stages.StageAsync("making edits and controls", 10, p => Task.FromResult(Planned(home, asked, policy, p, cancellation)))
                    .ConfigureAwait(false);
                return await stages.StageAsync($"{asked.Name}, {planned.Study.Arms.Count} arms", 90, p => home.RunAsync(
                    asked, planned, policy, parsed.GetValue(workers), new Progress<StudyProgress>(s => p.Report((double)s.Chunks / s.AllChunks)),
                    cancellation)).ConfigureAwait(false);
            }).ConfigureAwait(false);
            StudyText.Print(outcome, parsed.GetValue(json));
            return 0;
        });
        return command;
    }

    /// <remarks>With one libtorch thread, so that the edits are the same on every machine of a kind, however many cores it has.</remarks>
    private static PlannedStudy Planned(StudyHome home, StudyFile file, Policy policy, IProgress<double> progress, CancellationToken cancellation)
    {
        using var threads = ComputeThreads.One();
        return home.Plan(file, () => new StudyMaker(file, policy).Make(progress, cancellation));
    }
}
