namespace Vitrine.Cluster.Tests;

/// <summary>One study file with a real policy, run by the command: by workers, in shares, and on silos that are processes of their own.</summary>
public sealed class CommandTests(PostgresServer postgres) : IDisposable
{
    private static readonly string[] Results = ["result.json", "episodes.parquet", "comparisons.parquet"];
    private readonly string folder = Directory.CreateTempSubdirectory("cluster").FullName;

    [Fact]
    public async Task Workers_shares_and_two_and_four_silos_give_the_same_tables_byte_for_byte()
    {
        var file = Path.Combine(folder, "study.yaml");
        await File.WriteAllTextAsync(file, """
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
                conditions: [{name: clamp, neurons: {list: [[5, 111], [5, 130]]}, dose: +4sd}]
            """);
        await RunAsync(file, "one", "--workers", "1");
        await RunAsync(file, "two", "--workers", "2");
        await RunAsync(file, "four", "--workers", "4");
        foreach (var share in new[] { "1/3", "3/3", "2/3" })
        {
            await RunAsync(file, "shares", "--workers", "1", "--array", share);
        }

        await RunAsync(file, "shares", "--collect");
        string[] where = ["--postgres", postgres.Connection, "--cluster-name", Guid.NewGuid().ToString("N")];
        var silos = new List<Child>();
        try
        {
            foreach (var count in new[] { 2, 4 })
            {
                int[] ports = [.. Enumerable.Range(0, count - silos.Count).Select(_ => PostgresServer.FreePort())];
                Child[] joining = [.. ports.Select(port => Child.Command(["silo", .. where, "--workers", "1", "--port", $"{port}"]))];
                silos.AddRange(joining);
                await Task.WhenAll(joining.Zip(ports, (silo, port) => silo.Says($"silo 127.0.0.1:{port}: joined")));
                await RunAsync(file, $"{count} silos", ["--workers", "0", "--cluster", .. where, "--port", $"{PostgresServer.FreePort()}"]);
            }
        }
        finally
        {
            await Task.WhenAll(silos.Select(silo => silo.KillAsync()));
        }

        foreach (var result in Results)
        {
            var expected = File.ReadAllBytes(Path.Combine(folder, "one", result));
            foreach (var other in new[] { "two", "four", "shares", "2 silos", "4 silos" })
            {
                File.ReadAllBytes(Path.Combine(folder, other, result)).ShouldBe(expected, $"{result}, {other}");
            }
        }
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private async Task RunAsync(string file, string name, params string[] more)
    {
        await using var run = Child.Command(["study", "run", file, "--out", Path.Combine(folder, name), .. more]);
        (await run.EndAsync()).ShouldBe(0, run.Output);
    }
}
