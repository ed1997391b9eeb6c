using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Serving.Clients;
using Vitrine.Serving.Protocols;
using Vitrine.Worlds;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine drive URL</c>: the other end of a policy server, ours or another's: lets what it serves act in a world.</summary>
internal static class DriveCommand
{
    public static Command Create()
    {
        var address = new Argument<string>("URL")
        {
            Description = "The server: ws://HOST:PORT (openpi, vla-eval), http://HOST:PORT (openvla, oft), tcp://HOST:PORT (groot).",
        };
        var protocol = new Option<string?>("--protocol")
        {
            Description = $"What the server speaks: {string.Join(", ", PolicyServer.Protocols)}; openpi, openvla or groot by the URL otherwise.",
        };
        var layouts = new Option<int>("--layouts", "-n") { Description = "Layouts of each task.", DefaultValueFactory = _ => 10 };
        var world = WorldOption.Create();
        var tasks = new Option<string[]>("--tasks") { Description = "Tasks of the world; all by default.", AllowMultipleArgumentsPerToken = true };
        var steps = new Option<int>("--steps") { Description = "An episode that has not succeeded by then has failed.", DefaultValueFactory = _ => 80 };
        var actionSteps = new Option<int?>("--action-steps")
        {
            Description = "Rows of each chunk that are carried out before the server is asked again; all by default.",
        };
        var seed = new Option<ulong>("--seed") { Description = "Decides layouts and sensor noise.", DefaultValueFactory = _ => 1 };
        var sessions = new Option<int>("--sessions") { Description = "Episodes at a time, a session each.", DefaultValueFactory = _ => 4 };
        var units = UnitsOption.Create();
        var extras = new Option<bool?>("--extras")
        {
            Description = "Send the seed of every turn, which servers of Vitrine understand; by default where a server says that it is one.",
        };
        var token = TokenOption.Create();
        var json = Output.JsonOption();
        var command = new Command("drive", "Let what a policy server serves act in a world, over any of its protocols.")
        {
            address, protocol, layouts, world, tasks, steps, actionSteps, seed, sessions, units, extras, token, json,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            var (many, most, atATime) = (parsed.AtLeast(layouts, 1), parsed.AtLeast(steps, 1), parsed.AtLeast(sessions, 1));
            var rows = parsed.AtLeast(actionSteps, 1);
            var server = Address(parsed.GetValue(address)!, parsed.GetValue(protocol)) with
            {
                Token = token.Token(parsed),
                Units = parsed.GetValue(units),
                Extras = parsed.GetValue(extras),
            };
            var newWorld = WorldRegistry.OpenText(parsed.GetValue(world)!);
            var chosen = Output.List(parsed.GetValue(tasks));
            LayoutKey[] all =
            [
                .. from task in chosen.Length > 0 ? chosen : newWorld().Tasks
                   from index in Enumerable.Range(0, many)
                   select new LayoutKey(parsed.GetValue(seed), LayoutSplit.Test, task, index),
            ];
            var rollouts = new Rollouts(newWorld, most);
            await using var actor = new RemoteActor(server, rows);
            var acting = new ObservingActor(actor);
            var episodes = await Output.WithProgressAsync($"{server.Protocol} at {server.Address} in {parsed.GetValue(world)}", progress => Task.Run(() =>
            {
                var done = new List<Episode>();
                foreach (var some in all.Chunk(atATime))
                {
                    done.AddRange(rollouts.Run(acting, some, cancellation));
                    progress.Report((double)done.Count / all.Length);
                }

                return done;
            }, cancellation)).ConfigureAwait(false);
            Print(episodes, actor, parsed.GetValue(json));
            return 0;
        });
        return command;
    }

    /// <summary>Where a server is, and what it speaks.</summary>
    /// <exception cref="VitrineException">It is no address of a server.</exception>
    internal static ServerAddress Address(string text, string? protocol)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("ws" or "wss" or "http" or "https" or "tcp"))
        {
            throw new VitrineException($"'{text}' is no address of a policy server; expected one such as ws://127.0.0.1:8000, http://127.0.0.1:8777 or "
                + "tcp://127.0.0.1:5555.");
        }

        var spoken = protocol ?? (uri.Scheme is "ws" or "wss" ? "openpi" : uri.Scheme == "tcp" ? "groot" : "openvla");
        PolicyServer.PortOf(spoken);
        var schemes = spoken switch { "openpi" or "vla-eval" => "ws", "groot" => "tcp", _ => "http" };
        if (uri.Scheme != schemes && uri.Scheme != $"{schemes}s")
        {
            throw new VitrineException($"'{text}': {spoken} is spoken at {schemes}://HOST:PORT.");
        }

        return new ServerAddress(spoken, uri);
    }

    private static void Print(List<Episode> episodes, RemoteActor actor, bool json)
    {
        var rows = episodes.GroupBy(e => e.Layout.Task).Select(g => (Task: g.Key, Done: g.ToArray()))
            .Select(g => (g.Task, g.Done, Success: new Proportion(g.Done.Count(e => e.Succeeded), g.Done.Length))).ToArray();
        if (json)
        {
            Output.Write(new
            {
                tasks = rows.Select(r => new { task = r.Task, episodes = r.Done.Length, success = r.Success }),
                requests = actor.Requests,
                alarms = actor.Alarms,
            });
            return;
        }

        var table = Output.Table("task", "episodes", "success", "Wilson 95 %");
        foreach (var (task, done, success) in rows)
        {
            table.Add(task, $"{done.Length}", Number(success.Rate), $"[{Number(success.Low)}, {Number(success.High)}]");
        }

        AnsiConsole.Write(table);
        Console.WriteLine($"{actor.Requests} requests, {actor.Alarms.Count} alarms");
    }

    private static string Number(double? value) => value is not { } number ? "-" : number.ToString("0.00", CultureInfo.InvariantCulture);
}
