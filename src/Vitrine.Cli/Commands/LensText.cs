using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.Attribution.Direct;
using Vitrine.Mechanisms.Lenses;

namespace Vitrine.Cli.Commands;

/// <summary>What <c>vitrine lens</c> prints.</summary>
internal static class LensText
{
    /// <summary>What states or parts say.</summary>
    /// <param name="reading">What was read.</param>
    /// <param name="names">Of the action's dimensions.</param>
    /// <param name="parts">Whether parts were read; they are ordered by what they say.</param>
    /// <param name="top">Parts to print.</param>
    public static void Print(LensReading reading, IReadOnlyList<string> names, bool parts, int top)
    {
        var isOfNumbers = reading.Places[0].Cells[0].Top.Count == 0;
        if (isOfNumbers)
        {
            Numbers(reading, names, parts, top);
        }
        else if (reading.NumberNames.Count > 0 && !parts)
        {
            Tokens(reading);
        }
        else
        {
            foreach (var row in reading.Places.GroupBy(p => p.Row))
            {
                Place(row.Last(), parts, top);
            }
        }

        var held = reading.Places.Count;
        Console.WriteLine($"{reading.Lens}, norm {(reading.Norm switch { LensNorm.Own => "computed anew", LensNorm.Frozen => "held", _ => "left out" })}"
            + $"{(held > 1 ? $"; --json and --page show all {held} places" : "")}");
    }

    /// <summary>A metric behind each block, and its parts.</summary>
    public static void Metric(DirectAttribution found, IReadOnlyList<double> behind, int top)
    {
        var table = Output.Table("block", "stopped behind it", "attention says", "feed-forward says");
        table.Add("embedding", Output.Signed(behind[0]), "", "");
        foreach (var layer in found.Layers)
        {
            table.Add($"{layer.Layer}", Output.Signed(behind[layer.Layer + 1]), Output.Signed(layer.Attention), Output.Signed(layer.FeedForward));
        }

        AnsiConsole.Write(table);
        var parts = Output.Table("head", "says", "neuron", "says");
        foreach (var (head, neuron) in Strongest(found, l => l.Heads, top).Zip(Strongest(found, l => l.Neurons, top)))
        {
            parts.Add(head.Name, Output.Signed(head.Value), neuron.Name, Output.Signed(neuron.Value));
        }

        AnsiConsole.Write(parts);
        Console.WriteLine($"{found.Metric} {Output.Signed(found.Measure)} = constant {Output.Signed(found.Constant)} "
            + $"+ embedding {Output.Signed(found.Embedding)} + layers {Output.Signed(found.Layers.Sum(l => l.Attention + l.FeedForward))} + remainder "
            + found.Remainder.ToString("0.0e+0", CultureInfo.InvariantCulture));
        if (!found.IsLinear)
        {
            Console.WriteLine("the metric is not linear in what it is read from: shares are those of its gradient, the rest stands in the constant");
        }
    }

    /// <summary>What a patched text says.</summary>
    public static void Patched(string plain, IReadOnlyList<PatchscopeReading> readings)
    {
        var table = Output.Table("behind block", "says", "first token", "KL, nats");
        table.Add("unpatched", OneLine(plain), "", "");
        foreach (var reading in readings)
        {
            table.Add($"{reading.Layer}", OneLine(reading.Said), Shown(reading.Top[0].Token, reading.Top[0].Probability), Output.Plain(reading.Divergence));
        }

        AnsiConsole.Write(table);
        Console.WriteLine($"read is '{readings[0].Token}'");
    }

    private static void Place(LensPlace place, bool parts, int top)
    {
        var asked = place.TargetText is { } text ? $"logit of '{OneLine(text)}'" : "logit";
        var table = parts ? Output.Table("part", asked, "says") : Output.Table("behind", "first answers", "entropy", "KL", "above", "logit");
        foreach (var cell in parts ? place.Cells.OrderByDescending(c => Math.Abs(c.TargetLogit ?? 0)).Take(top) : place.Cells)
        {
            if (parts)
            {
                table.Add(cell.State, Output.Signed(cell.TargetLogit ?? double.NaN), string.Join("  ", cell.Top.Select(t => OneLine(t.Token))));
            }
            else
            {
                var first = string.Join("  ", cell.Top.Take(2).Select(t => Shown(t.Token, t.Probability)));
                table.Add(Behind(cell), first, Short(cell.Entropy), Short(cell.Divergence), $"{cell.Rank}", Short(cell.TargetLogit));
            }
        }

        AnsiConsole.Write(table);
        var at = place.Position >= 0 ? $"read at position {place.Position}, '{OneLine(place.Token)}'" : "read at its deciding place";
        var followed = place.TargetText is { } said ? $"; followed is '{OneLine(said)}'" : "";
        Console.WriteLine(parts ? at : $"{at}{followed}: its logit, and how many score above it; entropy and KL in nats");
    }

    /// <summary>Action tokens: what each dimension would be, and how far the distribution is from what is said.</summary>
    private static void Tokens(LensReading reading)
    {
        var places = reading.Places.Where(p => p.Row == reading.Places[0].Row).ToArray();
        var table = Output.Table(["behind", .. places.Select(p => p.Token), "KL"]);
        for (var state = 0; state < places[0].Cells.Count; state++)
        {
            var mean = places.Average(p => p.Cells[state].Divergence ?? double.NaN);
            table.Add([Behind(places[0].Cells[state]), .. places.Select(p => Short(p.Cells[state].Numbers[0])), Short(mean)]);
        }

        AnsiConsole.Write(table);
        Console.WriteLine("expected action, normalised: the mean under the probabilities of the action tokens; KL: mean over dimensions, nats");
    }

    private static void Numbers(LensReading reading, IReadOnlyList<string> names, bool parts, int top)
    {
        var places = reading.Places.Where(p => p.Row == reading.Places[0].Row).ToArray();
        var flows = places.Length > 1;
        var shown = flows ? new[] { places[0], places[^1] } : [places[0]];
        foreach (var place in shown)
        {
            var table = Output.Table([parts ? "part" : "behind", .. names.Take(place.Cells[0].Numbers.Count)]);
            foreach (var cell in parts ? place.Cells.OrderByDescending(c => c.Numbers.Max(Math.Abs)).Take(top) : place.Cells)
            {
                table.Add([parts ? cell.State : Behind(cell), .. cell.Numbers.Select(n => n.ToString("+0.000;-0.000;0.000", CultureInfo.InvariantCulture))]);
            }

            AnsiConsole.Write(table);
            Console.WriteLine(flows ? $"velocity at flow step {place.Step}, normalised: the chunk moves against it" : "numbers of the action, normalised");
        }
    }

    private static IEnumerable<(string Name, double Value)> Strongest(DirectAttribution found, Func<DirectLayer, IReadOnlyList<float>> of, int count)
        => found.Layers.SelectMany(l => of(l).Select((v, i) => ($"{l.Layer}:{i}", (double)v))).OrderByDescending(p => Math.Abs(p.Item2)).Take(count);

    private static string Shown(string token, double? probability)
        => probability is { } p ? $"{OneLine(token)} {p.ToString("0.00", CultureInfo.InvariantCulture)}" : OneLine(token);

    /// <summary>A state as people say it; JSON has its address.</summary>
    private static string Behind(LensCell cell) => cell.State.Split('.') switch
    {
        ["0", "resid_pre"] => "embedding",
        [var layer, "resid_mid"] => $"{layer}, attention",
        [var layer, ..] => layer,
        _ => cell.State,
    };

    private static string Short(double? value) => value is { } number ? number.ToString("0.00", CultureInfo.InvariantCulture) : "-";

    private static string OneLine(string text) => text.ReplaceLineEndings("\\n");
}
