using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers;
using Vitrine.Views;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine image MODEL PICTURE</c>: what an image encoder does with a picture, seen.</summary>
internal static class ImageCommand
{
    private const int Listed = 8;

    /// <summary>What a page carries so that any patch can be asked where it looks: 12 million weights are 5 to 10 MB in the file.</summary>
    private const long TableWeights = 12_000_000;

    public static Command Create()
    {
        var common = new PictureOptions();
        var query = new Option<string?>("--query")
        {
            Description = "Who looks: class, register:K, patch:ROW,COLUMN or mean (of all patches). The class token by default, mean where there is none.",
        };
        var layer = new Option<int?>("--layer") { Description = "Heads and neurons of one layer instead of all." };
        var head = new Option<int?>("--head") { Description = "One head of each layer instead of all." };
        var neuron = new Option<string[]>("--neuron")
        {
            Description = "A neuron as LAYER:INDEX; several may be named. Those that write most by default.",
            AllowMultipleArgumentsPerToken = true,
        };
        var count = new Option<int>("--neurons", "-n") { Description = "How many neurons to choose where none is named.", DefaultValueFactory = _ => 12 };
        var cut = new Option<double?>("--cut-off") { Description = "Norm from which on a patch is high-norm; found in each layer by default." };
        var command = new Command("image",
            "Show what an image encoder does with a picture: attention, rollout, norms and outliers, heads and neurons.") { query, layer, head, neuron, count,
            cut };
        common.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            var scale = common.Scale(parsed);
            if (parsed.GetValue(cut) is { } from && !(from > 0 && double.IsFinite(from)))
            {
                throw new VitrineException($"--cut-off is {from.ToString(CultureInfo.InvariantCulture)}; expected a norm of more than 0.");
            }

            var options = new ReadingOptions
            {
                Query = parsed.GetValue(query),
                Layer = parsed.GetValue(layer),
                Head = parsed.GetValue(head),
                Neurons = [.. (parsed.GetValue(neuron) ?? []).Select(n => NeuronText.Parse(n, "--neuron"))],
                NeuronCount = parsed.GetValue(count) is > 0 and var n
                    ? n
                    : throw new VitrineException($"--neurons is {parsed.GetValue(count)}; expected at least 1."),
                TableWeights = common.Folder(parsed) is null ? 0 : TableWeights,
                Norms = new NormRule(CutOff: parsed.GetValue(cut)),
            };
            var (model, input, file) = common.Open(parsed);
            using (model)
            using (input)
            {
                var reading = await Output.WithProgressAsync(
                    "reading the picture", p => Task.FromResult(PictureReading.Of(model, input.Pixels, options, p, cancellation))).ConfigureAwait(false);
                if (common.Folder(parsed) is { } folder)
                {
                    var maps = Maps(reading);
                    await Output.WithProgressAsync("painting maps", p => Task.FromResult(new PictureFolder(folder, input, scale).Write(
                        reading, made => Page(reading, model, input, file, made) with { NeuronRule = Rule(options) },
                        common.CommandLine("image", parsed), model, "none: nothing is drawn", maps, p))).ConfigureAwait(false);
                }

                if (common.IsJson(parsed))
                {
                    Output.Write(reading);
                }
                else
                {
                    Print(reading, model, input, common.Folder(parsed));
                }
            }

            return 0;
        });
        return command;
    }

    private static string Rule(ReadingOptions options) => options.Neurons.Count > 0
        ? "the neurons that --neuron names"
        : $"the {options.NeuronCount} with the largest share, of {(options.Layer is { } layer ? $"layer {layer}" : "all layers")}, the largest first";

    private static List<(string, PatchMap, MapStyle)> Maps(PictureReading reading) =>
    [
        .. reading.Attention.Select(h => (FormattableString.Invariant($"attention-{h.Layer:00}-{h.Head:00}"), h.Map, MapStyle.Veil)),
        .. reading.Pool.Select(h => (FormattableString.Invariant($"pool-{h.Head:00}"), h.Map, MapStyle.Veil)),
        .. reading.Rollout.Select(r => (FormattableString.Invariant($"rollout-{r.Layer:00}"), r.Map, MapStyle.Veil)),
        .. reading.Heads.Select(h => (FormattableString.Invariant($"head-{h.Layer:00}-{h.Head:00}"), h.Written, MapStyle.Veil)),
        .. reading.Neurons.Select(n => (FormattableString.Invariant($"neuron-{n.Layer:00}-{n.Index}"), n.Map, MapStyle.Signed)),
    ];

    private static PicturePageData Page(PictureReading reading, VisionModel model, PictureInput input, string file, Provenance made) => new()
    {
        Title = $"{Path.GetFileName(file)} in {Path.GetFileName(model.Name.TrimEnd('/'))}",
        Lead = "What an image encoder does with one picture: where its heads look, what could have reached the query through the layers, which tokens are "
            + "out of line, and what single heads and neurons answer to.",
        Facts =
        [
            new("layers", $"{model.Tower.Shape.Layers}"), new("heads in a layer", $"{model.Tower.Shape.Heads}"),
            new("neurons in a layer", model.Tower.Shape.Neurons.ToString("N0", CultureInfo.InvariantCulture)),
            new("tokens", $"{reading.Tokens.Count}"), new("patches out of line", $"{reading.Norms.Outliers.Count}"),
        ],
        Picture = input.Shown,
        Tokens = reading.Tokens,
        Width = model.Tower.Shape.Width,
        Layers = model.Tower.Shape.Layers,
        Steps = input.Steps,
        Reading = reading,
        Provenance = made,
    };

    private static void Print(PictureReading reading, VisionModel model, PictureInput input, string? folder)
    {
        var (tokens, shape) = (reading.Tokens, model.Tower.Shape);
        Console.WriteLine($"{reading.Model}: {shape.Layers} layers of {shape.Heads} heads and {shape.Neurons} neurons; {tokens.Rows} x {tokens.Columns} "
            + $"patches{(tokens.Prefix.Count > 0 ? " behind " + string.Join(", ", tokens.Prefix) : "")}");
        Console.WriteLine($"picture: {string.Join("; ", input.Steps)}");
        Console.WriteLine();
        string[] prefix = Output.IsNarrow && tokens.Prefix.Count > 1 ? [] : [.. tokens.Prefix];
        var layers = Output.Table(["layer", "rollout: first patch", "its share", "median norm", "largest patch", "outliers", "high-norm", .. prefix]);
        foreach (var norms in reading.Norms.Layers)
        {
            var rollout = norms.Layer < 0 ? null : reading.Rollout[norms.Layer];
            layers.Add(
            [
                norms.Layer < 0 ? "in" : $"{norms.Layer}",
                rollout is null ? "" : tokens.NameOfPatch(rollout.Map.Peak),
                rollout is null ? "" : PictureOptions.Share(rollout.Map.Values[rollout.Map.Peak]),
                PictureOptions.Plain(norms.Median), PictureOptions.Plain(norms.Norms.Skip(tokens.Prefix.Count)
                    .Max()), $"{norms.Outliers.Count}", $"{norms.HighNorm.Count}",
                .. norms.Norms.Take(prefix.Length).Select(v => PictureOptions.Plain(v)),
            ]);
        }

        AnsiConsole.Write(layers);
        if (prefix.Length < tokens.Prefix.Count)
        {
            Console.WriteLine($"norms of {string.Join(", ", tokens.Prefix)}: in a terminal of more columns, or --json");
        }

        Console.WriteLine(reading.Norms.Rule);
        foreach (var outlier in reading.Norms.Outliers.Take(Listed))
        {
            var writers = string.Join(", ", outlier.Writers.Select(w => $"neuron {w.Layer}:{w.Index} ({PictureOptions.Share(w.Share)})"));
            Console.WriteLine($"  {outlier.Name}: up to {outlier.Ratio.ToString("0.00", CultureInfo.InvariantCulture)} medians; outlier in "
                + $"{Layers(outlier.Layers)}; high-norm in {Layers(outlier.HighNormLayers)}; "
                + $"written by {(outlier.PeakLayer < 0 ? "the picture itself" : writers)}");
        }

        Console.WriteLine();
        var heads = Output.Table("head", $"looks from {reading.Query} at", "with", "on patches");
        foreach (var head in reading.Attention.Concat(reading.Pool).OrderByDescending(h => h.Map.Values[h.Map.Peak]).Take(Listed))
        {
            heads.Add(head.Layer == shape.Layers ? $"pool:{head.Head}" : $"{head.Layer}:{head.Head}", tokens.NameOfPatch(head.Map.Peak),
                PictureOptions.Share(head.Map.Values[head.Map.Peak]), PictureOptions.Share(head.MassOnPatches));
        }

        AnsiConsole.Write(heads);
        var neurons = Output.Table("neuron", "most active at", "activation", "share of the median norm");
        foreach (var neuron in reading.Neurons)
        {
            var peak = neuron.Map.Values.Index().MaxBy(v => Math.Abs(v.Item)).Index;
            neurons.Add(
                $"{neuron.Layer}:{neuron.Index}", tokens.NameOfPatch(peak), PictureOptions.Signed(neuron.Map.Values[peak]), PictureOptions.Plain(neuron.Share));
        }

        AnsiConsole.Write(neurons);
        Console.WriteLine(folder is null ? "--out FOLDER writes the maps" : $"{Path.Combine(folder, "page.html")} shows the maps");
    }

    private static string Layers(IReadOnlyList<int> layers) => layers.Count == 0 ? "no layer" : string.Join(", ", layers.Select(l => l < 0 ? "in" : $"{l}"));
}
