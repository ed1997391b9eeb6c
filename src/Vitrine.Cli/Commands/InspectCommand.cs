using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Policies;
using Vitrine.Policies.OpenVla;
using Vitrine.Transformers.Points;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine inspect POLICY</c>: what a policy is made of.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("POLICY") { Description = "A folder in OpenVLA's layout, or embedded:tabletop." };
        var json = Output.JsonOption();
        var command = new Command("inspect", "Show what a policy is made of: stacks, sizes, points, picture recipe, data sets.") { name, json };
        command.SetAction((parsed, _) =>
        {
            using var policy = OpenVlaPolicy.Open(PolicyFolder.Resolve(parsed.GetValue(name)!));
            if (parsed.GetValue(json))
            {
                Output.Write(new
                {
                    policy.Folder,
                    policy.Fingerprint,
                    policy.Parameters,
                    Stacks = policy.Stacks.Select(s => new { s.Name, s.Layers, s.Width, s.Heads, s.KeyValueHeads, s.HeadWidth, s.Neurons, s.Vocabulary, Points = PointVocabulary.All.Where(s.Points.Contains).Select(p => p.Name()) }),
                    policy.ImageTokens,
                    Picture = policy.Recipe.Steps,
                    policy.UnnormKeys,
                    ActionTokens = new { First = policy.Actions.FirstId, policy.Actions.Count },
                    BlockSpec = policy.Language.Spec,
                });
            }
            else
            {
                Print(policy);
            }

            return Task.FromResult(0);
        });
        return command;
    }

    private static void Print(OpenVlaPolicy policy)
    {
        Console.WriteLine($"{policy.Folder}: OpenVLA, {policy.Parameters.ToString("N0", CultureInfo.InvariantCulture)} weights, fingerprint {policy.Fingerprint[..12]}");
        var table = Output.Table("stack", "layers", "width", "heads", "neurons", "vocabulary", "points");
        foreach (var stack in policy.Stacks)
        {
            table.Add(
                stack.Name, Count(stack.Layers), Count(stack.Width), Count(stack.Heads), Count(stack.Neurons), Count(stack.Vocabulary),
                string.Join(' ', PointVocabulary.All.Where(stack.Points.Contains).Select(p => p.Name())));
        }

        AnsiConsole.Write(table);
        Console.WriteLine($"block of the language stack: {policy.Language.Spec}");
        Console.WriteLine($"picture: {string.Join("; ", policy.Recipe.Steps)}; {policy.ImageTokens} image tokens behind the first token of the prompt");
        Console.WriteLine($"action tokens: ids {policy.Actions.FirstId} to {policy.Actions.FirstId + policy.Actions.Count - 1}; data sets: {string.Join(", ", policy.UnnormKeys)}");
    }

    private static string Count(int value) => value == 0 ? "-" : value.ToString(CultureInfo.InvariantCulture);
}
