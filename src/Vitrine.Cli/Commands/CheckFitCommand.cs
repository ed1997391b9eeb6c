using System.CommandLine;
using Spectre.Console;
using Vitrine.Policies;
using Vitrine.Serving.Fit;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine check-fit POLICY CLIENT</c>: before the robot moves, what fits, what is missing, what would be guessed.</summary>
internal static class CheckFitCommand
{
    public static Command Create()
    {
        var name = ModelArgument.Policy();
        var client = new Argument<string>("CLIENT")
        {
            Description = $"A client that is known ({string.Join(", ", ClientProfiles.Known.Select(k => k.Name))}), a file with one of its messages, "
                + "or a JSON file that describes it.",
        };
        client.CompletionSources.Add([.. ClientProfiles.Known.Select(k => k.Name)]);
        var names = new ServingOptions();
        var device = DeviceOption.Create();
        var json = Output.JsonOption();
        var command = new Command("check-fit", "Say what fits, what is missing and what would be guessed between a policy and a client.") { name, client };
        names.AddTo(command);
        command.Add(device);
        command.Add(json);
        command.SetAction((parsed, _) =>
        {
            var shape = ClientProfiles.Find(parsed.GetValue(client)!);
            using var policy = Policy.Open(parsed.GetValue(name)!, device.ModelOptionsOf(parsed));
            var check = FitCheck.Of(policy.Needs, shape, names.Names(parsed), policy.ActionNames, names.Horizon(parsed));
            if (parsed.GetValue(json))
            {
                Output.Write(new { policy = policy.Name, client = shape.Name, fits = check.Fits, lines = check.Lines });
            }
            else
            {
                var table = Output.Table("", "what", "why");
                foreach (var line in check.Lines.OrderBy(l => Order(l.Kind)))
                {
                    table.Add(line.Kind.ToString().ToLowerInvariant(), line.What, line.Why);
                }

                AnsiConsole.Write(table);
                Console.WriteLine($"{policy.Name} and {shape.Name} {(check.Fits ? "fit" : "do not fit")}"
                    + (check.Lines.Count(l => l.Kind == FitKind.Guessed) is > 0 and var guesses ? $", with {guesses} guessed" : ""));
            }

            return Task.FromResult(check.Fits ? 0 : 1);
        });
        return command;
    }

    private static int Order(FitKind kind) => kind switch { FitKind.Missing => 0, FitKind.Guessed => 1, FitKind.Unknown => 2, FitKind.Unused => 3, _ => 4 };
}
