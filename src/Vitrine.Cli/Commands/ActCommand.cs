using System.CommandLine;
using Spectre.Console;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine act POLICY PICTURE INSTRUCTION</c>: one action, with what the policy was sure of.</summary>
internal static class ActCommand
{
    public static Command Create()
    {
        var name = ModelArgument.Policy();
        var picture = new Argument<string>("PICTURE") { Description = "A PNG or JPEG file." };
        var instruction = new Argument<string>("INSTRUCTION") { Description = "What the robot is asked to do." };
        var units = UnitsOption.Create();
        var plan = EditOption.Create();
        var reading = TokenizerOption.Create();
        var device = DeviceOption.Create();
        var allowed = NonFiniteOption.Create();
        var json = Output.JsonOption();
        var command = new Command("act", "Answer one picture and instruction with an action.")
        {
            name, picture, instruction, units, plan, reading, device, allowed, json,
        };
        command.SetAction((parsed, cancellation) =>
        {
            using var policy = Policy.Open(parsed.GetValue(name)!, allowed.Over(reading.Over(device.ModelOptionsOf(parsed), parsed), parsed));
            var observation = new Observation(PictureFile.Read(parsed.GetValue(picture)!), parsed.GetValue(instruction)!);
            using var acting = policy.With(plan.Plan(parsed), parsed.GetValue(units));
            using var run = acting.Act([observation], cancellation: cancellation);
            Output.Warn(run.UntouchedEdits);
            var action = run.Actions[0];
            if (parsed.GetValue(json))
            {
                Output.Write(action);
                return Task.FromResult(0);
            }

            Print(policy, action);
            return Task.FromResult(0);
        });
        return command;
    }

    private static void Print(Policy policy, PolicyAction action)
    {
        var table = Output.Table(
            action.Tokens is null
                ? ["step", "dimension", "normalised", "action"]
                : ["dimension", "token", "bin", "normalised", "action", "expected", "entropy (nats)", "probability"]);
        for (var step = 0; step < action.Chunk.Count; step++)
        {
            for (var d = 0; d < action.Chunk[step].Count; d++)
            {
                var (name, normalised, value) = (policy.ActionNames[d], Output.Signed(action.Normalised[step][d]), Output.Signed(action.Chunk[step][d]));
                if (action.Tokens is { } tokens)
                {
                    table.Add(
                        name, $"{tokens.TokenIds[d]}", $"{tokens.Bins[d]}", normalised, value, Output.Signed(tokens.Expected[d]),
                        Output.Plain(tokens.Entropy[d]), Output.Plain(tokens.Probability[d]));
                }
                else
                {
                    table.Add($"{step}", name, normalised, value);
                }
            }
        }

        AnsiConsole.Write(table);
        if (action.Tokens is { EveryTokenIsAnAction: false })
        {
            Console.WriteLine("not every token is an action token: the decoded action is not to be trusted");
        }
    }
}
