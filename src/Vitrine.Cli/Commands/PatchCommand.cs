using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Patching;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Views;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine patch MODEL</c>: which activations carry a difference between two runs, cell by cell.</summary>
internal static class PatchCommand
{
    private const int Drawn = 4;

    public static Command Create()
    {
        var asked = new PatchArguments();
        var states = new StateOptions(Drawn);
        var units = UnitsOption.Create();
        var device = DeviceOption.Create();
        var allowed = NonFiniteOption.Create();
        var json = Output.JsonOption();
        var command = new Command("patch", "Put activations of one run into another, cell by cell, and see which of them carry the difference.")
        {
            asked.Model, units, device, allowed, json,
        };
        asked.AddTo(command);
        states.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            if (asked.Page(parsed) is { } target)
            {
                AtomicFile.RequireWritable(target);
            }

            using var model = Policy.Catalog.Open(parsed.GetValue(asked.Model)!, allowed.Over(device.ModelOptionsOf(parsed), parsed));
            using var acting = model is Policy policy && parsed.GetValue(units) is { } chosen ? policy.With(units: chosen) : null;
            using var given = Given(acting ?? model, parsed, asked, states);
            var metric = MetricText.Parse(asked.Metric(parsed), given.Clean);
            var (method, options) = (asked.Method(parsed), asked.Options(parsed));
            if (asked.IsPlanned(parsed))
            {
                Print(Planned(given, metric, method, parsed, asked, options, cancellation), parsed.GetValue(json));
                return 0;
            }

            var result = await Output.WithProgressAsync("patching", p => Task.FromResult(Run(given, metric, method, parsed, asked, options, p, cancellation)))
                .ConfigureAwait(false);
            if (asked.Page(parsed) is { } page)
            {
                AtomicFile.WriteAllText(page, SweepPage.Render(result, given.Said, Made(model, parsed, result)));
            }

            if (parsed.GetValue(json))
            {
                Console.WriteLine(result.ToJson());
            }
            else
            {
                Print(result, asked.Top(parsed), given.Said);
            }

            return 0;
        });
        return command;
    }

    /// <summary>Two runs; the second is null where one is noised or ablated.</summary>
    private sealed record Inputs(Subject Clean, Subject? Corrupted, string Said, IReadOnlyList<IDisposable> Owned) : IDisposable
    {
        public void Dispose()
        {
            foreach (var owned in Owned)
            {
                owned.Dispose();
            }
        }
    }

    private static Inputs Given(Model model, ParseResult parsed, PatchArguments asked, StateOptions states)
    {
        var (clean, corrupted, word) = (asked.Clean(parsed), asked.Corrupted(parsed), asked.Word(parsed));
        var isOne = asked.Method(parsed) is "tracing" or "ablate";
        if (model is Policy policy)
        {
            if (clean.Count + corrupted.Count > 0 || (word is null && !isOne))
            {
                throw new VitrineException("patch: a policy takes --word WORD: instructions with the word are clean, those without it corrupted.");
            }

            var source = states.Source(parsed, policy);
            var observations = source.ForTest(states.Count(parsed) ?? (source.IsDrawn ? Drawn : null));
            var worded = word is null ? observations : new OneStep(policy, observations).Worded(word);
            var others = asked.Against(parsed) is { } other ? new OneStep(policy, observations).Worded(other) : observations;
            Instructions.WarnOfUnknown(policy, $"{worded[0].Instruction} {asked.Against(parsed)}");
            return new Inputs(
                Subject.Of(policy, worded), isOne ? null : Subject.Of(policy, others),
                word is null ? $"{observations.Count} observations"
                    : $"{observations.Count} observations, with '{word}' (clean) and {(asked.Against(parsed) is { } a ? $"with '{a}'"
                        : "without it")} (corrupted)", []);
        }

        if (word is not null)
        {
            throw new VitrineException($"patch: --word is for policies; {model.Name} takes --clean and --corrupted.");
        }

        if (clean.Count == 0 || (!isOne && corrupted.Count != clean.Count) || (isOne && corrupted.Count > 0))
        {
            throw new VitrineException(isOne
                ? "patch: --method tracing and ablate take --clean alone, at least once."
                : $"patch: --clean is given {clean.Count} times and --corrupted {corrupted.Count} times; expected pairs.");
        }

        var said = isOne ? string.Join(" | ", clean) : $"clean: {string.Join(" | ", clean)}; corrupted: {string.Join(" | ", corrupted)}";
        switch (model)
        {
            case TextModel text:
                return new Inputs(Subject.Of(text, [.. clean]), isOne ? null : Subject.Of(text, [.. corrupted]), said, []);
            case VisionModel vision:
                var (one, two) = (PictureBatch.Read(vision, clean), isOne ? null : PictureBatch.Read(vision, corrupted));
                return new Inputs(Subject.Of(vision, one), two is null ? null : Subject.Of(vision, two), said, [one, .. two is null
                    ? Array.Empty<IDisposable>() : [two]]);
            default:
                throw new VitrineException($"{model.Name}: is a {model.Family} model, which patch does not know.");
        }
    }

    private static ActivationPatching Patching(Inputs given, Metric metric, string method, ParseResult parsed, PatchArguments asked) => method switch
    {
        "ablate" => ActivationPatching.Ablating(given.Clean, metric),
        "tracing" => ActivationPatching.Tracing(given.Clean, metric, asked.Noise(parsed)),
        _ => ActivationPatching.Between(given.Clean, given.Corrupted!, metric),
    };

    private static PatchPlan Planned(
        Inputs given, Metric metric, string method, ParseResult parsed, PatchArguments asked,
        PatchOptions options, CancellationToken cancellation) => method switch
        {
            "attribution" => AttributionPatching.Plan(
                given.Clean, given.Corrupted!, metric, asked.Sweep(parsed), asked.Attribution(parsed), cancellation),
            "path" => new PathPatching(given.Clean, given.Corrupted!, metric).Plan(asked.Paths(parsed), options, cancellation),
            _ => Patching(given, metric, method, parsed, asked).Plan(asked.Sweep(parsed), options, cancellation),
        };

    private static PatchResult Run(
        Inputs given, Metric metric, string method, ParseResult parsed, PatchArguments asked, PatchOptions options, IProgress<double> progress,
        CancellationToken cancellation) => method switch
        {
            "attribution" => AttributionPatching.Of(
                given.Clean, given.Corrupted!, metric, asked.Sweep(parsed), asked.Attribution(parsed), progress, cancellation),
            "path" => new PathPatching(given.Clean, given.Corrupted!, metric).Run(asked.Paths(parsed), options, progress, cancellation),
            _ => Patching(given, metric, method, parsed, asked).Run(asked.Sweep(parsed), options, progress, cancellation),
        };

    private static void Print(PatchPlan plan, bool json)
    {
        if (json)
        {
            Output.Write(new
            {
                Cells = plan.Cells.Count,
                plan.Pairs,
                plan.Passes,
                plan.Forwards,
                plan.GigaOperations,
                plan.Memory,
                plan.Allowed,
            });
            return;
        }

        var table = Output.Table("planned", "");
        table.Add("cells", $"{plan.Cells.Count} in each of {plan.Pairs} pairs");
        table.Add("passes", plan.Passes.ToString(CultureInfo.InvariantCulture));
        table.Add("cost, in forward passes", plan.Forwards.ToString("0.0", CultureInfo.InvariantCulture));
        table.Add("cost, in 10^9 operations", plan.GigaOperations.ToString("0.0", CultureInfo.InvariantCulture));
        table.Add("memory", string.Create(CultureInfo.InvariantCulture, $"{plan.Memory / 1e6:0.0} MB of {plan.Allowed / 1e6:0} MB allowed"));
        AnsiConsole.Write(table);
    }

    private static void Print(PatchResult result, int count, string said)
    {
        var isShare = result.Source is not null;
        var table = Output.Table("cell", result.Metric.Name, "change", isShare ? "share" : "");
        foreach (var cell in result.Cells.OrderByDescending(c => Math.Abs(result.Change(c))).Take(count))
        {
            table.Add(
                cell.Cell.Name, Output.Plain(cell.Mean), Output.Signed(result.Change(cell)),
                result.Share(cell)?.ToString("0.0 %", CultureInfo.InvariantCulture) ?? "");
        }

        AnsiConsole.Write(table);
        Console.WriteLine(said);
        Console.WriteLine(isShare
            ? $"{result.Method} in '{result.Stack}': {Output.Plain(result.Baseline)} unpatched, {Output.Plain(result.Source!.Average())} in the other run; "
                + $"share is how much of the way a cell goes alone; {Math.Min(count, result.Cells.Count)} of {result.Cells.Count} cells, the largest first"
            : $"{result.Method} in '{result.Stack}': {Output.Plain(result.Baseline)} untouched; "
                + $"{Math.Min(count, result.Cells.Count)} of {result.Cells.Count} cells, the largest first");
    }

    private static Provenance Made(Model model, ParseResult parsed, PatchResult result)
        => PageMade.Of(PageMade.CommandLine("patch", parsed), model, result.Sweep.Seed.ToString(CultureInfo.InvariantCulture)) with
        {
            Counts = [new NamedValue("cells", $"{result.Cells.Count}"), new NamedValue("pairs", $"{result.Patched.Count}")],
        };
}
