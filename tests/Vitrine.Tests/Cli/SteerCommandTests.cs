using System.Text.Json;
using System.Text.Json.Nodes;
using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Doses;

namespace Vitrine.Tests.Cli;

/// <summary><c>vitrine steer</c> and <c>calibrate</c>: where states, neurons, units and metrics may come from.</summary>
public sealed class SteerCommandTests : IDisposable
{
    private const string Tabletop = "embedded:tabletop";
    private static readonly string[] Small = ["--draws", "1", "--json"];
    private readonly TemporaryFolder folder = new();

    [Fact]
    public async Task Any_dimension_of_the_action_is_a_metric()
    {
        var rows = await RowsAsync(Tabletop, "fast", "--metric", "gripper", "-n", "3");
        rows.Select(r => r.GetProperty("arm").GetString()).ShouldBe(["clamp", "zero dose", "matched random 1"]);
        rows[1].GetProperty("hard").GetProperty("mean").GetDouble().ShouldBe(0);
        (await folder.RefusedAsync("steer", Tabletop, "fast", "--metric", "wrist")).ShouldContain("'wrist': is no dimension");
    }

    [Fact]
    public async Task States_come_from_pictures_or_from_a_file_alike()
    {
        Pictures(3);
        var states = Enumerable.Range(0, 3).Select(i => new { cameras = new { image = $"pictures/{i}.png" }, instruction = "touch the red cube" });
        File.WriteAllText(folder["states.json"], JsonSerializer.Serialize(states));
        var pictures = await RowsAsync(Tabletop, "fast", "--pictures", folder["pictures"], "--instruction", "touch the red cube");
        var file = await RowsAsync(Tabletop, "fast", "--observations", folder["states.json"]);
        file.Select(r => r.GetRawText()).ShouldBe(pictures.Select(r => r.GetRawText()));
        var fewer = await RowsAsync(Tabletop, "fast", "--observations", folder["states.json"], "-n", "2");
        fewer[0].GetRawText().ShouldNotBe(file[0].GetRawText());
    }

    [Fact]
    public async Task A_calibration_of_this_policy_is_read_and_another_one_refused()
    {
        var path = folder["calibration.json"];
        (await CommandLine.RunAsync("calibrate", Tabletop, "--out", path, "--seed", "1")).Exit.ShouldBe(0);
        var measured = await RowsAsync(Tabletop, "fast", "-n", "3");
        var read = await RowsAsync(Tabletop, "fast", "-n", "3", "--calibration", path);
        read.Select(r => r.GetRawText()).ShouldBe(measured.Select(r => r.GetRawText()));
        var other = Calibration.Open(path) with { Fingerprint = "another model" };
        File.WriteAllText(path, other.ToJson());
        (await folder.RefusedAsync("steer", Tabletop, "fast", "-n", "3", "--calibration", path)).ShouldContain("another mode");
    }

    [Fact]
    public async Task A_file_of_neuron_sets_takes_the_place_of_words()
    {
        File.WriteAllText(folder["sets.yaml"], "stack: language\nsets:\n  mine: [[5, 111], [5, 130]]\n");
        (await RowsAsync(Tabletop, "mine", "--set", folder["sets.yaml"], "-n", "3")).Length.ShouldBe(3);
        (await folder.RefusedAsync("steer", Tabletop, "yours", "--set", folder["sets.yaml"])).ShouldContain("has no set 'yours'; there are mine");
        File.WriteAllText(folder["sets.yaml"], "stack: dino\nsets:\n  mine: [[0, 1]]\n");
        (await folder.RefusedAsync("steer", Tabletop, "mine", "--set", folder["sets.yaml"], "-n", "3")).ShouldContain("of stack 'dino'");
    }

    [Fact]
    public async Task A_policy_of_other_robots_must_be_told_its_units_and_its_states()
    {
        TwoRobots();
        Pictures(2);
        string[] states = ["--pictures", folder["pictures"], "--instruction", "touch the red cube"];
        (await folder.RefusedAsync(["steer", folder["robots"], "fast", .. states])).ShouldContain("known are left, right");
        (await folder.RefusedAsync("steer", folder["robots"], "fast", "--units", "right")).ShouldContain("--pictures DIR --instruction");
        var left = await RowsAsync([folder["robots"], "fast", "--units", "left", .. states]);
        var right = await RowsAsync([folder["robots"], "fast", "--unnorm-key", "right", .. states]);
        right[0].GetProperty("baseline").GetDouble().ShouldBe(2 * left[0].GetProperty("baseline").GetDouble(), 1e-9);
        var (exit, @out, error) = await CommandLine.RunAsync(["calibrate", folder["robots"], "--units", "left", "--out", folder["c.json"], .. states]);
        exit.ShouldBe(0, error);
        @out.ShouldContain("of 2 situations");
        var drawn = await RowsAsync(folder["robots"], "fast", "--units", "left", "--world", "tabletop", "-n", "2");
        drawn.Length.ShouldBe(3, "a world may be named for any policy");
    }

    [Theory]
    [InlineData("expected one of them", "--world", "tabletop", "--pictures", "DIR", "--instruction", "lift")]
    [InlineData("--pictures needs --instruction", "--pictures", "DIR")]
    [InlineData("--instruction goes with --pictures", "--instruction", "lift")]
    [InlineData("no world 'libero'", "--world", "libero")]
    [InlineData("holds no picture", "--pictures", "DIR", "--instruction", "lift")]
    [InlineData("--states is 0", "--states", "0")]
    public async Task Sources_of_states_that_make_no_sense_are_refused(string expected, params string[] options)
        => (await folder.RefusedAsync(["steer", Tabletop, "fast", .. options.Select(o => o == "DIR" ? folder.Path : o)])).ShouldContain(expected);

    public void Dispose() => folder.Dispose();

    private static async Task<JsonElement[]> RowsAsync(params string[] arguments)
    {
        var (exit, @out, error) = await CommandLine.RunAsync(["steer", .. arguments, .. Small]);
        exit.ShouldBe(0, error);
        return [.. JsonDocument.Parse(@out).RootElement.EnumerateArray()];
    }

    private void Pictures(int count)
    {
        Directory.CreateDirectory(folder["pictures"]);
        for (var i = 0; i < count; i++)
        {
            var value = i;
            byte[] colours = [.. Enumerable.Range(0, 64 * 64 * 3).Select(c => (byte)(c * (7 + value)))];
            File.WriteAllBytes(Path.Combine(folder["pictures"], $"{i}.png"), PictureFile.EncodePng(new Picture(64, 64, colours)));
        }
    }

    /// <summary>The embedded policy with the units of two robots, the right one's twice as large.</summary>
    private void TwoRobots()
    {
        const string Statistics = "dataset_statistics.json";
        var from = Vitrine.Policies.Policy.Catalog.Locate(Tabletop).Folder;
        Directory.CreateDirectory(folder["robots"]);
        foreach (var file in Directory.GetFiles(from).Where(f => Path.GetFileName(f) != Statistics))
        {
            File.CreateSymbolicLink(Path.Combine(folder["robots"], Path.GetFileName(file)), file);
        }

        var own = JsonNode.Parse(File.ReadAllText(Path.Combine(from, Statistics)))!["tabletop"]!;
        var twice = own.DeepClone();
        foreach (var key in new[] { "q01", "q99" })
        {
            twice["action"]![key] = new JsonArray([.. twice["action"]![key]!.AsArray().Select(v => (JsonNode)(2 * v!.GetValue<double>()))]);
        }

        File.WriteAllText(Path.Combine(folder["robots"], Statistics), new JsonObject { ["left"] = own.DeepClone(), ["right"] = twice }.ToJsonString());
    }
}
