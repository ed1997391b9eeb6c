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
        var kept = new CaptureOptions("");
        var reading = TokenizerOption.Create();
        var device = DeviceOption.Create();
        var allowed = NonFiniteOption.Create();
        var timed = new Option<bool>("--timing") { Description = "Say what each phase took, in a second act, beside the matrix products alone." };
        var json = Output.JsonOption();
        var command = new Command("act", "Answer one observation with an action, or with a chunk of them.") { name };
        seen.AddTo(command);
        foreach (var option in (Option[])[units, plan, timed, reading, device, allowed, json])
        {
            command.Add(option);
        }

        kept.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            using var policy = Policy.Open(parsed.GetValue(name)!, allowed.Over(reading.Over(device.ModelOptionsOf(parsed), parsed), parsed));
            var (observation, noise) = (seen.Observation(parsed), seen.Noise(parsed));
            Instructions.WarnOfUnknown(policy, observation.Instruction);
            var asked = kept.With(parsed, plan.Plan(parsed));
            using var acting = policy.With(asked, parsed.GetValue(units));
            var options = new ActOptions { Noise = noise };
            using var run = acting.Act([observation], options: options, cancellation: cancellation);
            Output.Warn(run.UntouchedEdits);
            Output.Warn(policy.DeadEdits(acting.Plan));
            kept.Save(parsed, policy, run.Run);
            var action = run.Actions[0];
            var before = asked.Edits.Count == 0 ? null : Unedited(policy, parsed.GetValue(units), observation, options, cancellation);
            if (parsed.GetValue(json))
            {
                var answer = Output.ToNode(action);
                if (before is not null)
                {
                    answer["unedited"] = Output.ToNode(before);
                }

                Output.Write(answer);
                return Task.FromResult(0);
            }

            if (before is not null)
            {
                AnsiConsole.Write(ActionText.Compared(policy, before, action));
                Console.WriteLine(ActionText.Changed(policy, before, action));
            }
            else
            {
                AnsiConsole.Write(action.Tokens is { } tokens ? ActionText.Said(policy, action, tokens) : ActionText.Chunk(policy, action));
            }

            if (action.Tokens is not null)
            {
                Console.WriteLine("expected: the mean over the action tokens"
                    + (before is null ? "; nats: entropy of the token; p: probability of the one that was taken" : ""));
            }

            foreach (var note in Notes(policy, action, noise))
            {
                Console.WriteLine(note);
            }

            if (parsed.GetValue(timed))
            {
                var timing = new ActTiming();
                acting.Act([observation], options: options with { Timing = timing }, cancellation: cancellation).Dispose();
                AnsiConsole.Write(TimingText.Of(timing, policy is FlowPolicy flow ? flow.Products([observation]) : null));
            }

            return Task.FromResult(0);
        });
        return command;
    }

    private static PolicyAction Unedited(
        Policy policy, string? units, Observation observation, ActOptions options, CancellationToken cancellation)
    {
        using var plain = policy.With(units: units);
        using var run = plain.Act([observation], options: options, cancellation: cancellation);
        return run.Actions[0];
    }

    /// <summary>What to know of an action beside its numbers.</summary>
    public static IEnumerable<string> Notes(Policy policy, PolicyAction action, ActNoise? noise)
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
