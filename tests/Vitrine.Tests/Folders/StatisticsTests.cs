using System.Text.Json.Nodes;
using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Policies.Actions;
using Vitrine.Tests.Cli;

namespace Vitrine.Tests.Folders;

/// <summary>dataset_statistics.json is read as numpy reads it, or refused by file and key.</summary>
public sealed class StatisticsTests : IDisposable
{
    private const string FileName = "dataset_statistics.json";
    private readonly TemporaryFolder folder = new();

    /// <summary>numpy.where([True, False], a, b), where q01 = -2, q99 = 4: 0.5 (0.5 + 1) 6 - 2 = 2.5, and 0.5 itself.</summary>
    [Theory]
    [InlineData("[true, false]")]
    [InlineData("[1, 0]")]
    [InlineData("[1.0, 0.0]")]
    [InlineData("[true, 0]")]
    public void A_mask_is_written_as_truth_or_as_one_and_zero(string mask)
    {
        var read = Read("""{"a": {"action": {"q01": [-2, -2], "q99": [4.0, 4], "mask": MASK}}}""".Replace("MASK", mask, StringComparison.Ordinal))["a"];
        read.Unnormalise(0, 0.5).ShouldBe(2.5);
        read.Unnormalise(1, 0.5).ShouldBe(0.5);
    }

    [Fact]
    public void Without_a_mask_every_dimension_is_un_normalised()
        => Read("""{"a": {"action": {"q01": [-2], "q99": [4]}}}""")["a"].Unnormalise(0, 0.5).ShouldBe(2.5);

    [Theory]
    [InlineData("\"mask\": [\"true\"]", "mask is [\"true\"]; expected a list of true and false, or of 1 and 0")]
    [InlineData("\"mask\": [2]", "mask is [2]")]
    [InlineData("\"mask\": [NaN]", "mask is")]
    [InlineData("\"mask\": [null]", "mask is [null]")]
    [InlineData("\"mask\": [[1]]", "mask is [[1]]")]
    [InlineData("\"mask\": null", "mask is nothing")]
    [InlineData("\"mask\": true", "mask is true")]
    [InlineData("\"mask\": [1, 1]", "have 1, 1 and 2 entries")]
    [InlineData("\"q01\": [\"1\"]", "q01 is [\"1\"]; expected a list of numbers")]
    [InlineData("\"q01\": [true]", "q01 is [true]")]
    [InlineData("\"q01\": 1", "q01 is 1")]
    [InlineData("\"q99\": {\"0\": 1}", "q99 is {\"0\": 1}")]
    [InlineData("\"q98\": [1]", "unknown key 'q98'")]
    public void A_value_of_another_kind_is_refused_by_file_and_key(string changed, string named)
    {
        string[] keys = ["\"q01\": [0]", "\"q99\": [1]"];
        var kept = keys.Where(k => k[..5] != changed[..5]).Append(changed);
        var message = Should.Throw<VitrineException>(() => Read($"{{\"a\": {{\"action\": {{{string.Join(", ", kept)}}}}}}}")).Message;
        message.ShouldContain($"{FileName}: a: action");
        message.ShouldContain(named);
    }

    /// <summary>Python writes NaN for the mean of nothing; it matters where it is used, and nowhere else.</summary>
    [Fact]
    public void What_is_no_number_is_refused_where_it_is_used_and_only_there()
    {
        var read = Read("""
            {"a": {"action": {"q01": [NaN, 0, NaN], "q99": [1, Infinity, 1], "mask": [false, true, true], "mean": [NaN], "std": [NaN, -Infinity]},
              "num_transitions": NaN},
             "b": {"action": {"q01": [0], "q99": [1]}, "proprio": {"q01": NaN}}}
            """);
        read["a"].Unnormalise(0, 0.25).ShouldBe(0.25, "it is not un-normalised");
        read["b"].Unnormalise(0, 0).ShouldBe(0.5);
        Should.Throw<VitrineException>(() => read["a"].Unnormalise(1, 0)).Message.ShouldContain($"{FileName}: a: action.q99[1] is");
        Should.Throw<VitrineException>(() => read["a"].Unnormalise(2, 0)).Message.ShouldContain("action.q01[2] is NaN");
    }

    [Theory]
    [InlineData("""{"a": {"action": {"q01": [0], "q99": [1]}, "actions": 3}}""", "a: unknown key 'actions'")]
    [InlineData("""{"a": 3}""", "a: expected an object, found 3")]
    [InlineData("""{"a": {"action": {"q01": [0], "q99": [1]}}, "a": {}}""", "'a' stands there twice")]
    [InlineData("{}", "names no data set")]
    public void A_file_of_another_form_is_refused(string json, string named)
        => Should.Throw<VitrineException>(() => Read(json)).Message.ShouldContain(named);

    /// <summary>The same statistics stand in config.json where there is no file; its numbers are read alike.</summary>
    [Fact]
    public void Statistics_inside_the_configuration_are_read_alike()
    {
        var config = new ConfigReader(
            PythonJson.Parse("""{"norm_stats": {"a": {"action": {"q01": [NaN], "q99": [1], "mask": [0]}}}}"""u8, "config.json"), "config.json");
        ActionStatistics.Open(folder.Path, config)["a"].Unnormalise(0, 0.75).ShouldBe(0.75);
        var broken = new ConfigReader(PythonJson.Parse("""{"norm_stats": [1]}"""u8, "config.json"), "config.json");
        Should.Throw<VitrineException>(() => ActionStatistics.Open(folder.Path, broken)).Message.ShouldContain("config.json: norm_stats");
    }

    [Fact]
    public async Task The_arm_moves_alike_whichever_way_the_mask_is_written()
    {
        var scene = Path.Combine(Fixtures.Repository, "examples", "scene.png");
        var (_, expected, _) = await CommandLine.RunAsync("act", "embedded:tabletop", scene, "touch the plum wedge", "--json");
        folder.LinkFrom(Policy.Catalog.Locate("embedded:tabletop").Folder, FileName);
        var statistics = JsonNode.Parse(File.ReadAllText(Path.Combine(Policy.Catalog.Locate("embedded:tabletop").Folder, FileName)))!;
        var action = statistics["tabletop"]!["action"]!;
        action["mask"] = new JsonArray([.. action["mask"]!.AsArray().Select(m => (JsonNode)(m!.GetValue<bool>() ? 1 : 0))]);
        File.WriteAllText(folder[FileName], statistics.ToJsonString());
        var (exit, @out, error) = await CommandLine.RunAsync("act", folder.Path, scene, "touch the plum wedge", "--json");
        exit.ShouldBe(0, error);
        @out.ShouldBe(expected);
    }

    public void Dispose() => folder.Dispose();

    private IReadOnlyDictionary<string, ActionStatistics> Read(string json)
    {
        File.WriteAllText(folder[FileName], json);
        return ActionStatistics.Open(folder.Path, new ConfigReader(PythonJson.Parse("{}"u8, "config.json"), "config.json"));
    }
}
