using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;
using Vitrine.Serving.Live;

namespace Vitrine.Cli.Commands;

/// <summary>A served policy as a terminal shows it while the robot runs.</summary>
internal static class LiveText
{
    private const int MostNeurons = 6;

    /// <summary>One answer in a line.</summary>
    public static string Line(LiveStep step)
        => string.Create(CultureInfo.InvariantCulture,
            $"{step.Session} {step.Episode}:{step.Step} plan {step.Plan} [{string.Join(' ', step.Action.Select(Number))}] ")
            + $"{string.Join(' ', step.Neurons.Select(n => $"{n.Key}={Number(n.Value)}"))} "
            + string.Create(CultureInfo.InvariantCulture, $"{step.QueueMs:0.0}+{step.ModelMs:0.0} ms")
            + string.Concat(step.Alarms.Select(a => $" ALARM {a}")) + (step.Problem is { } problem ? $" PROBLEM {problem}" : "");

    /// <summary>The last answer of every session.</summary>
    /// <param name="steps">In the order of their sessions' names.</param>
    /// <param name="names">What the numbers of an action are.</param>
    public static IRenderable View(IEnumerable<LiveStep> steps, IReadOnlyList<string> names)
    {
        var table = Output.Table("session", "step", "plan", "action", "neurons", "monitors", "ms");
        foreach (var step in steps)
        {
            table.AddRow(
                new Text($"{step.Session}\n{step.Instruction}"), new Text($"{step.Episode}:{step.Step}"), new Text($"{step.Plan}"),
                Lines(step.Action.Select((v, d) => $"{(d < names.Count ? names[d] : $"{d}"),-8}{Number(v),9}")),
                Lines(step.Neurons.Take(MostNeurons).Select(n => $"{n.Key} {Number(n.Value)}")),
                step.Alarms.Count > 0 ? new Text(string.Join('\n', step.Alarms), new Style(Color.Red))
                    : Lines(step.Monitors.Select(m => $"{m.Key} {Number(m.Value)}")),
                new Text(string.Create(CultureInfo.InvariantCulture,
                    $"{step.ModelMs:0.0}\n+{step.QueueMs:0.0} queue{(step.Rows > 1 ? $"\n{step.Rows} rows" : "")}")));
        }

        return table;
    }

    private static Text Lines(IEnumerable<string> lines) => new(string.Join('\n', lines) is { Length: > 0 } text ? text : "-");

    private static string Number(double value) => value.ToString("+0.0000;-0.0000;0.0000", CultureInfo.InvariantCulture);
}
