using System.CommandLine;
using Spectre.Console;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine act POLICY PICTURE INSTRUCTION</c>: one action, with what the policy was sure of.</summary>
internal static class ActCommand
{
    /// <summary>What the seven numbers of a robot's action are.</summary>
    public static IReadOnlyList<string> Dimensions { get; } = ["dx", "dy", "dz", "droll", "dpitch", "dyaw", "gripper"];

    public static Command Create()
    {
        var name = ModelArgument.Policy();
        var picture = new Argument<string>("PICTURE") { Description = "A PNG or JPEG file." };
        var instruction = new Argument<string>("INSTRUCTION") { Description = "What the robot is asked to do." };
        var key = new Option<string?>("--unnorm-key") { Description = "Data set whose units to answer in." };
        var plan = new Option<string?>("--edit") { Description = "A plan of edits as JSON." };
        var json = Output.JsonOption();
        var command = new Command("act", "Answer one picture and instruction with an action.") { name, picture, instruction, key, plan, json };
        command.SetAction((parsed, cancellation) =>
        {
            using var policy = OpenVlaPolicy.Open(PolicyFolder.Resolve(parsed.GetValue(name)!));
            var observation = new Observation(PictureFile.Read(parsed.GetValue(picture)!), parsed.GetValue(instruction)!);
            using var run = policy.Act([observation], Plan(parsed.GetValue(plan)), parsed.GetValue(key), cancellation);
            var action = run.Actions[0];
            if (parsed.GetValue(json))
            {
                Output.Write(action);
                return Task.FromResult(0);
            }

            var table = Output.Table("dimension", "token", "bin", "normalised", "action", "expected", "entropy (nats)", "probability");
            for (var d = 0; d < action.Values.Count; d++)
            {
                table.Add(
                    action.Values.Count == Dimensions.Count ? Dimensions[d] : $"{d}", $"{action.TokenIds[d]}", $"{action.Bins[d]}", Output.Signed(action.Normalised[d]),
                    Output.Signed(action.Values[d]), Output.Signed(action.Expected[d]), Output.Signed(action.Entropy[d]), Output.Signed(action.Probability[d]));
            }

            AnsiConsole.Write(table);
            if (!action.EveryTokenIsAnAction)
            {
                Console.WriteLine("not every token is an action token: the decoded action is not to be trusted");
            }

            return Task.FromResult(0);
        });
        return command;
    }

    /// <summary>A plan from a file; none when no file is named.</summary>
    public static RunPlan? Plan(string? path) => path is null ? null : RunPlan.Load(path);
}
