using System.CommandLine;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Views;
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
            New(), Check(), Run(), Report(), Compare(),
        };

    private static Command New()
    {
        var (file, concept) = (FileArgument(), new Option<string>("--concept") { Description = "What it is about.", DefaultValueFactory = _ => "fast" });
        var word = new Option<string?>("--word") { Description = "What is said for the concept.", DefaultValueFactory = _ => "quickly" };
        var policy = new Option<string>("--policy") { Description = "Who acts.", DefaultValueFactory = _ => "embedded:tabletop" };
        policy.CompletionSources.Add([.. Policy.Catalog.Embedded]);
        var command = new Command("new", "Write a study file to begin with.") { file, policy, concept, word };
        command.SetAction(parsed =>
        {
            var path = parsed.GetValue(file)!;
            if (File.Exists(path))
            {
                throw new VitrineException($"{path}: is there already; a study file is not written over.");
            }

            var text = StudyTemplate.Of(
                Path.GetFileNameWithoutExtension(path), parsed.GetValue(policy)!, parsed.GetValue(concept)!, parsed.Word(word)!);
            _ = StudyFile.Parse(text, path);
            AtomicFile.WriteAllText(path, text);
            Console.WriteLine($"{path}: look through it, then 'vitrine study check {path}'");
            return 0;
        });
        return command;
    }

    private static Command Check()
    {
        var (file, device, json) = (FileArgument(), DeviceOption.Create(), Output.JsonOption());
        var pilot = new Option<int>("--pilot") { Description = "Selection layouts of each task that the pilot runs.", DefaultValueFactory = _ => 2 };
        var stated = new Option<string[]>("--sd")
        {
            Description = "State the deviation of paired differences instead of taking the pilot's: MEASURE=NUMBER; may be repeated.",
        };
        var workers = Workers();
        var command = new Command("check", "Tell what a study costs and what it can find, before it runs: a short pilot on other layouts.")
        {
            file, pilot, stated, workers, device, json,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            var sideBySide = workers.Of(parsed);
            var asked = StudyFile.Open(parsed.GetValue(file)!);
            var deviations = (parsed.GetValue(stated) ?? []).Select(Stated).DistinctBy(s => s.Measure).ToDictionary(s => s.Measure, s => s.Deviation);
            if (parsed.GetValue(pilot) is < 1 and var layouts)
            {
                throw new VitrineException($"--pilot is {layouts}; expected at least 1.");
            }

            using var policy = Policy.Open(asked.Policy.Name, device.ModelOptionsOf(parsed));
            var check = await Stages.RunAsync(async stages =>
            {
                var planned = await stages.StageAsync("making edits and controls", 40, p => Task.FromResult(Made(asked, policy, p, cancellation)))
                    .ConfigureAwait(false);
                return await stages.StageAsync("pilot on selection layouts", 60, p => StudyCheck.OfAsync(
                    asked, planned, policy, parsed.GetValue(pilot), deviations, Output.Chunks(p), cancellation)).ConfigureAwait(false);
            }).ConfigureAwait(false);
            StudyText.Print(check, asked, sideBySide, parsed.GetValue(json));
            return 0;
        });
        return command;
    }

    private static Command Run()
    {
        var (file, output, workers, device, json) = (FileArgument(), OutOption(), Workers(), DeviceOption.Create(), Output.JsonOption());
        var where = new StudyRunOptions();
        var command = new Command("run", "Run a study file, or go on with it, and write its results.") { file, output, workers, device, json };
        where.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            var sideBySide = workers.Of(parsed, where.FewestWorkers(parsed));
            var asked = StudyFile.Open(parsed.GetValue(file)!);
            var home = new StudyHome(parsed.GetValue(output)!);
            var share = where.ShareOf(parsed, asked, home);
            if (File.Exists(home.Path))
            {
                throw new VitrineException($"{home.Path}: is a file; expected a folder for the study.");
            }

            using var policy = where.IsCollecting(parsed) ? null : Policy.Open(asked.Policy.Name, device.ModelOptionsOf(parsed));
            if (share is not null)
            {
                var shared = home.Plan(asked, () => Made(asked, policy!, new Progress<double>(), cancellation));
                return await StudyRunOptions.RunShareAsync(
                    share, asked, shared, home, policy!, sideBySide, parsed.GetValue(json), cancellation).ConfigureAwait(false);
            }

            var outcome = await Stages.RunAsync(async stages =>
            {
                var planned = await stages.StageAsync(
                    "making edits and controls", 10, p => Task.FromResult(home.Plan(asked, () => Made(asked, policy!, p, cancellation)))).ConfigureAwait(false);
                return await stages.StageAsync($"{asked.Name}, {planned.Study.Arms.Count} arms", 90, p => home.RunAsync(
                    asked, planned, where.Execution(parsed, asked, policy, sideBySide, Output.Chunks(p), cancellation), cancellation: cancellation))
                    .ConfigureAwait(false);
            }).ConfigureAwait(false);
            WritePage(outcome, home, PageMade.CommandLine("study", parsed), null);
            StudyText.Print(outcome, parsed.GetValue(json));
            return 0;
        });
        return command;
    }

    private static Command Report()
    {
        var folder = new Argument<string>("FOLDER") { Description = "Of 'vitrine study run --out'." };
        var also = new Option<string[]>("--also")
        {
            Description = "A further measure, which is marked exploratory in results and page, since results are known; may be repeated.",
            AllowMultipleArgumentsPerToken = true,
        };
        var page = new Option<string?>("--page") { Description = "Write the page here; report.html in the folder by default." };
        var json = Output.JsonOption();
        var command = new Command("report", "Show a finished study again, and write its page; nothing is run.") { folder, also, page, json };
        command.SetAction(async (parsed, cancellation) =>
        {
            var home = new StudyHome(parsed.GetValue(folder)!);
            var outcome = await home.ReportAsync(Output.List(parsed.GetValue(also)), cancellation).ConfigureAwait(false);
            WritePage(outcome, home, PageMade.CommandLine("study", parsed), parsed.GetValue(page));
            StudyText.Print(outcome, parsed.GetValue(json));
            return 0;
        });
        return command;
    }

    private static Command Compare()
    {
        var first = new Argument<string>("A") { Description = "Folder of a finished study." };
        var second = new Argument<string>("B") { Description = "Folder of the same study of another checkpoint." };
        var json = Output.JsonOption();
        var command = new Command("compare", "Compare two runs of one study, layout by layout: what another checkpoint does to every arm.")
        {
            first, second, json,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            var contrast = await StudyContrast.OfAsync(new(parsed.GetValue(first)!), new(parsed.GetValue(second)!), cancellation).ConfigureAwait(false);
            StudyText.Print(contrast, parsed.GetValue(json));
            return 0;
        });
        return command;
    }

    private static Argument<string> FileArgument() => new("FILE") { Description = "A study file (YAML); docs/studies.md describes it." };

    private static Option<string> OutOption() => new("--out")
    {
        Description = "Folder of the study: its plan, finished chunks, result.json, episodes.parquet, comparisons.parquet, report.html.",
        Required = true,
    };

    private static WorkersOption Workers() => WorkersOption.Create("Chunks that run at the same time; the result does not depend on it.");

    /// <remarks>With one libtorch thread, so that the edits do not depend on how many cores there are.</remarks>
    private static PlannedStudy Made(StudyFile file, Policy policy, IProgress<double> progress, CancellationToken cancellation)
    {
        using var threads = ComputeThreads.One();
        return new StudyMaker(file, policy).Make(progress, cancellation);
    }

    private static (string Measure, double Deviation) Stated(string text)
    {
        var parts = text.Split('=');
        return parts.Length == 2 && double.TryParse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture, out var deviation) && deviation > 0
            && double.IsFinite(deviation)
            ? (Measure.Named(parts[0]).Name, deviation)
            : throw new VitrineException($"--sd is '{text}'; expected MEASURE=NUMBER such as speed=0.004, with a number above 0.");
    }

    private static void WritePage(StudyOutcome outcome, StudyHome home, string command, string? path)
    {
        var made = new Provenance
        {
            Command = command,
            Seed = outcome.File.Seed.ToString(CultureInfo.InvariantCulture),
            Fingerprint = outcome.Policy.Fingerprint,
            Counts =
            [
                new NamedValue("policy", outcome.Policy.Name), new NamedValue("world", outcome.Result.World),
                new NamedValue("libtorch threads of a worker", $"{outcome.Result.ThreadsPerWorker}"),
            ],
            Versions =
            [
                new NamedValue("vitrine", Assembly.GetExecutingAssembly().GetName().Version?.ToString(3) ?? ""),
                new NamedValue(".NET", RuntimeInformation.FrameworkDescription),
            ],
            Files = ["plan.json", "result.json", "episodes.parquet", "comparisons.parquet", "chunks/"],
        };
        var units = WorldRegistry.Open(outcome.File.World.Name, outcome.File.World.Options)().Units;
        var page = path ?? Path.Combine(home.Path, "report.html");
        AtomicFile.WriteAllText(page, StudyPage.Render(outcome, units, made));
        Console.Error.WriteLine($"page: {page}");
    }
}
