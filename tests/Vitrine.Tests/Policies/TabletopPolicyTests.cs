using System.Text.Json;
using Vitrine.Certification;
using Vitrine.Inputs.Pictures;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Policies;
using Vitrine.Policies.OpenVla;

namespace Vitrine.Tests.Policies;

public sealed class TabletopPolicyTests
{
    [Fact]
    public void Prompts_and_other_strings_have_the_reference_ids()
    {
        using var fixture = Fixture.Open(Fixtures.Of("tabletop", "world"));
        var tokenizer = Tokenizer.Open(Policy.Catalog.Locate("embedded:tabletop").Folder);
        foreach (var entry in fixture.Meta.GetProperty("instructions").EnumerateArray())
        {
            tokenizer.Encode(entry.GetProperty("prompt").GetString()!).ShouldBe(Ids(entry), entry.ToString());
            PromptTemplate.Current.Text(entry.GetProperty("instruction").GetString()!).ShouldBe(entry.GetProperty("prompt").GetString());
        }

        foreach (var entry in fixture.Meta.GetProperty("other_strings").EnumerateArray())
        {
            tokenizer.Encode(entry.GetProperty("text").GetString()!).ShouldBe(Ids(entry), entry.ToString());
        }
    }

    [Fact]
    public void The_embedded_policy_gives_the_reference_tokens_and_logits()
    {
        using var fixture = Fixture.Open(Fixtures.Of("tabletop", "world"));
        using var policy = Policy.Open("embedded:tabletop");
        using var images = fixture.Read("policy/in.image");
        var (count, side) = ((int)images.shape[0], (int)images.shape[1]);
        var bytes = images.data<byte>().ToArray().Chunk(side * side * 3).ToArray();
        var @case = fixture.Meta.GetProperty("cases").EnumerateArray().Single(c => c.GetProperty("name").GetString() == "policy");
        var instructions = @case.GetProperty("instructions").EnumerateArray().Select(i => i.GetString()!).ToArray();
        var observations = Enumerable.Range(0, count).Select(i => new Observation(new Picture(side, side, bytes[i]), instructions[i])).ToArray();
        using var run = policy.Act(observations, cancellation: TestContext.Current.CancellationToken);
        run.Actions.SelectMany(a => a.Tokens!.TokenIds).ShouldBe(fixture.Ids("policy/out.tokens"));
        using var expected = fixture.Read("policy/out.logits_first4");
        using var found = run.Run.Logits.narrow(0, 0, expected.shape[0]);
        (found - expected).abs().max().item<float>().ShouldBeLessThan(1e-4f);
    }

    private static int[] Ids(JsonElement entry) => [.. entry.GetProperty("ids").EnumerateArray().Select(i => i.GetInt32())];
}
