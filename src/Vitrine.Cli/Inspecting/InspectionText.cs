using System.Globalization;
using Spectre.Console;
using Vitrine.Certification.Certified;
using Vitrine.Transformers;

namespace Vitrine.Cli.Inspecting;

/// <summary>Prints an inspection, or the table of families, for people.</summary>
internal static class InspectionText
{
    /// <summary>Special tokens that are printed; some vocabularies have a thousand.</summary>
    private const int ShownTokens = 12;

    public static void Print(Inspection model)
    {
        var fingerprint = model.Fingerprint is { } f ? $", fingerprint {f[..12]}" : "";
        Console.WriteLine($"{model.Name}: {model.Family}, {Whole(model.Weights.Count)} weights{fingerprint}");
        var table = Output.Table("stack", "layers", "width", "heads", "neurons", "vocabulary", "points");
        foreach (var stack in model.Stacks)
        {
            table.Add(stack.Name, Count(stack.Layers), Count(stack.Width), Count(stack.Heads), Count(stack.Neurons), Count(stack.Vocabulary),
                string.Join(' ', stack.Points));
        }

        AnsiConsole.Write(table);
        foreach (var stack in model.Stacks)
        {
            foreach (var group in stack.Blocks)
            {
                Console.WriteLine($"block, {stack.Name}, {(stack.Blocks.Count == 1 ? "all layers" : group.Named)}: {BlockText.Of(group.Value)}");
            }
        }

        if (model.Dead.Count > 0)
        {
            Console.WriteLine($"dead: {string.Join(", ", model.Dead)} reach no action; an edit there changes nothing");
        }

        Weights(model.Weights);
        foreach (var stack in model.Stacks.Where(s => s.Decoding is not null))
        {
            Console.WriteLine(
                $"decoding, {stack.Name}: {stack.Decoding!.OneRow} of {stack.Decoding.Matrices} matrices by the one-row product, the others by libtorch");
        }

        Inputs(model);
        Files(model.Files);
        foreach (var line in model.Absent)
        {
            Console.WriteLine($"no {line}");
        }

        Console.WriteLine(model.Certified);
    }

    public static void Print(CertifiedFile file)
    {
        string[] by = Output.IsNarrow ? [] : ["certified by", "compared"];
        var table = Output.Table(["for", "family", .. by, "largest relative error", "verdict"]);
        foreach (var f in file.Families)
        {
            string[] fixtures = Output.IsNarrow ? [] : [f.FixtureNames, Count(f.Compared)];
            table.Add(
            [
                f.Kind.ToString(), string.Join(", ", [f.Name, .. f.Alike]), .. fixtures, CertifiedFamily.Number(f.LargestRelativeError), f.Verdict,
            ]);
        }

        AnsiConsole.Write(table);
        Console.WriteLine(
            "'vitrine inspect MODEL' shows one model; 'vitrine certify DIR' compares again. The bound is 5e-5 of max(1, the largest number), in float32.");
    }

    private static void Weights(StoredWeights weights)
        => Console.WriteLine(
            $"weights: {Bytes(weights.Bytes)} as "
                + $"{string.Join(", ", weights.Formats.Select(f => weights.Formats.Count == 1 ? f.Format : $"{f.Format} ({Share(f.Count, weights.Count)})"))}; "
            + $"dtype auto computes in {weights.Auto} here; in memory {Bytes(weights.Memory.Mapped)} stay mapped, {Bytes(weights.Memory.Made)} are made "
            + $"({weights.Memory.Why})");

    /// <remarks>Files that are not read for one reason stand together.</remarks>
    private static void Files(IReadOnlyList<FolderFile> files)
    {
        Console.WriteLine($"files read: {string.Join(", ", files.Where(f => f.IsRead).Select(f => f.Name))}");
        foreach (var same in files.Where(f => !f.IsRead).GroupBy(f => f.Why))
        {
            Console.WriteLine($"not read: {string.Join(", ", same.Select(f => f.Name))} ({same.Key})");
        }
    }

    private static void Inputs(Inspection model)
    {
        if (model.Tokenizer is { } t)
        {
            var shown = t.Special.Take(ShownTokens).Select(s => $"{s.Text} {s.Id}");
            var others = t.Special.Count > ShownTokens ? $" and {t.Special.Count - ShownTokens} more" : "";
            Console.WriteLine($"tokenizer: {t.Kind}, {Whole(t.Vocabulary)} ids; "
                + $"special: {(t.Special.Count == 0 ? "none" : string.Join(", ", shown))}{others}{(t.ChatTemplate ? "; chat template" : "")}");
        }

        if (model.Generation is { Count: > 0 } generation)
        {
            Console.WriteLine($"generation: {string.Join("; ", generation)}");
        }

        if (model.Picture is { } steps)
        {
            Console.WriteLine(
                $"picture: {string.Join("; ", steps)}{(model.ImageTokens is { } image ? $"; {image} image tokens for each picture" : "")}");
        }

        if (model.Classes is { } classes)
        {
            Console.WriteLine(
                $"classes: {string.Join(", ", classes.Take(ShownTokens))}{(classes.Count > ShownTokens ? $" and {classes.Count - ShownTokens} more" : "")}");
        }

        if (model is { ActionTokens: { } actions, UnnormKeys: { } keys })
        {
            Console.WriteLine($"action tokens: ids {actions.First} to {actions.Last}; data sets: {string.Join(", ", keys)}");
        }
    }

    private static string Count(int value) => value == 0 ? "-" : value.ToString(CultureInfo.InvariantCulture);

    private static string Whole(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Share(long part, long whole) => ((double)part / whole).ToString("0.## %", CultureInfo.InvariantCulture);

    private static string Bytes(long bytes) => bytes >= 1L << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):0.00} GiB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 20):0.00} MiB");
}
