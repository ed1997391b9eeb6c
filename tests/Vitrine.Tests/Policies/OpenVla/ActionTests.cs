using System.Text.Json.Nodes;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Policies.Actions;
using Vitrine.Policies.OpenVla;
using Vitrine.Tests.Checkpoints;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Tests.Policies.OpenVla;

/// <summary>From tokens to the robot's units: whose statistics, and whether the tokens were actions at all.</summary>
public sealed class ActionTests
{
    [Fact]
    public void An_unknown_data_set_is_refused_with_the_known_ones()
    {
        using var policy = Example.Open();
        Should.Throw<VitrineException>(() => policy.With(units: "bridge")).Message
            .ShouldEndWith("unknown unnorm_key 'bridge'; known are bridge_orig, fractal20220817_data, libero_spatial_no_noops.");
        Should.Throw<VitrineException>(() => policy.Act([Example.Observe()])).Message.ShouldContain("an unnorm_key is needed");
    }

    [Fact]
    public void A_filtered_data_set_is_found_by_its_plain_name()
    {
        using var policy = Example.Open();
        policy.Statistics("libero_spatial").ShouldBe(policy.Statistics("libero_spatial_no_noops"));
        Should.Throw<VitrineException>(() => policy.Statistics("bridge_orig_no_noops"));
    }

    [Fact]
    public void Statistics_of_config_json_stand_in_for_a_missing_file_and_the_file_goes_before_them()
    {
        using var place = new Workplace();
        var folder = Example.Copy(place.Folder);
        var file = Path.Combine(folder, "dataset_statistics.json");
        var one = new JsonObject
        {
            ["mine"] = new JsonObject
            {
                ["action"] = new JsonObject { ["q01"] = new JsonArray(-2, 0), ["q99"] = new JsonArray(2, 1), ["mask"] = new JsonArray(true, false) },
            },
        };
        File.WriteAllText(file, one.ToJsonString());
        using (var tuned = Example.Open(folder))
        {
            tuned.UnitKeys.ShouldBe(["mine"]);
            using var run = tuned.Act([Example.Observe()], cancellation: TestContext.Current.CancellationToken);
            var action = run.Actions[0];
            action.Values.ShouldBe([2 * action.Normalised[0][0], action.Normalised[0][1]], tolerance: 1e-12);   // two dimensions, the second without units
        }

        File.Delete(file);
        using (var plain = Example.Open(folder))
        {
            plain.UnitKeys.ShouldBe(["bridge_orig", "fractal20220817_data", "libero_spatial_no_noops"], ignoreOrder: true);
        }

        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();
        config.Remove("norm_stats");
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        Should.Throw<VitrineException>(() => Example.Open(folder)).Message.ShouldContain("neither dataset_statistics.json nor norm_stats in config.json");
    }

    [Theory]
    [InlineData("""{"a":{}}""", "a: the key 'action' is missing")]
    [InlineData("""{"a":{"action":{"q01":[1,2],"q99":[1]}}}""", "have 2, 1 and 2 entries")]
    [InlineData("""{"a":{"action":{"q01":["x"],"q99":[1]}}}""", "a: action: q01 is [\"x\"]; expected a list of numbers")]
    [InlineData("[1]", "expected an object, found [1]")]
    [InlineData("{", "is not JSON")]
    public void Broken_statistics_are_refused(string json, string message)
    {
        using var place = new Workplace();
        var folder = Example.Copy(place.Folder);
        File.WriteAllText(Path.Combine(folder, "dataset_statistics.json"), json);
        Should.Throw<VitrineException>(() => Example.Open(folder)).Message.ShouldContain(message);
    }

    /// <remarks>With every logit 0 the first token of the vocabulary wins, and that is none of the actions.</remarks>
    [Fact]
    public void Tokens_that_are_no_actions_are_told()
    {
        using var policy = Example.Open();
        using var bridge = policy.With(units: "bridge_orig");
        using var plain = bridge.Act([Example.Observe()], cancellation: TestContext.Current.CancellationToken);
        plain.Actions[0].Tokens!.IsActionToken.ShouldBe(plain.Actions[0].Tokens!.TokenIds.Select(policy.Actions.IsAction));
        using var lost = bridge.Act([Example.Observe()], RunPlan.Editing(new Zero("language.logits")), cancellation: TestContext.Current.CancellationToken);
        var tokens = lost.Actions[0].Tokens!;
        (tokens.EveryTokenIsAnAction, tokens.IsActionToken.Count(t => t)).ShouldBe((false, 0));
        tokens.Bins.ShouldAllBe(b => b == 254);
    }

    [Fact]
    public void Progress_tells_of_the_picture_and_of_each_token()
    {
        using var policy = Example.Open();
        var heard = new Heard();
        using var bridge = policy.With(units: "bridge_orig");
        using var run = bridge.Act([Example.Observe()], options: new ActOptions { Progress = heard }, cancellation: TestContext.Current.CancellationToken);
        heard.All.ShouldBe(Enumerable.Range(0, 8).Select(i => new ActProgress(i, 7)));
    }

    [Fact]
    public void Pictures_are_prepared_as_the_evaluation_did_when_asked()
    {
        using var plain = Example.Open();
        using var evaluated = Example.Open(options: new OpenVlaOptions { Before = LiberoFrames.AsEvaluated(42) });
        evaluated.Recipe.Sequence.Take(4).Select(s => s.GetType())
            .ShouldBe([typeof(HalfTurn), typeof(JpegRoundTrip), typeof(LanczosResize), typeof(CentreAreaCrop)]);
        evaluated.Recipe.Steps.Skip(4).ShouldBe(plain.Recipe.Steps);
        evaluated.Recipe.Steps.ShouldContain(s => s.Contains("0.9", StringComparison.Ordinal));
        evaluated.Recipe.Apply(Example.Observe().Picture).ShouldNotBe(plain.Recipe.Apply(Example.Observe().Picture));
    }

    private sealed class Heard : IProgress<ActProgress>
    {
        public List<ActProgress> All { get; } = [];

        public void Report(ActProgress value) => All.Add(value);
    }
}
