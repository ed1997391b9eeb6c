using System.Diagnostics;

namespace Vitrine.Tests.Cli;

/// <summary>The command as a process of its own.</summary>
internal static class CommandProcess
{
    /// <param name="environment">What is set besides the tests' own.</param>
    /// <param name="args">What is asked.</param>
    public static async Task<(int Exit, string Out, string Error)> RunAsync(IReadOnlyDictionary<string, string> environment, params string[] args)
    {
        var runsByHost = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet";
        var program = Path.Combine(AppContext.BaseDirectory, runsByHost ? "vitrine.dll" : OperatingSystem.IsWindows() ? "vitrine.exe" : "vitrine");
        var start = new ProcessStartInfo(runsByHost ? Environment.ProcessPath! : program, runsByHost ? [program, .. args] : args)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var child = Process.Start(start)!;
        var (said, error) = (child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken),
            child.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (child.ExitCode, await said, await error);
    }
}
