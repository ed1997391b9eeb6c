using System.Text.Json;
using Vitrine.Policies;

namespace Vitrine.Tests.Cli;

/// <summary>The policy that a full training in C# left, as it ships.</summary>
public sealed class TrainedPolicyTests
{
    private const string Name = "embedded:tabletop-trained";

    [Fact]
    public async Task It_acts_in_the_world_that_it_was_trained_in()
    {
        var (exit, json, error) = await CommandLine.RunAsync("rollout", Name, "-n", "2", "--seed", "5", "--json");
        exit.ShouldBe(0, error);
        var all = JsonDocument.Parse(json).RootElement.EnumerateArray().Single(t => t.GetProperty("task").GetString() == "all");
        all.GetProperty("success").GetProperty("successes").GetInt32().ShouldBeGreaterThanOrEqualTo(6);
    }

    [Fact]
    public void It_has_the_words_and_units_of_the_one_it_came_from_and_other_weights()
    {
        using var before = Policy.Open("embedded:tabletop");
        using var after = Policy.Open(Name);
        after.UnitKeys.ShouldBe(before.UnitKeys);
        after.Tokenizer.VocabularySize.ShouldBe(before.Tokenizer.VocabularySize);
        after.Parameters.ShouldBe(before.Parameters);
        after.Fingerprint.ShouldNotBe(before.Fingerprint);
    }
}
