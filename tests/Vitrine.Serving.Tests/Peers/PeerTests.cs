using System.Diagnostics;
using Vitrine.Serving.Clients;
using Vitrine.Serving.Tests.Protocols;

namespace Vitrine.Serving.Tests.Peers;

/// <summary>Clients of other hands against a served policy: what they print is what the policy says itself.</summary>
/// <remarks>Where a program or a package is missing the test is skipped and says which; CI installs them.</remarks>
public sealed class PeerTests
{
    private static string Folder => Path.Combine(Fixtures.Repository, "tests", "peers");

    [Fact]
    public async Task Msgpack_in_node_reads_openpis_answers_with_text_keys()
    {
        Assert.SkipUnless(Directory.Exists(Path.Combine(Folder, "node_modules", "@msgpack", "msgpack")), "tests/peers has no node_modules: run 'npm ci' there");
        await using var served = new Served("embedded:tabletop-flow");
        var server = await served.StartAsync("openpi");
        await ShouldSayAsync(served, "node", ["--experimental-websocket", Path.Combine(Folder, "openpi.mjs"), server.Address.ToString()]);
    }

    [Fact]
    public async Task Pyzmq_speaks_groots_protocol()
    {
        await using var served = new Served("embedded:tabletop-flow");
        await PythonAsync(served, await served.StartAsync("groot"), "groot.py", "zmq", "msgpack", "numpy");
    }

    [Fact]
    public async Task Python_websockets_speaks_openpis_protocol()
    {
        await using var served = new Served("embedded:tabletop-flow");
        await PythonAsync(served, await served.StartAsync("openpi"), "openpi.py", "websockets", "msgpack", "numpy");
    }

    [Fact]
    public async Task Curl_speaks_the_rest_protocol()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/curl"), "there is no curl");
        await using var served = new Served("embedded:tabletop-flow");
        var server = await served.StartAsync("oft");
        var seen = Served.Observations(1)[0];
        using var folder = new TemporaryFolder();
        await File.WriteAllBytesAsync(folder["request.json"], Wire.NumpyJsonRequest.Of(seen));
        var (exit, @out, error) = await RunAsync("/usr/bin/curl", "-sS", "-H", "Content-Type: application/json", "--data-binary", $"@{folder["request.json"]}",
            new Uri(server.Address, "act").ToString());
        exit.ShouldBe(0, error);
        using var alone = served.Policy.Act([seen]);
        ClientMessages.Rows(Serving.Wire.NumpyJson.Read(System.Text.Encoding.UTF8.GetBytes(@out)), "curl").ShouldHaveTheBitsOf(alone.Actions[0]);
    }

    private static Task PythonAsync(Served served, ServerAddress server, string script, params string[] modules)
    {
        const string Python = "/usr/bin/python3";
        Assert.SkipUnless(File.Exists(Python), "there is no /usr/bin/python3");
        foreach (var module in modules)
        {
            using var probe = Process.Start(new ProcessStartInfo(Python, ["-c", $"import {module}"]) { RedirectStandardError = true })!;
            probe.WaitForExit();
            Assert.SkipUnless(probe.ExitCode == 0, $"{Python} has no module {module}: install Debian's package of it");
        }

        return ShouldSayAsync(served, Python, [Path.Combine(Folder, script), server.Address.ToString()]);
    }

    /// <summary>
    /// The program asks with the picture (31 y + 17 x + 101 c + 7 y x + 13) mod 256 and prints every number of the chunk, bit for bit, a line each.
    /// </summary>
    private static async Task ShouldSayAsync(Served served, string program, string[] arguments)
    {
        var (exit, @out, error) = await RunAsync(program, arguments);
        exit.ShouldBe(0, error);
        var seen = new Policies.Observation(WireFixtures.Recipe(64, 64, 1), "push the red block")
        {
            State = new Dictionary<string, Policies.StateVector> { ["state"] = new([.25, .5, .125, 1]) },
        };
        using var alone = served.Policy.Act([seen]);
        var expected = alone.Actions[0].Chunk.SelectMany(r => r)
            .Select(v => BitConverter.DoubleToInt64Bits(v).ToString("x16", System.Globalization.CultureInfo.InvariantCulture));
        @out.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).ShouldBe(expected);
    }

    private static async Task<(int Exit, string Out, string Error)> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var (@out, error) = (process.StandardOutput.ReadToEndAsync(late.Token), process.StandardError.ReadToEndAsync(late.Token));
        try
        {
            await process.WaitForExitAsync(late.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }

        return (process.ExitCode, await @out, await error);
    }
}
