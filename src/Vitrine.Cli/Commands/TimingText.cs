using System.Globalization;
using Spectre.Console;
using Vitrine.Policies.Actions;

namespace Vitrine.Cli.Commands;

/// <summary>What the phases of an act took, for people.</summary>
internal static class TimingText
{
    /// <summary>A row a phase, and the whole.</summary>
    /// <param name="timing">Of an act.</param>
    /// <param name="products">The same phases' matrix products alone; null where they are not known.</param>
    public static Table Of(ActTiming timing, ActTiming? products)
    {
        var alone = products?.Phases.ToDictionary(p => p.Name, p => p.Seconds) ?? [];
        var table = Output.Table("phase", "ms", "products alone, ms", "times the products");
        foreach (var phase in timing.Phases)
        {
            table.Add(Row(phase.Name, phase.Seconds, alone.TryGetValue(phase.Name, out var own) ? own : null));
        }

        table.Add(Row("all", timing.Phases.Sum(p => p.Seconds), products?.Phases.Sum(p => p.Seconds)));
        return table;
    }

    private static string[] Row(string name, double seconds, double? products) =>
    [
        name, Milliseconds(seconds), products is { } own ? Milliseconds(own) : "-",
        products is > 0 and var alone ? (seconds / alone).ToString("0.00", CultureInfo.InvariantCulture) : "-",
    ];

    private static string Milliseconds(double seconds) => (1000 * seconds).ToString("0.0", CultureInfo.InvariantCulture);
}
