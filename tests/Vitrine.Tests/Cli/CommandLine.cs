using Vitrine.Cli;

namespace Vitrine.Tests.Cli;

/// <summary>Runs the command inside the test and keeps what it said.</summary>
internal static class CommandLine
{
    public static Task<(int Exit, string Out, string Error)> RunAsync(params string[] args) => RunAsync(180, args);

    /// <param name="width">Columns of the terminal.</param>
    /// <param name="args">What is asked.</param>
    public static async Task<(int Exit, string Out, string Error)> RunAsync(int width, string[] args)
    {
        using var @out = new StringWriter();
        using var error = new StringWriter();
        SharedConsole.Redirect(@out, error, width);
        return (await Output.RunAsync(VitrineCommand.Create(), args), @out.ToString(), error.ToString());
    }
}

/// <summary>A folder of its own for one test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("vitrine-").FullName;

    /// <summary>A path inside.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>The files of another folder, all but those that the test replaces.</summary>
    public void LinkFrom(string folder, params string[] replaced)
    {
        foreach (var file in Directory.GetFiles(folder).Where(f => !replaced.Contains(System.IO.Path.GetFileName(f))))
        {
            File.CreateSymbolicLink(this[System.IO.Path.GetFileName(file)], file);
        }
    }

    /// <summary>Runs a command that must fail in one line, with exit code 1, and leave nothing here.</summary>
    /// <returns>The line.</returns>
    public async Task<string> RefusedAsync(params string[] args)
    {
        var before = Directory.GetFileSystemEntries(Path).Order(StringComparer.Ordinal).ToArray();
        var (exit, _, error) = await CommandLine.RunAsync(args);
        exit.ShouldBe(1, error);
        var line = error.Trim().Split('\n')[^1];
        line.ShouldNotContain("   at ");
        Directory.GetFileSystemEntries(Path).Order(StringComparer.Ordinal).ToArray().ShouldBe(before, "nothing may be left half-written");
        return line;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
