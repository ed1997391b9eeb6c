using System.CommandLine;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Serving.Hosting;
using Vitrine.Serving.Live;
using Vitrine.Serving.Protocols;
using Vitrine.Serving.Wire;
using Vitrine.Transformers;
using Vitrine.Worlds.Monitors;

namespace Vitrine.Cli.Commands;

/// <summary>
/// <c>vitrine serve POLICY</c>: in the place of a policy server, for unmodified clients; read, steered, recorded and watched while the robot runs.
/// </summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var name = ModelArgument.Policy();
        var protocols = new Option<string[]>("--protocol")
        {
            Description = $"What clients speak: {string.Join(", ", PolicyServer.Protocols)}, or PROTOCOL:PORT; several may be served at once.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => ["openpi"],
        };
        var port = new Option<int?>("--port") { Description = "The port of the only protocol; 0 for a free one. By default the one that its clients dial." };
        var host = new Option<string>("--host")
        {
            Description = "The address to listen at; others than loopback need a token.",
            DefaultValueFactory = _ => "127.0.0.1",
        };
        var token = TokenOption.Create();
        var tls = new Option<string?>("--tls") { Description = "A JSON file with Kestrel's configuration (Kestrel:Certificates): HTTPS and WSS." };
        var plan = EditOption.Create(", held during every act.");
        plan.Aliases.Add("--plan");
        var record = new Option<string?>("--record")
        {
            Description = "Keep every session here, an episode a folder; a step is on disk before its answer is sent.",
        };
        var keep = new Option<string[]>("--keep") { Description = "Addresses of activations to keep in the records.", AllowMultipleArgumentsPerToken = true };
        var monitors = new Option<string[]>("--monitor")
        {
            Description = "A monitor whose alarms reach the answer, the watchers and the record.",
            AllowMultipleArgumentsPerToken = true,
        };
        var watch = new Option<string?>("--watch") { Description = "Neurons to show to those who watch: [STACK.]LAYER:INDEX,..." };
        var live = new Option<int?>("--live")
        {
            Description = "Port of the control interface, on loopback; a free one by default.",
            DefaultValueFactory = _ => 0,
        };
        var batch = new Option<int>("--batch")
        {
            Description = "Requests of several sessions answered in one pass. With 1 the bits are those of 'vitrine act'.",
            DefaultValueFactory = _ => 1,
        };
        var sessions = new Option<int>("--sessions") { Description = "Sessions at a time.", DefaultValueFactory = _ => 64 };
        var queue = new Option<int>("--queue") { Description = "Requests that may wait.", DefaultValueFactory = _ => 64 };
        var timeout = new Option<double>("--timeout") { Description = "Seconds that a request may take, waiting counted in.", DefaultValueFactory = _ => 600 };
        var most = new Option<int>("--message-mb") { Description = "Megabytes of one message.", DefaultValueFactory = _ => 64 };
        var seed = new Option<long>("--seed") { Description = "Seed of the noise where a request brings none.", DefaultValueFactory = _ => 0 };
        var singles = new Option<bool>("--float32") { Description = "Send actions as singles; by default as doubles, the very numbers of 'vitrine act'." };
        var textKeys = new Option<bool>("--text-keys") { Description = "Write the keys of openpi's arrays as text, for clients in JavaScript." };
        var spec = new Option<string?>("--spec") { Description = "A JSON file with vla-eval's observation_params, action_spec and observation_spec." };
        var keys = new Option<string?>("--action-keys")
        {
            Description = "GR00T's names of the numbers of an action, in order, e.g. x,y,z,roll,pitch,yaw,gripper.",
        };
        var answers = new Option<long?>("-n") { Description = "End after so many answers; by default when interrupted." };
        var names = new ServingOptions();
        var units = UnitsOption.Create();
        var device = DeviceOption.Create();
        var allowed = NonFiniteOption.Create();
        var json = Output.JsonOption();
        var command = new Command("serve", "Serve a policy to unmodified clients: read, steered, recorded and watched while it runs.")
        {
            name, protocols, port, host, token, tls, plan, record, keep, monitors, watch, live, batch, sessions, queue, timeout, most, seed, singles,
            textKeys, spec, keys, answers,
        };
        names.AddTo(command);
        foreach (var option in (Option[])[units, device, allowed, json])
        {
            command.Add(option);
        }

        command.SetAction(async (parsed, cancellation) =>
        {
            var asked = parsed.GetValue(protocols)!.Select(ServingOptions.Protocol).ToArray();
            if (parsed.GetValue(port) is { } only)
            {
                asked = parsed.GetValue(protocols) is [var named] && !named.Contains(':', StringComparison.Ordinal)
                    ? [asked[0] with { Port = PortText.Checked(only, "--port") }]
                    : throw new VitrineException($"--port is {only}, the port of the only protocol; named are "
                        + $"{string.Join(", ", parsed.GetValue(protocols)!)}. Name each port there, PROTOCOL:PORT.");
            }

            if (asked.Where(a => a.Port != 0).GroupBy(a => a.Port).FirstOrDefault(g => g.Count() > 1) is { } twice)
            {
                throw new VitrineException($"serve: {string.Join(" and ", twice.Select(t => t.Protocol))} would both listen at {twice.Key}; "
                    + $"name a port, such as {twice.Last().Protocol}:{twice.Key + 1}.");
            }

            if (parsed.GetValue(answers) is < 1 and var few)
            {
                throw new VitrineException($"-n is {few}; expected at least 1.");
            }

            int? control = parsed.GetValue(live) is { } at ? PortText.Checked(at, "--live") : null;
            var options = new ServerOptions
            {
                Host = parsed.GetValue(host)!,
                Token = token.Token(parsed),
                KestrelFile = parsed.GetValue(tls),
                Limits = new WireLimits { MessageBytes = AtLeastOne(parsed.GetValue(most), "--message-mb") << 20 },
                Names = names.Names(parsed),
                Units = parsed.GetValue(units),
                Horizon = names.Horizon(parsed),
                Singles = parsed.GetValue(singles),
                TextKeys = parsed.GetValue(textKeys),
                Spec = parsed.GetValue(spec) is { } file ? Spec(file) : null,
                ActionKeys = parsed.GetValue(keys) is { } list ? Output.List([list]) : null,
                Say = Console.Error.WriteLine,
            };
            var reading = new ServedReading
            {
                Watched = ServingOptions.Neurons(parsed.GetValue(watch)),
                Monitors = [.. (parsed.GetValue(monitors) ?? []).Select(ActivationMonitor.Open)],
                Recorder = parsed.GetValue(record) is { } folder ? new SessionRecorder(folder, parsed.GetValue(keep)) : null,
            };
            var policy = Policy.Open(parsed.GetValue(name)!, allowed.Over(device.ModelOptionsOf(parsed), parsed));
            _ = policy.Fingerprint; // now, and not when the first client is told of it: it reads all weights
            foreach (var monitor in reading.Monitors)
            {
                monitor.Require(policy);
            }

            policy.With(units: parsed.GetValue(units)).Dispose();
            var model = new ServedPolicy(policy, reading);
            model.Require(RunPlan.Empty); // what is watched and kept, too, is looked for now
            if (parsed.GetValue(record) is { } kept)
            {
                AtomicFile.RequireFolder(kept);
            }

            if (reading.Recorder?.EndCutOff() is > 0 and var left)
            {
                Console.Error.WriteLine($"{left} records that were cut off, and that no client can come back to, are ended");
            }

            using var served = new PolicyHost(model, new HostOptions
            {
                Batch = AtLeastOne(parsed.GetValue(batch), "--batch"),
                Sessions = AtLeastOne(parsed.GetValue(sessions), "--sessions"),
                Queue = AtLeastOne(parsed.GetValue(queue), "--queue"),
                Timeout = parsed.GetValue(timeout) is > 0 and <= 86400 and var seconds ? TimeSpan.FromSeconds(seconds)
                    : throw new VitrineException($"--timeout is {parsed.GetValue(timeout)}; expected seconds, up to a day."),
                Plan = plan.Plan(parsed),
                Seed = parsed.GetValue(seed),
            });
            await ServeAsync(served, asked, options, control, parsed.GetValue(answers), parsed.GetValue(json), cancellation)
                .ConfigureAwait(false);
            return 0;
        });
        return command;
    }

    private static async Task ServeAsync(
        PolicyHost host, (string Protocol, int Port)[] asked, ServerOptions options, int? live, long? answers, bool json, CancellationToken cancellation)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var servers = new List<IProtocolServer>();
        if (answers is { } count)
        {
            host.Tell(new Counting(count, ends)); // before anybody can be answered
        }

        try
        {
            foreach (var (protocol, port) in asked)
            {
                servers.Add(await PolicyServer.StartAsync(host, protocol, port, options, ends.Cancel).ConfigureAwait(false));
            }

            if (live is { } at)
            {
                servers.Add(await LiveServer.StartAsync(host, at, options).ConfigureAwait(false));
            }

            Print(host, servers, json);
            await Task.Delay(Timeout.InfiniteTimeSpan, ends.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (ends.IsCancellationRequested)
        {
            // The server ends when it is told to: that is no error.
        }
        finally
        {
            foreach (var server in servers)
            {
                await server.DisposeAsync().ConfigureAwait(false);
            }
        }

        var totals = host.Totals;
        await Console.Error.WriteLineAsync(
            $"{totals.Answers} answers, {totals.Refusals} refused for want of room, {totals.Failures} failed, {totals.Alarms} alarms")
            .ConfigureAwait(false);
    }

    private static void Print(PolicyHost host, List<IProtocolServer> servers, bool json)
    {
        if (json)
        {
            Output.Write(new
            {
                model = host.Model.Name,
                fingerprint = host.Model.Fingerprint,
                servers = servers.Select(s => new { protocol = s.Protocol, address = s.Address.ToString() }),
            });
            return;
        }

        var table = Output.Table("protocol", "address");
        foreach (var server in servers)
        {
            table.Add(server.Protocol, server.Address.ToString());
        }

        AnsiConsole.Write(table);
        var needs = host.Model.Needs;
        Console.WriteLine($"{host.Model.Name}: cameras {(needs.Cameras.Count == 0 ? "of any name" : string.Join(", ", needs.Cameras))}; state "
            + $"{(needs.StateWidth == 0 ? "not read" : $"of {needs.StateWidth} numbers")}; {needs.Horizon} control steps "
            + $"of {host.Model.ActionNames.Count} numbers");
    }

    private static WireMap Spec(string file)
    {
        try
        {
            var map = NumpyJson.Read(File.ReadAllBytes(file)) as WireMap ?? throw new VitrineException($"{file}: is no object.");
            string[] known = ["observation_params", "action_spec", "observation_spec"];
            return map.Keys.FirstOrDefault(k => !known.Contains(k)) is { } other
                ? throw new VitrineException($"{file}: has the key '{other}'; known are {string.Join(", ", known)}.") : map;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{file}: cannot be read ({e.Message}).", e);
        }
        catch (WireException e)
        {
            throw new VitrineException($"{file}: {e.Message}", e);
        }
    }

    private static int AtLeastOne(int value, string option)
        => value is >= 1 and <= 1024 ? value : throw new VitrineException($"{option} is {value}; expected 1 to 1024.");

    /// <summary>Ends the server behind its last answer.</summary>
    private sealed class Counting(long count, CancellationTokenSource ends) : IServedListener
    {
        private long left = count;

        public void Opened(HostSession session)
        {
        }

        public void Answered(ServedStep step)
        {
            if (--left == 0)
            {
                ends.CancelAfter(TimeSpan.FromMilliseconds(200)); // the answer itself is still to be sent
            }
        }

        public void Closed(HostSession session)
        {
        }
    }
}
