using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Probes;
using Vitrine.Policies;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine probe --tcav METRIC</c>: how often a metric would rise along each concept, beside random concepts.</summary>
internal sealed class ProbeSensitivity
{
    /// <summary>Of the stages' 100 for probes.</summary>
    public const double Weight = 60;

    private const int Most = 10_000;

    private readonly Option<string?> metric = new("--tcav")
    {
        Description = "Also ask how often this metric would rise along each class as a concept (TCAV), beside random concepts: logit:WORD, "
            + "logit_difference:A/B, probability:WORD, loss; of policies speed or a dimension (dz).",
    };
    private readonly Option<int> count = new("--tcav-inputs")
    {
        Description = "With --tcav: inputs whose metric is derived, drawn from the examples.",
        DefaultValueFactory = _ => 48,
    };
    private readonly Option<string?> on = new("--tcav-on")
    {
        Description = "With --tcav: inputs whose metric is derived, instead of the examples: a file of texts, a line each, or a folder of pictures.",
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(metric);
        command.Add(count);
        command.Add(on);
    }

    /// <summary>The classes that are asked about as concepts; none without <c>--tcav</c>. Everything that can be refused before work is.</summary>
    /// <exception cref="VitrineException">Numbers are probed, the model has no such metric, or the inputs cannot be read.</exception>
    public IReadOnlyList<string> Concepts(ParseResult parsed, Model model, ProbedExamples examples, bool areNumbers)
    {
        if (parsed.GetValue(metric) is not { } text)
        {
            return ((Option[])[count, on]).FirstOrDefault(o => parsed.GetResult(o) is { Implicit: false }) is { } idle
                ? throw new VitrineException($"{idle.Name}: goes with --tcav METRIC.")
                : [];
        }

        if (areNumbers)
        {
            throw new VitrineException("--tcav: asks about classes as concepts, and numbers are probed; leave --target or --numbers out.");
        }

        if (parsed.GetValue(count) is var asked and (< 1 or > Most))
        {
            throw new VitrineException($"--tcav-inputs is {asked}; expected 1 to {Most}.");
        }

        var (subject, owned) = Asked(parsed, model, examples).On(model, [0]);
        using (owned)
        {
            if (MetricText.Parse(text, subject) is DivergenceMetric)
            {
                throw new VitrineException("--tcav kl: a divergence from the model's own answer is smallest there, and rises in no direction; name another.");
            }
        }

        return model is Policy ? [ProbeCommand.Said] : [.. examples.Labels.Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>Derives the metric and tests the concepts.</summary>
    public async Task<LayerSensitivities> FindAsync(
        ParseResult parsed, Model model, ProbedExamples examples, IReadOnlyList<ProbedLayer> layers, ProbeQuestion question, IReadOnlyList<string> concepts,
        ProbeRecipe recipe, ulong seed, string point, Stages stages, CancellationToken cancellation)
    {
        var inputs = Asked(parsed, model, examples);
        int[] chosen = inputs == examples
            ? [.. new Mechanisms.Statistics.RandomStream($"TCAV inputs/{seed}").Shuffled([.. Enumerable.Range(0, inputs.Shown.Count)])
                .Take(parsed.GetValue(count)).Order()]
            : [.. Enumerable.Range(0, inputs.Shown.Count)];
        var (subject, owned) = inputs.On(model, chosen);
        using (owned)
        {
            var asked = MetricText.Parse(parsed.GetValue(metric)!, subject);
            using var gradients = await stages.StageAsync($"deriving {asked.Name}", Weight / 3, p => Task.FromResult(
                ProbeGradients.Of(subject, asked, inputs.At, point, progress: p, cancellation: cancellation))).ConfigureAwait(false);
            var rows = await stages.StageAsync("testing concepts", Weight * 2 / 3, p => Task.FromResult(LayerSensitivity.Of(
                layers, gradients.Layers, question, concepts, recipe, seed: seed, progress: p, cancellation: cancellation))).ConfigureAwait(false);
            return rows.Any(r => r.Found is not null)
                ? new LayerSensitivities(parsed.GetValue(metric)!, chosen.Length, rows)
                : throw new VitrineException(
                    $"--tcav {parsed.GetValue(metric)}: has no derivative at {ProbedInputs.Spelled(inputs.At)} in any layer; ask at another position.");
        }
    }

    /// <summary>Prints the tests.</summary>
    public static void Print(LayerSensitivities found)
    {
        var table = Output.Table("layer", "concept", $"TCAV for {found.Metric}", "of any draw", "random concepts", "of any draw", "p (Holm)");
        foreach (var row in found.Rows)
        {
            table.Add(row.Found is { } test
                ? [$"{row.Layer}", row.Concept, Share(test.Score), Range(test.Shares), Share(test.RandomShares.Average()), Range(test.RandomShares),
                    row.P!.Value.ToString("0.000", CultureInfo.InvariantCulture)]
                : [$"{row.Layer}", row.Concept, "-", "-", "-", "-", "-"]);
        }

        AnsiConsole.Write(table);
        var examples = found.Rows.Select(r => r.Examples).Distinct().ToArray();
        Console.WriteLine($"TCAV: share of {found.Inputs} inputs whose {found.Metric} would rise along the concept; "
            + $"{string.Join(" or ", examples)} examples against as many others, {found.Rows.First(r => r.Found is not null).Found!.Shares.Count} draws");
        Console.WriteLine("random concepts: the same between random halves of the others; p of a draw's mean, not of other examples of the concept");

        static string Share(double share) => share.ToString("0.00", CultureInfo.InvariantCulture);

        static string Range(IReadOnlyList<double> shares) => $"{Share(shares.Min())} to {Share(shares.Max())}";
    }

    /// <summary>The examples themselves, or what <c>--tcav-on</c> names.</summary>
    private ProbedExamples Asked(ParseResult parsed, Model model, ProbedExamples examples)
    {
        if (parsed.GetValue(on) is not { } path)
        {
            return examples;
        }

        if (model is Policy)
        {
            throw new VitrineException($"--tcav-on: {model.Name} is a policy, whose metric is derived in the situations themselves.");
        }

        try
        {
            string[] shown = model is TextModel
                ? [.. File.ReadAllLines(path).Where(l => !string.IsNullOrWhiteSpace(l))]
                : [.. Directory.GetFiles(path).Where(Observations.IsPicture).Order(StringComparer.Ordinal)];
            return shown.Length is > 0 and <= Most
                ? new ProbedExamples(examples.At, $"{shown.Length} inputs", shown, []) { File = path }
                : throw new VitrineException(
                    $"--tcav-on {path}: holds {shown.Length} {(model is TextModel ? "texts" : "pictures")}; expected 1 to {Most}.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"--tcav-on {path}: cannot be read ({e.Message}).", e);
        }
    }
}
