using System.Text.Json;
using Vitrine.Tests.Worlds.Records;

namespace Vitrine.Tests.Cli;

public sealed class RecordCommandTests
{
    private const string Spoken = "embedded:tabletop";

    [Fact]
    public async Task A_rollout_is_recorded_and_replayed_and_a_record_that_was_changed_departs_with_exit_code_1()
    {
        using var folder = new TemporaryFolder();
        var records = folder["records"];
        var rolled = await CommandLine.RunAsync(
            "rollout", Spoken, "--tasks", "reach", "-n", "2", "--steps", "4", "--record", records, "--point", "language.5.resid_post", "--json");
        rolled.Exit.ShouldBe(0, rolled.Error);
        Directory.GetDirectories(records).Select(Path.GetFileName).Order().ShouldBe(["reach-0000", "reach-0001"]);
        File.Exists(Path.Combine(records, "reach-0000", "episode.png")).ShouldBeTrue();

        var (exit, table, _) = await CommandLine.RunAsync("replay", records);
        exit.ShouldBe(0);
        table.ShouldContain("2 of 2 records are the same bit by bit");
        var header = Path.Combine(records, "reach-0001", "record.json");
        File.WriteAllText(header, File.ReadAllText(header).Replace("\"Word\": null", "\"Word\": \"quickly\"", StringComparison.Ordinal));
        var (changed, json, _) = await CommandLine.RunAsync("replay", records, "--json");
        changed.ShouldBe(1);
        var rows = JsonDocument.Parse(json).RootElement.EnumerateArray().ToArray();
        rows.Select(r => r.GetProperty("identical").GetBoolean()).ShouldBe([true, false]);
        (rows[1].GetProperty("first_step").GetInt32(), rows[1].GetProperty("what").GetString()).ShouldBe((0, "instruction"));
        (await folder.RefusedAsync("replay", records, "--policy", "embedded:tabletop-flow")).ShouldContain("'embedded:tabletop-flow' has the weights");
        (await folder.RefusedAsync("replay", folder.Path)).ShouldContain("holds no record");
        (await folder.RefusedAsync("replay", records, "--clamp", "5:1=1")).ShouldContain("give --from STEP");
    }

    [Fact]
    public async Task An_edit_is_put_on_from_a_step_and_both_paths_are_shown()
    {
        using var folder = new TemporaryFolder();
        (await CommandLine.RunAsync("rollout", Spoken, "--tasks", "reach", "-n", "1", "--steps", "5", "--record", folder["r"])).Exit.ShouldBe(0);
        Recorded.Pushed(Recorded.Spoken).Save(folder["plan.json"]);
        var (exit, json, error) = await CommandLine.RunAsync(
            "replay", folder["r"], "--from", "2", "--plan", folder["plan.json"], "--page", folder["page.html"], "--json");
        exit.ShouldBe(0, error);
        var result = JsonDocument.Parse(json).RootElement;
        var apart = result.GetProperty("path").EnumerateArray().Select(p => p.GetProperty("apart").GetDouble()).ToArray();
        apart.Take(3).ShouldAllBe(d => d == 0);
        apart[3].ShouldBeGreaterThan(0);
        var (_, table, _) = await CommandLine.RunAsync("replay", folder["r"], "--from", "2", "--plan", folder["plan.json"]);
        table.ShouldContain("with the edit from step 2");
        File.ReadAllText(folder["page.html"]).ShouldContain("edited from step 2");
        (await folder.RefusedAsync("replay", folder["r"], "--from", "5")).ShouldContain("0 to 4");
    }

    [Fact]
    public async Task A_monitor_is_trained_on_rollouts_judged_on_others_and_stops_an_episode()
    {
        using var folder = new TemporaryFolder();
        Recorded.Pushed(Recorded.Spoken, by: 15).Save(folder["plan.json"]);
        string[] few = ["--tasks", "reach", "-n", "4", "--steps", "3", "--edit", folder["plan.json"]];
        var (exit, json, error) = await CommandLine.RunAsync(
            [.. (string[])["monitor", "train", "--records", folder["kept"], "--shuffles", "2", "--out", folder["m.json"], "--json"], .. few]);
        exit.ShouldBe(0, error);
        var report = JsonDocument.Parse(json).RootElement.GetProperty("report");
        report.GetProperty("auroc").GetProperty("mean").GetDouble().ShouldBe(1);
        report.GetProperty("shuffled").GetArrayLength().ShouldBe(2);
        var (_, table, _) = await CommandLine.RunAsync(
            [.. (string[])["monitor", "train", "--records", folder["kept"], "--shuffles", "2", "--kind", "mahalanobis", "--out", folder["n.json"]], .. few]);
        table.ShouldContain("served for no training");
        (await CommandLine.RunAsync("monitor", "judge", folder["m.json"], "--from", folder["kept/seed-2"])).Out.ShouldContain("shown: ");
        (await folder.RefusedAsync("monitor", "judge", folder["m.json"], "--from", folder["kept/seed-1"])).ShouldContain("was trained on");

        string[] watched = ["rollout", Spoken, .. few, "--monitor", folder["m.json"], "--stop-on-alarm"];
        (await CommandLine.RunAsync(watched)).Out.ShouldContain("4 of 4");
        var (_, told, _) = await CommandLine.RunAsync([.. watched, "--json"]);
        var row = JsonDocument.Parse(told).RootElement.GetProperty("monitors")[0];
        (row.GetProperty("alarms").GetInt32(), row.GetProperty("acts").GetInt32()).ShouldBe((4, 4));
        (await folder.RefusedAsync("rollout", "embedded:tabletop-flow", "-n", "1", "--monitor", folder["m.json"])).ShouldContain("was trained on the policy");
        (await folder.RefusedAsync("rollout", Spoken, "-n", "1", "--stop-on-alarm")).ShouldContain("asks for a --monitor");
        (await folder.RefusedAsync("rollout", Spoken, "-n", "1", "--point", "language.5.resid_post")).ShouldContain("give --record");
    }
}
