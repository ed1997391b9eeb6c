using System.Text.Json;

namespace Vitrine.Tests.Cli;

/// <summary>One study by workers, by shares over a folder and on a silo: the same results, byte for byte.</summary>
public sealed class StudySpreadTests : IDisposable
{
    private static readonly string[] Results = ["result.json", "episodes.parquet", "comparisons.parquet"];
    private readonly TemporaryFolder folder = new();
    private readonly string file;

    public StudySpreadTests()
    {
        file = folder["study.yaml"];
        File.WriteAllText(file, """
            study: small
            policy: embedded:tabletop
            world: {name: tabletop, adverbs: false}
            tasks: [reach]
            layouts: 2
            steps: 2
            seed: 1
            states: 2
            measures: [speed]
            concepts:
              - concept: fast
                word: quickly
                conditions: [{name: clamp, neurons: {concept: fast}, dose: +4sd}]
            """);
    }

    [Fact]
    public async Task Workers_shares_and_a_silo_give_the_same_bytes()
    {
        var (whole, shared, silo) = (folder["whole"], folder["shared"], folder["silo"]);
        await RunAsync("--out", whole, "--workers", "2");
        foreach (var other in new[] { shared, silo })
        {
            Directory.CreateDirectory(other);
            File.Copy(Path.Combine(whole, "plan.json"), Path.Combine(other, "plan.json"));
        }

        (await folder.RefusedAsync("study", "run", file, "--out", folder["none"], "--collect")).ShouldContain("holds no plan");
        (await RunAsync("--out", shared, "--workers", "1", "--array", "1/3")).ShouldContain("are missing, of other shares");
        await RunAsync("--out", shared, "--workers", "1", "--array", "3/3");
        (await RefusedAsync("--out", shared, "--collect")).ShouldEndWith("they belong to 2/3.");
        var last = JsonDocument.Parse(await RunAsync("--out", shared, "--workers", "1", "--array", "2/3", "--json")).RootElement;
        last.GetProperty("share").GetString().ShouldBe("2/3");
        last.GetProperty("missing").GetArrayLength().ShouldBe(0);
        await RunAsync("--out", shared, "--collect");
        await RunAsync("--out", silo, "--workers", "1", "--cluster", "--port", "0");
        foreach (var result in Results)
        {
            var expected = File.ReadAllBytes(Path.Combine(whole, result));
            File.ReadAllBytes(Path.Combine(shared, result)).ShouldBe(expected, result);
            File.ReadAllBytes(Path.Combine(silo, result)).ShouldBe(expected, result);
        }
    }

    [Theory]
    [InlineData("expected I/N", "--array", "4/3")]
    [InlineData("SLURM_ARRAY_TASK_ID", "--array", "slurm")]
    [InlineData("exclude each other", "--array", "1/3", "--cluster")]
    [InlineData("exclude each other", "--collect", "--cluster")]
    [InlineData("say --cluster too", "--postgres", "Host=127.0.0.1")]
    public async Task What_makes_no_sense_is_refused(string why, params string[] options)
        => (await folder.RefusedAsync(["study", "run", file, "--out", folder["x"], .. options])).ShouldContain(why);

    [Theory]
    [InlineData("names no host", "--postgres", "Username=a")]
    [InlineData("--address is '0.0.0.0'", "--postgres", "Host=127.0.0.1", "--address", "0.0.0.0")]
    [InlineData("--port is 70000", "--postgres", "Host=127.0.0.1", "--port", "70000")]
    [InlineData("--workers is 0", "--postgres", "Host=127.0.0.1", "--workers", "0")]
    public async Task A_silo_that_cannot_be_is_refused(string why, params string[] options)
    {
        var line = await folder.RefusedAsync(["silo", .. options]);
        line.ShouldContain(why);
    }

    public void Dispose() => folder.Dispose();

    private async Task<string> RunAsync(params string[] options)
    {
        var (exit, @out, error) = await CommandLine.RunAsync(["study", "run", file, .. options]);
        exit.ShouldBe(0, error);
        return @out;
    }

    private async Task<string> RefusedAsync(params string[] options)
    {
        var (exit, _, error) = await CommandLine.RunAsync(["study", "run", file, .. options]);
        exit.ShouldBe(1);
        return error.TrimEnd().Split('\n')[^1];
    }
}
