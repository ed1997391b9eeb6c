using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Threading.Channels;

namespace Vitrine.Cluster.Tests;

/// <summary>A silo or a coordinator as a process of its own. It ends when its standard input does, so none outlives the tests.</summary>
internal sealed class Child : IAsyncDisposable
{
    private const string TestSilo = "Vitrine.Cluster.TestSilo.dll";
    private readonly Process process;
    private readonly Channel<string> lines = Channel.CreateUnbounded<string>();
    private readonly ConcurrentQueue<string> all = new();

    private Child(string program, params string[] arguments)
    {
        process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, program), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        process.OutputDataReceived += (_, e) => Take(e.Data);
        process.ErrorDataReceived += (_, e) => Take(e.Data, isLast: false);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>All that it wrote.</summary>
    public string Output => string.Join('\n', all);

    /// <summary>The command itself.</summary>
    public static Child Command(params string[] arguments) => new("vitrine.dll", arguments);

    /// <summary>A silo with one worker.</summary>
    public static Child Silo(string postgres, string cluster, int sleep, int? port = null)
        => new(TestSilo, "silo", postgres, cluster, Text(port ?? PostgresServer.FreePort()), "1", Text(sleep));

    /// <summary>Runs the sleeping study.</summary>
    public static Child Coordinator(string postgres, string cluster, int sleep, string folder, int layouts, int steps, int? port = null, int workers = 0)
        => new(TestSilo, "drive", postgres, cluster, Text(port ?? PostgresServer.FreePort()), Text(workers), Text(sleep), folder, Text(layouts), Text(steps));

    /// <summary>Waits for a line that begins so.</summary>
    public async Task<string> Says(string beginning)
    {
        await foreach (var line in lines.Reader.ReadAllAsync(TestContext.Current.CancellationToken))
        {
            if (line.StartsWith(beginning, StringComparison.Ordinal))
            {
                return line;
            }
        }

        throw new InvalidOperationException($"the process ended and never said '{beginning}':\n{Output}");
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> EndAsync()
    {
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return process.ExitCode;
    }

    /// <summary>SIGKILL, and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            process.StandardInput.Close();
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            try
            {
                await process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                await KillAsync();
            }
        }

        process.Dispose();
    }

    private void Take(string? line, bool isLast = true)
    {
        if (line is not null)
        {
            all.Enqueue(line);
            lines.Writer.TryWrite(line);
        }
        else if (isLast)
        {
            lines.Writer.TryComplete();
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
