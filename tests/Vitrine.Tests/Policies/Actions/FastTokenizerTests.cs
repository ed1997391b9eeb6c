using Vitrine.Policies.Actions;
using Vitrine.Policies.Pi0Fast;
using Vitrine.Tests.Checkpoints;
using Vitrine.Tests.Policies.Flow;

namespace Vitrine.Tests.Policies.Actions;

/// <summary>FAST by arithmetic, and what of a chunk its tokens cannot say.</summary>
public sealed class FastTokenizerTests
{
    private static readonly double[][] Chunk = [[.1, -.2], [.3, 0], [.5, .4], [-.7, .6]];

    private static string Folder => Path.Combine(FlowExample.Folder("pi0-fast"), "fast");

    /// <remarks>
    /// The orthonormal cosine transform along time is [[.1, .4], [.469, -.631], [-.7, 0], [.347, .045]] (scipy's dct, norm "ortho"); ten times that, rounded,
    /// goes back to the numbers below.
    /// </remarks>
    [Fact]
    public void A_chunk_goes_there_and_back()
    {
        var fast = FastTokenizer.Open(Folder);
        var encoded = fast.Encode(Chunk);
        encoded.Coefficients.SelectMany(r => r).ShouldBe([1, 4, 5, -6, -7, 0, 3, 0]);
        encoded.Lost.ShouldBe(0);
        var decoded = fast.Decode(encoded.Ids, 4, 2);
        decoded.Problem.ShouldBeNull();
        double[] expected = [.10782016, -.19196889, .33931458, .03764117, .46068542, .36235883, -.70782016, .59196889];
        decoded.Actions.SelectMany(r => r).ShouldBe(expected, tolerance: 1e-7);
    }

    /// <remarks>Halves go to the even number, as numpy rounds.</remarks>
    [Fact]
    public void Coefficients_are_rounded_half_to_even()
        => FastTokenizer.Open(Folder).Encode([[.25, .35, -.25]]).Coefficients[0].ShouldBe([2, 4, -2]);

    [Fact]
    public void What_cannot_be_said_is_counted()
    {
        var fast = FastTokenizer.Open(Folder);
        fast.Encode([[-9.0]]).Lost.ShouldBe(1);                              // below min_token: said as the smallest
        fast.Encode([[500.0]]).Lost.ShouldBeGreaterThan(0);                  // a character that the byte pairs have never seen
        Should.Throw<VitrineException>(() => fast.Encode([[1e9]])).Message.ShouldContain("are the actions normalised?");
        Should.Throw<VitrineException>(() => fast.Encode([[1, 2], [3]])).Message.ShouldContain("rows of one length");
        Should.Throw<VitrineException>(() => fast.Encode([[double.NaN]])).Message.ShouldContain("finite");
    }

    [Fact]
    public void A_chunk_of_another_length_is_told_and_filled_up()
    {
        var fast = FastTokenizer.Open(Folder);
        var ids = fast.Encode(Chunk).Ids;
        var longer = fast.Decode(ids, 3, 2);
        longer.Problem.ShouldBe("the tokens stand for 8 coefficients; a chunk has 6: those behind are left out");
        longer.Actions.Count.ShouldBe(3);
        fast.Decode([], 4, 2).Problem.ShouldBe("the tokens stand for 0 coefficients; a chunk has 8: the missing ones are taken for 0");
        Should.Throw<VitrineException>(() => fast.Decode([fast.VocabularySize], 4, 2)).Message.ShouldContain("outside the vocabulary");
        Should.Throw<VitrineException>(() => fast.Decode([-1], 4, 2)).Message.ShouldContain("outside the vocabulary");
    }

    [Theory]
    [InlineData("scale", "0", "scale is 0")]
    [InlineData("min_token", "null", "the key 'min_token' is missing")]
    [InlineData("min_token", "1.5", "min_token is 1.5; expected a whole number")]
    [InlineData("max_token", "5", "max_token")]
    public void Broken_settings_are_told(string key, string value, string message)
    {
        using var place = new Workplace();
        var folder = Path.Combine(FlowExample.Copy("pi0-fast", place.Folder), "fast");
        FlowExample.Change(folder, "processor_config.json", json => json[key] = System.Text.Json.Nodes.JsonNode.Parse(value));
        Should.Throw<VitrineException>(() => FastTokenizer.Open(folder)).Message.ShouldContain(message);
    }

    /// <remarks>Opening words anywhere, the end and all behind it, and the marks of a sentence are no part of a chunk; other words are none at all.</remarks>
    [Fact]
    public void What_a_policy_says_is_read_or_refused()
    {
        using var policy = (Pi0FastPolicy)FlowExample.Open("pi0-fast", FlowExample.Folder("pi0-fast"));
        var ids = policy.Fast.Encode([.. Enumerable.Range(0, policy.Horizon).Select(i => Enumerable.Repeat(i / 10.0, 4).ToArray())]).Ids;
        var said = policy.Sentence(ids);
        policy.FastIds(said).ShouldBe(ids);
        policy.FastIds([.. said, .. said]).ShouldBe(ids);
        policy.Decode(said).Problem.ShouldBeNull();
        policy.Decode([.. said.SkipLast(2)]).Problem.ShouldNotBeNull();
        var nothing = Should.Throw<VitrineException>(() => policy.Decode([.. policy.Sentence([])])).Message;
        nothing.ShouldBe("act: the policy said 'Action: |', which has no token of actions: no chunk can be read of it.");
        var word = policy.Tokenizer.VocabularySize - 1;
        Should.Throw<VitrineException>(() => policy.Decode([word])).Message.ShouldContain("holds words that are no tokens of actions");
    }
}
