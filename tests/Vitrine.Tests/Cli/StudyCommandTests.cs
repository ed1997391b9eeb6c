using System.Globalization;
using System.Text.Json;

namespace Vitrine.Tests.Cli;

/// <summary>A study from the empty file to the comparison of two runs, in the command.</summary>
public sealed class StudyCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public async Task A_study_is_written_checked_run_reported_and_compared()
    {
        var (file, home) = (folder["study.yaml"], folder["out"]);
        (await RunAsync("study", "new", file)).ShouldContain("study check");
        (await folder.RefusedAsync("study", "new", file)).ShouldContain("is there already");
        (await folder.RefusedAsync("study", "new", folder["other.yaml"], "--word", "")).ShouldContain("--word is empty");
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file, Cancellation))
            .Replace("layouts: 6 ", "layouts: 3 ", StringComparison.Ordinal).Replace("steps: 50", "steps: 4", StringComparison.Ordinal)
            .Replace("states: 48", "states: 6", StringComparison.Ordinal).Replace("tasks: [reach, lift, push]", "tasks: [reach]", StringComparison.Ordinal),
            Cancellation);

        string[] check = ["study", "check", file, "--pilot", "2", "--sd", "speed=0.004"];
        var told = JsonDocument.Parse(await RunAsync([.. check, "--json"])).RootElement;
        told.GetProperty("check").GetProperty("episodes").GetInt32().ShouldBe(25 * 3);
        var shown = await RunAsync(check);
        shown.ShouldContain("25 arms x 3 layouts = 75 episodes, at most 300 control steps");
        shown.ShouldContain("0.0040 (stated)");

        var table = await RunAsync("study", "run", file, "--out", home, "--workers", "2");
        var result = JsonDocument.Parse(await RunAsync("study", "run", file, "--out", home, "--json")).RootElement;
        result.GetProperty("Registered").GetString().ShouldBe(told.GetProperty("check").GetProperty("registered").GetString());
        foreach (var comparison in result.GetProperty("Comparisons").EnumerateArray())
        {
            table.ShouldContain(comparison.GetProperty("Arm").GetString()!);
            var change = comparison.GetProperty("Change").GetProperty("Mean").GetDouble();
            table.ShouldContain(change.ToString("+0.0000;-0.0000;0.0000", CultureInfo.InvariantCulture));
        }

        var page = await File.ReadAllTextAsync(Path.Combine(home, "report.html"), Cancellation);
        page.ShouldContain(result.GetProperty("Registered").GetString()!);
        page.ShouldNotContain("Exploratory: looked at");
        foreach (var width in new[] { 80, 120 })
        {
            var (exit, narrow, error) = await CommandLine.RunAsync(width, ["study", "report", home, "--also", "height"]);
            exit.ShouldBe(0, error);
            narrow.Split('\n').Where(l => l.StartsWith("──", StringComparison.Ordinal)).ShouldAllBe(l => l.TrimEnd().Length <= width);
            narrow.ShouldContain("exploratory");
        }

        (await File.ReadAllTextAsync(Path.Combine(home, "report.html"), Cancellation)).ShouldContain("Exploratory: looked at");
        (await RunAsync("study", "compare", home, home)).ShouldContain("McNemar, exact");
        JsonDocument.Parse(await RunAsync("study", "compare", home, home, "--json")).RootElement.GetProperty("rows").GetArrayLength().ShouldBeGreaterThan(5);

        await File.AppendAllTextAsync(file, "alpha: 0.01\n", Cancellation);
        (await folder.RefusedAsync("study", "run", file, "--out", home)).ShouldContain("the key 'alpha' is there twice");
        await File.WriteAllTextAsync(
            file, (await File.ReadAllTextAsync(file, Cancellation)).Replace("alpha: 0.05 ", "#", StringComparison.Ordinal), Cancellation);
        (await folder.RefusedAsync("study", "run", file, "--out", home)).ShouldContain("give it a folder of its own");
        (await folder.RefusedAsync("study", "report", home, "--also", "hight")).ShouldContain("measure 'hight'");
    }

    [Theory]
    [InlineData("cannot be read", "check", "none.yaml")]
    [InlineData("cannot be read", "run", "none.yaml", "--out", "x")]
    [InlineData("holds no finished study", "report", "nowhere")]
    [InlineData("holds no finished study", "compare", "nowhere", "nowhere")]
    public async Task What_is_not_there_is_named(string why, params string[] asked) => (await folder.RefusedAsync(["study", .. asked])).ShouldContain(why);

    [Theory]
    [InlineData("--sd is 'speed'", "--sd", "speed")]
    [InlineData("measure 'sped'", "--sd", "sped=1")]
    [InlineData("--pilot is 0", "--pilot", "0")]
    public async Task Options_that_say_nothing_are_named(string why, params string[] options)
    {
        (await RunAsync("study", "new", folder["s.yaml"])).ShouldNotBeEmpty();
        (await folder.RefusedAsync(["study", "check", folder["s.yaml"], .. options])).ShouldContain(why);
    }

    [Fact]
    public void The_studies_that_ship_are_read_and_each_is_what_the_demo_runs_at_its_default_size()
    {
        foreach (var name in new[] { "fast", "high", "flow-fast", "flow-high" })
        {
            var shipped = Vitrine.Worlds.Studies.Files.StudyFile.Open(
                Path.Combine(Fixtures.Repository, "src", "Vitrine.Cli", "Demo", "Studies", $"{name}.yaml"));
            Vitrine.Cli.Demo.DemoStudies.Of(name, new Vitrine.Cli.Demo.DemoSize(48, 18, 8, 50, 2, 1)).Hash.ShouldBe(shipped.Hash, name);
        }
    }

    public void Dispose() => folder.Dispose();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static async Task<string> RunAsync(params string[] asked)
    {
        var (exit, said, error) = await CommandLine.RunAsync(asked);
        exit.ShouldBe(0, error);
        return said;
    }
}
