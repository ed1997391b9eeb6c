using System.CommandLine;
using Spectre.Console;
using Vitrine.Policies;
using Vitrine.Policies.Actions;
using Vitrine.Policies.Flow;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine act POLICY PICTURE INSTRUCTION</c>: one action or chunk, with what the policy was sure of.</summary>
internal static class ActCommand
{
    public static Command Create()
    {
        var name = ModelArgument.Policy();
        var seen = new ObservationOptions();
        var units = UnitsOption.Create();
        var plan = EditOption.Create();
        var reading = TokenizerOption.Create();
        var device = DeviceOption.Create();
        var allowed = NonFiniteOption.Create();
        var json = Output.JsonOption();
        var command = new Command("act", "Answer one observation with an action, or with a chunk of them.") { name };
        seen.AddTo(command);
        foreach (var option in (Option[])[units, plan, reading, device, allowed, json])
        {
            command.Add(option);
        }

        command.SetAction((parsed, cancellation) =>
        {
            using var policy = Policy.Open(parsed.GetValue(name)!, allowed.Over(reading.Over(device.ModelOptionsOf(parsed), parsed), parsed));
            var (observation, noise) = (seen.Observation(parsed), seen.Noise(parsed));
            using var acting = policy.With(plan.Plan(parsed), parsed.GetValue(units));
            using var run = acting.Act([observation], options: new ActOptions { Noise = noise }, cancellation: cancellation);
            Output.Warn(run.UntouchedEdits);
            Output.Warn(policy.DeadEdits(acting.Plan));
            var action = run.Actions[0];
            if (parsed.GetValue(json))
            {
                Output.Write(action);
                return Task.FromResult(0);
            }

            AnsiConsole.Write(action.Tokens is { } tokens ? Said(policy, action, tokens) : Chunk(policy, action));
            foreach (var note in Notes(policy, action, noise))
            {
                Console.WriteLine(note);
            }

            return Task.FromResult(0);
        });
        return command;
    }

    /// <summary>One action, dimension by dimension.</summary>
    private static Table Said(Policy policy, PolicyAction action, TokenReading tokens)
    {
        var table = Output.Table("dimension", "token", "bin", "normalised", "action", "expected", "entropy (nats)", "probability");
        for (var d = 0; d < action.Values.Count; d++)
        {
            table.Add(
                policy.ActionNames[d], $"{tokens.TokenIds[d]}", $"{tokens.Bins[d]}", Output.Signed(action.Normalised[0][d]), Output.Signed(action.Values[d]),
                Output.Signed(tokens.Expected[d]), Output.Plain(tokens.Entropy[d]), Output.Plain(tokens.Probability[d]));
        }

        return table;
    }

    /// <summary>A chunk, control step by control step.</summary>
    private static Table Chunk(Policy policy, PolicyAction action)
    {
        var table = Output.Table(["step", .. policy.ActionNames]);
        foreach (var (step, row) in action.Chunk.Index())
        {
            table.Add([$"{step}", .. row.Select(Output.Signed)]);
        }

        return table;
    }

    private static IEnumerable<string> Notes(Policy policy, PolicyAction action, ActNoise? noise)
    {
        if (action.Tokens is { EveryTokenIsAnAction: false })
        {
            yield return "not every token is an action token: the decoded action is not to be trusted";
        }

        if (action.Problem is { } problem)
        {
            yield return $"the chunk is not to be trusted: {problem}";
        }

        if (action.Chunk.Count > 1)
        {
            yield return $"{action.Chunk.Count} control steps, of which {policy.ActionSteps} are carried out before the policy acts again";
        }

        if (policy is FlowPolicy flow)
        {
            yield return $"{flow.FlowSteps} flow steps from noise ({noise ?? ActNoise.Default})";
        }
    }
}
