using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

[assembly: AssemblyFixture(typeof(Vitrine.Cluster.Tests.PostgresServer))]

namespace Vitrine.Cluster.Tests;

/// <summary>A real PostgreSQL of this run's own: on loopback, behind a password, in a folder that goes with it, never as root.</summary>
public sealed class PostgresServer : IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("vitrine-postgres").FullName;
    private readonly string password = Guid.NewGuid().ToString("N");
    private Process? server;
    private string? connection, reason;

    /// <summary>Leads to the server; the test is skipped where there is none.</summary>
    public string Connection
    {
        get
        {
            Assert.SkipWhen(connection is null, reason ?? "no PostgreSQL");
            return connection!;
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (Binaries() is not { } binaries)
        {
            reason = "PostgreSQL's initdb and postgres are not on this machine; Debian's package 'postgresql' brings them";
            return;
        }

        var data = Path.Combine(folder, "data");
        Directory.CreateDirectory(data);
        var secret = Path.Combine(folder, "password");
        await File.WriteAllTextAsync(secret, password);
        if (Environment.UserName == "root")
        {
            await RunAsync("chown", "-R", "nobody", folder);
        }

        await RunAsync([.. AsNobody, Path.Combine(binaries, "initdb"), "-D", data, "-U", "vitrine", "-A", "scram-sha-256", $"--pwfile={secret}", "--no-sync",
            "-E", "UTF8", "--locale=C"]);
        var port = FreePort();
        server = Start([.. AsNobody, Path.Combine(binaries, "postgres"), "-D", data, "-p", port.ToString(CultureInfo.InvariantCulture),
            "-c", "listen_addresses=127.0.0.1", "-c", $"unix_socket_directories={data}", "-c", "fsync=off"]);
        var to = $"Host=127.0.0.1;Port={port};Username=vitrine;Password={password};Database=postgres;Timeout=30";
        for (var answered = false; !answered;)
        {
            if (server.HasExited)
            {
                throw new InvalidOperationException($"postgres ended with {server.ExitCode}: {await server.StandardError.ReadToEndAsync()}");
            }

            try
            {
                await using var opened = new NpgsqlConnection(to + ";Pooling=false");
                await opened.OpenAsync();
                answered = true;
            }
            catch (NpgsqlException)
            {
                await Task.Delay(100);
            }
        }

        _ = server.StandardError.ReadToEndAsync();
        connection = to;
    }

    public async ValueTask DisposeAsync()
    {
        if (server is { HasExited: false })
        {
            await RunAsync("kill", "-INT", server.Id.ToString(CultureInfo.InvariantCulture));
            await server.WaitForExitAsync();
        }

        server?.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    public static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private static string[] AsNobody => Environment.UserName == "root" ? ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] : [];

    private static string? Binaries()
        => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Concat(Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql").Select(d => Path.Combine(d, "bin")) : [])
            .FirstOrDefault(d => File.Exists(Path.Combine(d, "initdb")) && File.Exists(Path.Combine(d, "postgres")));

    private static async Task RunAsync(params string[] command)
    {
        using var process = Start(command);
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{string.Join(' ', command)}: {await output}{await error}");
        }
    }

    private static Process Start(string[] command)
        => Process.Start(new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        })!;
}
