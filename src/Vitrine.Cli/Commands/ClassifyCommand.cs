using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers;
using Vitrine.Views;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine classify MODEL PICTURE</c>: the classes, and which patches, heads and neurons speak for the first.</summary>
internal static class ClassifyCommand
{
    public static Command Create()
    {
        var common = new PictureOptions();
        var target = new Option<string?>("--class") { Description = "Class to ask about, by name or number; the first by default." };
        var against = new Option<string?>("--against") { Description = "Class to hold it against; the mean of all by default." };
        var top = new Option<int>("--top") { Description = "Classes to print.", DefaultValueFactory = _ => 5 };
        var fill = new Option<AblationFill>("--fill")
        {
            Description = "What stands where a patch, a head or a neuron was taken away: mean or zero.",
            DefaultValueFactory = _ => AblationFill.Mean,
        };
        var reach = new Option<int>("--reach")
        {
            Description = "Neighbours taken away with each patch: 0 none, 1 a square of 3 x 3.",
            DefaultValueFactory = _ => 0,
        };
        var random = new Option<int>("--random") { Description = "Random sets of patches beside each method's.", DefaultValueFactory = _ => 20 };
        var units = new Option<int>("--units", "-n") { Description = "Heads and neurons to ablate, of each.", DefaultValueFactory = _ => 10 };
        var seed = new Option<int>("--seed") { Description = "Of the random sets and units.", DefaultValueFactory = _ => 0 };
        var command = new Command("classify",
            "Name what is in a picture, and which patches, heads and neurons speak for it.") { target, against, top, fill, reach, random, units, seed };
        common.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            var scale = common.Scale(parsed);
            var (model, input, file) = common.Open(parsed);
            using (model)
            using (input)
            {
                var options = new EvidenceOptions
                {
                    Class = Class(model, "--class", parsed.GetValue(target)),
                    Against = Class(model, "--against", parsed.GetValue(against)),
                    Fill = parsed.GetValue(fill),
                    Reach = RequireWithin("--reach", parsed.GetValue(reach), 0, 64),
                    RandomSets = RequireWithin("--random", parsed.GetValue(random), 1, 10_000),
                    Units = RequireWithin("--units", parsed.GetValue(units), 1, 1000),
                    Seed = parsed.GetValue(seed),
                };
                var count = RequireWithin("--top", parsed.GetValue(top), 1, int.MaxValue);
                var evidence = await Output.WithProgressAsync(
                    "asking for evidence", p => Task.FromResult(new EvidenceReader(model, input.Pixels, options).Read(p, cancellation))).ConfigureAwait(false);
                if (common.Folder(parsed) is { } folder)
                {
                    await Output.WithProgressAsync("painting maps", p => Task.FromResult(new PictureFolder(folder, input, scale).Write(
                        evidence, made
                            => Page(evidence, model, input, file,
                                made), common.CommandLine("classify", parsed), model, $"{options.Seed}", Maps(evidence), p))).ConfigureAwait(false);
                }

                if (common.IsJson(parsed))
                {
                    Output.Write(evidence);
                }
                else
                {
                    Print(evidence, count, common.Folder(parsed));
                }
            }

            return 0;
        });
        return command;
    }

    private static int RequireWithin(string option, int value, int least, int most)
        => value >= least && value <= most
            ? value
            : throw new VitrineException($"{option} is {value}; expected {least}{(most == int.MaxValue ? " or more" : $" to {most}")}.");

    private static int? Class(VisionModel model, string option, string? text)
    {
        if (text is null || model.Labels is not { } labels)
        {
            return null;
        }

        var index = labels.Names.ToList().FindIndex(n => string.Equals(n, text, StringComparison.OrdinalIgnoreCase));
        return index >= 0 ? index
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < labels.Names.Count ? number
            : throw new VitrineException(
                $"{option} is '{text}'; {model.Name} has {labels.Names.Count} classes; the nearest is '{Nearest.Of(text, labels.Names)}'.");
    }

    private static List<(string, PatchMap, MapStyle)> Maps(ClassEvidence evidence) =>
    [
        .. evidence.Patches.Select((p, i) => ($"patches-{i}", p.Map, MapStyle.Signed)),
        .. evidence.Heads.Select(h => (FormattableString.Invariant($"head-{h.Layer:00}-{h.Index:00}"), h.Map, MapStyle.Signed)),
        .. evidence.Neurons.Select(n => (FormattableString.Invariant($"neuron-{n.Layer:00}-{n.Index}"), n.Map, MapStyle.Signed)),
    ];

    private static PicturePageData Page(ClassEvidence evidence, VisionModel model, PictureInput input, string file, Provenance made) => new()
    {
        Title = $"{evidence.Classes[0].Name}: {Path.GetFileName(file)} in {Path.GetFileName(model.Name.TrimEnd('/'))}",
        Lead = "What a classifier says to one picture, and which of its parts say so. Every claim stands beside the same measure for random parts.",
        Facts =
        [
            new("first class", evidence.Classes[0].Name),
            evidence.Classes[0].Probability is { } share
                ? new("its probability", PictureOptions.Share(share))
                : new("its value", PictureOptions.Signed(evidence.Classes[0].Logit)),
            new("classes", $"{evidence.Classes.Count}"),
            new("layers", $"{model.Tower.Shape.Layers}"), new("tokens", $"{evidence.Tokens.Count}"),
        ],
        Picture = input.Shown,
        Tokens = evidence.Tokens,
        Width = model.Tower.Shape.Width,
        Steps = input.Steps,
        Evidence = evidence,
        Provenance = made,
    };

    private static void Print(ClassEvidence evidence, int top, string? folder)
    {
        var classes = Output.Table("class", "name", "probability", "logit");
        foreach (var one in evidence.Classes.Take(top))
        {
            classes.Add($"{one.Class}", one.Name, PictureOptions.Share(one.Probability), PictureOptions.Signed(one.Logit));
        }

        AnsiConsole.Write(classes);
        Console.WriteLine($"measured below: {evidence.Measure}; taken away: {(evidence.Fill == AblationFill.Mean ? "replaced by the mean" : "set to zero")}");
        var patches = Output.Table("patches that speak for it, by", "first", "taken away", "random: mean", "random at least as low");
        foreach (var method in evidence.Patches)
        {
            patches.Add(
                method.Method,
                string.Join("  ", method.Map.Descending().Take(3).Select(evidence.Tokens.NameOfPatch)), PictureOptions.Signed(method.Deletion.Effect),
                PictureOptions.Signed(method.Deletion.Random.Average()), $"{method.Deletion.AsLow} of {method.Deletion.Random.Count}");
        }

        AnsiConsole.Write(patches);
        if (evidence.NotDirect is { } why)
        {
            Console.WriteLine($"no direct attribution: {why}");
        }

        PrintUnits("head", evidence.Heads);
        PrintUnits("neuron", evidence.Neurons);
        Console.WriteLine(folder is null ? "--out FOLDER writes the maps" : $"{Path.Combine(folder, "page.html")} shows the maps");
    }

    private static void PrintUnits(string kind, IReadOnlyList<UnitEvidence> units)
    {
        var table = Output.Table(kind, "says directly", "gradient estimate", "ablated", "random one, ablated");
        foreach (var unit in units)
        {
            table.Add(
                $"{unit.Layer}:{unit.Index}",
                PictureOptions.Signed(unit.Direct ?? double.NaN), PictureOptions.Signed(unit.Gradient), PictureOptions.Signed(unit.Ablated),
                unit.Random is { } random ? $"{PictureOptions.Signed(random.Ablated)} ({random.Layer}:{random.Index})" : "-");
        }

        AnsiConsole.Write(table);
    }
}
