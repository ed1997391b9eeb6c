using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Vitrine.Policies;
using Vitrine.Serving.Clients;
using Vitrine.Serving.Hosting;
using Vitrine.Serving.Live;
using Vitrine.Serving.Protocols;
using Vitrine.Worlds.Records;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Cli;

/// <summary>serve, drive, live and check-fit, as a user types them.</summary>
public sealed class ServingCommandTests : IDisposable
{
    private const string Name = "embedded:tabletop-flow";
    private readonly TemporaryFolder folder = new();

    [Fact]
    public async Task What_fits_is_said_in_table_and_json_and_decides_the_exit_code()
    {
        var (exit, table, _) = await CommandLine.RunAsync(80, ["check-fit", Name, "tabletop"]);
        exit.ShouldBe(0);
        table.ShouldContain("fit");
        table.Split('\n').ShouldAllBe(l => l.TrimEnd().Length <= 80);
        var (bad, json, _) = await CommandLine.RunAsync("check-fit", Name, "openpi-libero", "--json");
        bad.ShouldBe(1);
        using var said = JsonDocument.Parse(json);
        said.RootElement.GetProperty("fits").GetBoolean().ShouldBeFalse();
        said.RootElement.GetProperty("lines").EnumerateArray().ShouldContain(l => l.GetProperty("kind").GetString() == "missing"
            && l.GetProperty("what").GetString()!.StartsWith("state", StringComparison.Ordinal));
        (await CommandLine.RunAsync("check-fit", Name, "openpi-libero", "--camera", "top")).Error.ShouldContain("CAMERA=PICTURE");
    }

    [Fact]
    public async Task A_server_of_the_command_serves_records_and_ends_behind_its_last_answer()
    {
        var port = FreePort();
        var serving = Task.Run(() => CommandLine.RunAsync(
            "serve", Name, "--protocol", $"openpi:{port}", "--record", folder["records"], "-n", "2", "--json", "--horizon", "3"));
        await using var client = await ConnectedAsync(new Uri($"ws://127.0.0.1:{port}"), serving);
        var world = new TabletopWorld();
        world.Reset(new(1, Vitrine.Worlds.LayoutSplit.Test, "reach", 0));
        (await client.AskAsync(world.Observe())).Count.ShouldBe(3);
        (await client.AskAsync(world.Observe())).Count.ShouldBe(3);
        var (exit, @out, error) = await serving;
        exit.ShouldBe(0, error);
        using var said = JsonDocument.Parse(@out);
        said.RootElement.GetProperty("servers").EnumerateArray().Select(s => s.GetProperty("protocol").GetString()).ShouldBe(["openpi", "live"]);
        error.ShouldContain("2 answers");
        EpisodeRecord.Open(EpisodeRecord.Find(folder["records"]).Single()).Steps.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_served_policy_is_driven_and_changed_from_the_command_line()
    {
        using var host = new PolicyHost(new ServedPolicy(Policy.Open(Name)));
        await using var server = await PolicyServer.StartAsync(host, "openpi", 0);
        await using var live = await LiveServer.StartAsync(host);
        string[] drive = ["drive", server.Address.ToString(), "-n", "1", "--tasks", "reach", "--steps", "8", "--json"];
        var (exit, json, error) = await CommandLine.RunAsync(drive);
        exit.ShouldBe(0, error);
        using var driven = JsonDocument.Parse(json);
        driven.RootElement.GetProperty("requests").GetInt32().ShouldBeGreaterThan(0);
        driven.RootElement.GetProperty("tasks")[0].GetProperty("episodes").GetInt32().ShouldBe(1);
        (await CommandLine.RunAsync(drive[..^1])).Out.ShouldContain("1 ");

        var url = live.Address.ToString();
        (await CommandLine.RunAsync("live", url, "set", "--clamp", "3:17=2")).Out.ShouldContain("plan 1");
        using var set = JsonDocument.Parse((await CommandLine.RunAsync("live", url, "dose", "2.5", "--json")).Out);
        set.RootElement.GetProperty("plan").GetInt32().ShouldBe(2);
        using var state = JsonDocument.Parse((await CommandLine.RunAsync("live", url, "--json")).Out);
        (state.RootElement.GetProperty("edits").GetInt32(), state.RootElement.GetProperty("dose").GetDouble()).ShouldBe((1, 2.5));
        (await CommandLine.RunAsync("live", url, "off")).Exit.ShouldBe(0);
        host.Plans.Now().Plan.ShouldBeNull();
        (await CommandLine.RunAsync("live", url, "watch it")).Error.ShouldContain("Nearest: watch");
        (await CommandLine.RunAsync("live", url, "dose", "much")).Error.ShouldContain("no number");
    }

    [Theory]
    [InlineData("'sockets'", "serve", Name, "--protocol", "sockets")]
    [InlineData("would both listen at 8000", "serve", Name, "--protocol", "openpi", "vla-eval")]
    [InlineData("token", "serve", Name, "--host", "0.0.0.0", "--protocol", "openpi:0")]
    [InlineData("--live is 70000; expected 0 to 65535", "serve", Name, "--protocol", "openpi:0", "--live", "70000")]
    [InlineData("--port is 70000; expected 0 to 65535", "serve", Name, "--port", "70000")]
    [InlineData("--port is 9000, the port of the only protocol", "serve", Name, "--protocol", "openpi", "groot", "--port", "9000")]
    [InlineData("--port is 9000, the port of the only protocol", "serve", Name, "--protocol", "openpi:0", "--port", "9000")]
    [InlineData("action keys: 2 are named", "serve", Name, "--protocol", "groot:0", "--action-keys", "x,y")]
    [InlineData("no address", "drive", "robot")]
    [InlineData("cannot be connected", "drive", "ws://127.0.0.1:9")]
    [InlineData("cannot be connected", "drive", "tcp://127.0.0.1:9", "--tasks", "reach")]
    [InlineData("openpi is spoken at ws://HOST:PORT", "drive", "tcp://127.0.0.1:9", "--protocol", "openpi")]
    [InlineData("openvla is spoken at http://HOST:PORT", "drive", "ws://127.0.0.1:9", "--protocol", "openvla")]
    [InlineData("--layouts is -1; expected at least 1", "drive", "ws://127.0.0.1:9", "-n", "-1")]
    [InlineData("--steps is 0; expected at least 1", "drive", "ws://127.0.0.1:9", "--steps", "0")]
    [InlineData("--sessions is -5; expected at least 1", "drive", "ws://127.0.0.1:9", "--sessions", "-5")]
    [InlineData("--action-steps is 0; expected at least 1", "drive", "ws://127.0.0.1:9", "--action-steps", "0")]
    [InlineData("-n is 0; expected at least 1", "serve", Name, "--protocol", "openpi:0", "-n", "0")]
    [InlineData("language.99.mlp.neurons", "serve", "embedded:tabletop", "--protocol", "openpi:0", "--watch", "99:0")]
    [InlineData("unknown unnorm_key 'bridge'", "serve", "embedded:tabletop", "--protocol", "openpi:0", "--units", "bridge")]
    [InlineData("live off: takes nothing behind it; there is 'now'", "live", "http://127.0.0.1:9", "off", "now")]
    [InlineData("expected one of them", "live", "http://127.0.0.1:9", "set", "plan.json", "--clamp", "3:17=2")]
    [InlineData("-n is 0; expected at least 1", "live", "http://127.0.0.1:9", "watch", "-n", "0")]
    [InlineData("language.99", "serve", Name, "--protocol", "openpi:0", "--ablate", "language.99.attn.z:1")]
    public async Task What_cannot_be_is_refused_in_one_line(string expected, params string[] args)
        => (await folder.RefusedAsync(args)).ShouldContain(expected);

    [Theory]
    [InlineData("cannot be written", "serve", Name, "--protocol", "openpi:0", "--record")]
    [InlineData("is no message of a client", "check-fit", Name)]
    [InlineData("expected a folder", "studio", Name, "--no-open", "--work")]
    public async Task A_file_of_another_kind_is_named_at_once(string expected, params string[] args)
    {
        File.WriteAllText(folder["file"], "no message");
        var error = await folder.RefusedAsync([.. args, folder["file"]]);
        error.ShouldContain(expected);
        error.ShouldContain(folder["file"]);
    }

    public void Dispose() => folder.Dispose();

    private static async Task<OpenPiClient> ConnectedAsync(Uri address, Task serving)
    {
        while (true)
        {
            try
            {
                return await OpenPiClient.ConnectAsync(address);
            }
            catch (VitrineException) when (!serving.IsCompleted)
            {
                await Task.Delay(50); // the command opens its model first
            }
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
