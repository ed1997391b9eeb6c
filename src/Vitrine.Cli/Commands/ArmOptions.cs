using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Worlds.Studies;

namespace Vitrine.Cli.Commands;

/// <summary>Further arms of <c>vitrine rollout</c>: other words, keys and values of another instruction, edits with their controls.</summary>
internal sealed class ArmOptions
{
    private readonly Option<string?> word = new("--word") { Description = "A word behind every instruction, in all arms but those of --say." };
    private readonly Option<string[]> said = new("--say") { Description = "A further arm with this word behind every instruction; may be repeated." };
    private readonly Option<string[]> swaps = new("--swap")
    {
        Description = "A further arm in which the expert reads rows of the prompt with another word: WORD[@LAYERS[@ROWS]], layers such as 1 or 0,2-5 (all by "
            + "default), rows words, state, image, others, all, or of all the keys or the values alone; may be repeated.",
    };
    private readonly Option<string?> folder = new("--arms") { Description = "Further arms: the folder that 'vitrine steer --save-plans' wrote." };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[word, said, swaps, folder])
        {
            command.Add(option);
        }
    }

    /// <summary>All arms, the baseline first.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="name">Of the baseline.</param>
    /// <param name="plan">Of the baseline.</param>
    /// <param name="policy">Who acts; null for the scripted expert, which has no further arms.</param>
    /// <exception cref="VitrineException">A text is no swap, a file no plan, or the policy has no expert that flows.</exception>
    public IReadOnlyList<Arm> Arms(ParseResult parsed, string name, RunPlan? plan, Policy? policy)
    {
        var own = parsed.Word(word);
        Arm[] arms =
        [
            new() { Name = own is null ? name : $"{name}, '{own}'", Kind = ArmKind.Baseline, Plan = plan, Word = own },
            .. (parsed.GetValue(said) ?? []).Select(w => new Arm { Name = $"say '{w}'", Kind = ArmKind.Prompt, Word = w, Plan = plan }),
            .. (parsed.GetValue(swaps) ?? []).Select(text => Swap(text, own, policy)),
            .. parsed.GetValue(folder) is { } plans ? Saved(plans, own) : [],
        ];
        return policy is not null || (arms.Length == 1 && own is null)
            ? arms
            : throw new VitrineException("rollout: the scripted expert hears no words and has no arms.");
    }

    /// <summary>Arms beside the baseline, over all tasks.</summary>
    public static void Print(StudyResult result, bool json)
    {
        if (json)
        {
            Console.WriteLine(result.ToJson());
            return;
        }

        var table = Output.Table("arm", "success", "Wilson 95 %", "displacement per step", "change", "95 %", "height", "change", "95 %");
        foreach (var arm in result.Arms)
        {
            var success = arm.All.Success;
            table.Add([arm.Arm.Name, Number(success.Rate), $"[{Number(success.Low)}, {Number(success.High)}]", .. Of("speed"), .. Of("height")]);

            string[] Of(string measure)
            {
                var mean = Output.Plain(arm.All.Means[measure]);
                return arm.All.Differences.TryGetValue(measure, out var d)
                    ? [mean, Output.Signed(d.Estimate.Mean), Output.Interval(d.Estimate.Low, d.Estimate.High)]
                    : [mean, "-", "-"];
            }
        }

        AnsiConsole.Write(table);
        Console.WriteLine("change: mean paired difference to the first arm on the same layouts and noise, bootstrap over layouts");
    }

    private static Arm Swap(string text, string? own, Policy? policy)
    {
        if (policy?.Unplanned is not FlowPolicy flow)
        {
            throw new VitrineException("--swap: asks for a policy whose expert flows (SmolVLA, pi0, pi0.5).");
        }

        var parts = text.Split('@');
        var rows = SwappedRows.Words;
        if (parts.Length > 3 || parts[0].Length == 0 || (parts.Length == 3 && !Enum.TryParse(parts[2], ignoreCase: true, out rows)))
        {
            throw new VitrineException($"--swap is '{text}'; expected WORD[@LAYERS[@ROWS]] with rows words, state, image, others, all, keys or values.");
        }

        var isAll = parts.Length < 2 || parts[1] is "" or "*";
        int[] layers = isAll ? [.. Enumerable.Range(0, flow.Expert.Shape.Layers)] : [.. parts[1].Split(',').SelectMany(Range)];
        return new Arm
        {
            Name = $"swap {text}",
            Kind = ArmKind.Interchange,
            Word = own,
            Swap = new PrefixSwap(parts[0], layers, rows),
        };

        IEnumerable<int> Range(string range)
        {
            var ends = range.Split('-');
            return ends.Length <= 2 && int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
                && int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var last) && first <= last
                ? Enumerable.Range(first, last - first + 1)
                : throw new VitrineException($"--swap is '{text}'; '{range}' names no layers. Expected e.g. 1 or 0,2-5.");
        }
    }

    /// <remarks>The names are those that <c>steer</c> gives its arms; the clamp or addition is the edit, and the study asks for its controls.</remarks>
    private static IEnumerable<Arm> Saved(string folder, string? word)
    {
        if (!Directory.Exists(folder))
        {
            throw new VitrineException($"{folder}: there is no such folder; 'vitrine steer --save-plans' writes one.");
        }

        return Directory.GetFiles(folder, "*.json").Order(StringComparer.Ordinal).Select(file =>
        {
            var name = Path.GetFileNameWithoutExtension(file).Replace('-', ' ');
            var kind = name switch
            {
                "zero dose" => ArmKind.ZeroDose,
                "clamp" or "addition" => ArmKind.Edit,
                _ when name.StartsWith("matched random", StringComparison.Ordinal) => ArmKind.MatchedRandom,
                _ => throw new VitrineException($"{file}: is none of the arms that 'vitrine steer' saves: clamp or addition, zero-dose, matched-random-N."),
            };
            return new Arm
            {
                Name = name,
                Kind = kind,
                Concept = Path.GetFileName(Path.GetFullPath(folder)),
                Group = kind == ArmKind.MatchedRandom ? "matched random" : null,
                Word = word,
                Plan = RunPlan.Load(file),
            };
        });
    }

    private static string Number(double? value) => value?.ToString("0.000", CultureInfo.InvariantCulture) ?? "-";
}
