using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine calibrate MODEL</c>: how strongly each neuron fires by itself.</summary>
internal static class CalibrateCommand
{
    public static Command Create()
    {
        var name = ModelArgument.Speaking();
        var states = new StateOptions(drawn: 96);
        var prompts = new PromptOptions();
        var units = UnitsOption.Create();
        var device = DeviceOption.Create();
        var allowed = NonFiniteOption.Create();
        var path = new Option<string?>("--out") { Description = "File to write; a summary by layer is printed without it." };
        var stack = new Option<string?>("--stack")
        {
            Description = "Of which decoder of a policy; the one that decides by default. In another one, neurons are watched at the words.",
        };
        var json = Output.JsonOption();
        var command = new Command(
            "calibrate",
            "Measure mean, deviation and quantiles (linear between neighbours, as NumPy's) of every neuron where actions are decided, or over texts.")
        {
            name, units, stack, path, device, allowed, json,
        };
        states.AddTo(command);
        prompts.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            if (parsed.GetValue(path) is { } target)
            {
                AtomicFile.RequireWritable(target);
            }

            using var model = Policy.Catalog.Open(parsed.GetValue(name)!, allowed.Over(device.ModelOptionsOf(parsed), parsed));
            var (calibration, seen) = await Output.WithProgressAsync("watching neurons", p => Task.FromResult(Measure(model, p))).ConfigureAwait(false);
            if (parsed.GetValue(path) is { } file)
            {
                AtomicFile.WriteAllText(file, calibration.ToJson());
            }

            if (parsed.GetValue(json))
            {
                Console.WriteLine(calibration.ToJson());
                return 0;
            }

            if (parsed.GetValue(path) is null)
            {
                Print(calibration);
            }

            var size = $"{calibration.Layers} x {calibration.Neurons} neurons of '{calibration.Stack}'";
            Console.WriteLine($"{parsed.GetValue(path) ?? "not kept (--out FILE keeps it)"}: {size} over {calibration.Samples} positions of {seen}");
            return 0;

            (Calibration Calibration, string Seen) Measure(Model opened, IProgress<double> progress)
            {
                if (opened is TextModel text)
                {
                    var texts = prompts.Texts(parsed, $"{text.Name}: is a text model");
                    return (Calibration.Measure(text, texts, progress, cancellation), $"{texts.Count} texts");
                }

                var policy = opened as Policy ?? throw new VitrineException($"{opened.Name}: is an image encoder; calibrate takes a policy or a text model.");
                using var acting = policy.With(units: parsed.GetValue(units));
                var observations = states.Source(parsed, policy).ForCalibration(states.Count(parsed));
                return (Calibration.Measure(acting, observations, progress, cancellation, parsed.GetValue(stack)), $"{observations.Count} situations");
            }
        });
        return command;
    }

    private static void Print(Calibration calibration)
    {
        var table = Output.Table("layer", "mean |mean|", "mean sd", "largest", "neuron");
        for (var layer = 0; layer < calibration.Layers; layer++)
        {
            var neurons = Enumerable.Range(0, calibration.Neurons).Select(i => new Neuron(layer, i)).ToArray();
            var strongest = neurons.MaxBy(n => calibration.QuantileOf(n, 1));
            table.Add(
                $"{layer}", Number(neurons.Average(n => Math.Abs(calibration.MeanOf(n)))), Number(neurons.Average(n => calibration.SigmaOf(n))),
                Number(calibration.QuantileOf(strongest, 1)), $"{strongest}");
        }

        AnsiConsole.Write(table);
    }

    private static string Number(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
}
