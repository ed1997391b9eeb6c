using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Serving.Live;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine live URL set|off|dose|watch|state</c>: changes and watches a policy that <c>vitrine serve</c> serves, while the robot runs.</summary>
internal static class LiveCommand
{
    private static readonly string[] Actions = ["state", "set", "off", "dose", "watch"];

    public static Command Create()
    {
        var address = new Argument<string>("URL") { Description = "The live address that 'vitrine serve' printed." };
        var action = new Argument<string>("ACTION")
        {
            Description = "state; set PLAN (a file, or --clamp and its like); off; dose NUMBER (1 as the plan says, 0 none); watch.",
            DefaultValueFactory = _ => "state",
        };
        action.CompletionSources.Add(Actions);
        var value = new Argument<string?>("VALUE") { Description = "The plan's file, or the dose.", Arity = ArgumentArity.ZeroOrOne };
        var session = new Option<string?>("--session") { Description = "For one session alone; for all by default." };
        var dose = new Option<double?>("--dose") { Description = "Strength at which a plan is set." };
        var count = new Option<int?>("-n") { Description = "Answers to watch; until interrupted by default." };
        var plan = EditOption.Create(".");
        var token = TokenOption.Create();
        var json = Output.JsonOption();
        var command = new Command("live", "Change and watch a served policy while the robot runs.")
        {
            address, action, value, session, dose, count, plan, token, json,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            var answers = parsed.AtLeast(count, 1);
            using var client = new LiveClient(parsed.GetValue(address)!, token.Token(parsed));
            var (what, said, whose) = (parsed.GetValue(action)!, parsed.GetValue(value), parsed.GetValue(session));
            if (said is not null && what is not ("set" or "dose") && Actions.Contains(what))
            {
                throw new VitrineException($"live {what}: takes nothing behind it; there is '{said}'.");
            }

            switch (what)
            {
                case "set":
                    var options = plan.Plan(parsed);
                    if (said is not null && options is not null)
                    {
                        throw new VitrineException($"live set: {said} and edits of the command line are given; expected one of them.");
                    }

                    var edits = said is not null ? RunPlan.Load(said) : options
                        ?? throw new VitrineException("live set: no plan is given; expected a file, or --clamp, --ablate, --add.");
                    Told(await client.SetAsync(edits, whose, parsed.GetValue(dose), cancellation).ConfigureAwait(false), parsed.GetValue(json));
                    return 0;
                case "off":
                    Told(await client.OffAsync(whose, cancellation).ConfigureAwait(false), parsed.GetValue(json));
                    return 0;
                case "dose":
                    var strength = double.TryParse(said, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number
                        : throw new VitrineException($"live dose: '{said}' is no number; expected one such as 2.5.");
                    Told(await client.SetDoseAsync(strength, whose, cancellation).ConfigureAwait(false), parsed.GetValue(json));
                    return 0;
                case "watch":
                    await WatchAsync(client, whose, answers, parsed.GetValue(json), cancellation).ConfigureAwait(false);
                    return 0;
                case "state":
                    var state = await client.StateAsync(cancellation).ConfigureAwait(false);
                    Print(state, parsed.GetValue(json));
                    return 0;
                default:
                    throw new VitrineException($"live: there is no '{what}'; known are {string.Join(", ", Actions)}. Nearest: {Nearest.Of(what, Actions)}.");
            }
        });
        return command;
    }

    private static void Told(int change, bool json)
    {
        if (json)
        {
            Output.Write(new { plan = change });
        }
        else
        {
            Console.WriteLine($"plan {change}: holds from the next act on");
        }
    }

    private static void Print(LiveState state, bool json)
    {
        if (json)
        {
            Output.Write(state);
            return;
        }

        var table = Output.Table("session", "protocol", "episode", "step", "answers", "plan of its own");
        foreach (var session in state.Sessions)
        {
            table.Add(session.Name, session.Protocol, $"{session.Episode}", $"{session.Step}", $"{session.Answered}",
                session.HasPlan ? string.Create(CultureInfo.InvariantCulture, $"dose {session.Dose:0.###}") : "-");
        }

        AnsiConsole.Write(table);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{state.Model}: plan {state.Plan}, {state.Edits} edits at dose {state.Dose:0.###}; {state.Answers} answers, ")
            + $"{state.Waiting} wait, {state.Refusals} refused, {state.Alarms} alarms");
    }

    private static async Task WatchAsync(LiveClient client, string? session, int? count, bool json, CancellationToken cancellation)
    {
        var left = count ?? int.MaxValue;
        if (json || Console.IsOutputRedirected)
        {
            await foreach (var step in client.WatchAsync(cancellation).ConfigureAwait(false))
            {
                if (session is null || step.Session == session)
                {
                    Console.WriteLine(json ? Output.ToJson(step).ReplaceLineEndings("") : LiveText.Line(step));
                    if (--left == 0)
                    {
                        return;
                    }
                }
            }

            return;
        }

        var names = (await client.StateAsync(cancellation).ConfigureAwait(false)).ActionNames;
        var last = new SortedDictionary<string, LiveStep>(StringComparer.Ordinal);
        await AnsiConsole.Live(LiveText.View(last.Values, names)).StartAsync(async view =>
        {
            await foreach (var step in client.WatchAsync(cancellation).ConfigureAwait(false))
            {
                if (session is null || step.Session == session)
                {
                    last[step.Session] = step;
                    view.UpdateTarget(LiveText.View(last.Values, names));
                    if (--left == 0)
                    {
                        return;
                    }
                }
            }
        }).ConfigureAwait(false);
    }
}
