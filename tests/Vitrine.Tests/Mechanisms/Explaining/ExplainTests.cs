using Vitrine.Mechanisms.Explaining;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Mechanisms.Explaining;

/// <summary>Known truths come out unaided (docs/tabletop.md), and where there is nothing, nothing is claimed.</summary>
public sealed class ExplainTests
{
    private const int States = 48;
    private static readonly ExplainOptions Some = new() { Draws = 3 };

    [Theory]
    [InlineData("quickly", "speed", "language.5 attention", "language.5 MLP")]
    [InlineData("high", "dz", "language.4 attention", "language.5 MLP")]
    public void What_a_word_does_to_the_token_policy_is_found(string word, string metric, string entry, string carrier)
    {
        using var policy = Policy.Open("embedded:tabletop");
        var found = Explained(Contrast.OfWord(policy, word, null, Choosing(), Testing()), metric, Some);
        Shown(found, ClaimKind.Moves).ShouldBe("");
        Shown(found, ClaimKind.EntersSufficient).ShouldBe(entry);
        Shown(found, ClaimKind.EntersNecessary).ShouldBe(entry);
        Shown(found, ClaimKind.CarriesSufficient).ShouldBe(carrier);
        Shown(found, ClaimKind.CarriesNecessary).ShouldBe(carrier);
        Shown(found, ClaimKind.Path).ShouldBe(entry);
        found.Claims.Single(c => c.Kind == ClaimKind.CarriesSufficient).Text.ShouldContain("differs from state to state");
        foreach (var claim in found.Claims.Where(c => c.IsShown && c.Control is not null && c.Share is not null))
        {
            Math.Abs(claim.Control!.Mean).ShouldBeLessThan(Math.Abs(claim.Effect.Mean));
        }
    }

    [Fact]
    public void The_words_rows_at_expert_layer_1_carry_the_speed_of_the_flow_policy()
    {
        using var policy = Policy.Open("embedded:tabletop-flow");
        var found = Explained(Contrast.OfWord(policy, "quickly", "slowly", Choosing(12), Testing(12)), "speed", Some with { Draws = 2 });
        Shown(found, ClaimKind.ReadSufficient).ShouldBe("expert.1 keys and values of the words that differ");
        Shown(found, ClaimKind.ReadNecessary).ShouldBe("expert.1 keys and values of the words that differ");
        Shown(found, ClaimKind.EntersSufficient).ShouldBe("expert.1 attention");
        found.Claims.Single(c => c.Kind == ClaimKind.ReadSufficient).Share!.Mean.ShouldBe(.95, .1);
    }

    [Theory]
    [InlineData("embedded:tabletop", "speed")]
    [InlineData("embedded:tabletop", "dz")]
    [InlineData("embedded:tabletop-flow", "speed")]
    public void Of_a_made_up_word_nothing_is_found(string name, string metric)
    {
        using var policy = Policy.Open(name);
        var against = Contrast.Counterpart(policy, Testing(1), "blicket");
        var found = Explained(Contrast.OfWord(policy, "blicket", against, Choosing(12), Testing(12)), metric, Some);
        found.IsFound.ShouldBeFalse();
        found.Claims.ShouldHaveSingleItem().Kind.ShouldBe(ClaimKind.Moves);
        found.Sentences[0].ShouldStartWith("Nothing found");
    }

    [Fact]
    public void Twenty_contrasts_dealt_at_random_give_one_claim_at_most()
    {
        using var policy = Policy.Open("embedded:tabletop");
        var (choosing, testing) = (Choosing(12), Testing(12));
        Enumerable.Range(0, 20).Count(seed => Explained(Dealt(seed), "speed", Some).IsFound).ShouldBeLessThanOrEqualTo(1);

        Contrast Dealt(int seed)
        {
            var random = new RandomStream($"dealt/{seed}");
            return Contrast.Of("one hand", "the other", Both(choosing), Both(testing));

            ContrastStates Both(IReadOnlyList<Observation> states)
            {
                var dealt = states.Select(s =>
                {
                    var worded = s with { Instruction = $"{s.Instruction} quickly" };
                    return random.Chance(.5) ? (worded, s) : (s, worded);
                }).ToArray();
                return new(Subject.Of(policy, [.. dealt.Select(d => d.Item1)]), Subject.Of(policy, [.. dealt.Select(d => d.Item2)]));
            }
        }
    }

    [Fact]
    public void Too_few_states_are_described_and_nothing_is_claimed()
    {
        using var model = TextModel.Open(Fixtures.Of("methods", "_models/gpt2-tiny"));
        var states = new ContrastStates(Subject.Of(model, TokenBatch.Of(5, 6, 7)), Subject.Of(model, TokenBatch.Of(5, 9, 7)));
        var contrast = Contrast.Of("6", "9", states, states);
        var found = Explainer.Explain(contrast, new LogitMetric([7]), Some);
        found.IsDescribed.ShouldBeTrue();
        found.IsFound.ShouldBeFalse();
        found.Sites.Count.ShouldBe(2 * model.Language.Shape.Layers);
        found.Sentences[^1].ShouldContain("1 states are too few");
        var whole = found.Claims[0].Effect.Mean;
        foreach (var claim in found.Claims.Skip(1))
        {
            claim.Share!.Mean.ShouldBe(claim.Effect.Mean / whole, 1e-9);
        }
    }

    [Fact]
    public void A_contrast_that_cannot_be_asked_is_refused_in_words()
    {
        using var policy = Policy.Open("embedded:tabletop-flow");
        Should.Throw<VitrineException>(() => Contrast.OfWord(policy, "quickly", "quickly", Choosing(1), Testing(1))).Message.ShouldContain("against itself");
        Should.Throw<VitrineException>(() => Contrast.OfWord(policy, "quickly", null, [], Testing(1))).Message.ShouldContain("0 states to choose in");
        Should.Throw<VitrineException>(() => Explained(Contrast.OfWord(policy, "quickly", null, Choosing(2), Testing(2)), "speed", Some))
            .Message.ShouldContain("--against");
        using var model = TextModel.Open(Fixtures.Of("methods", "_models/gpt2-tiny"));
        Should.Throw<VitrineException>(() => Contrast.OfTexts(model, [("abc", "abc")])).Message.ShouldContain("the same");
        Should.Throw<VitrineException>(() => Contrast.OfTexts(model, [])).Message.ShouldContain("no pair");
    }

    private static Explanation Explained(Contrast contrast, string metric, ExplainOptions options)
        => Explainer.Explain(contrast, MetricText.Parse(metric, contrast.Testing.With), options);

    private static string? Shown(Explanation found, ClaimKind kind) => found.Claims.Single(c => c.Kind == kind) is { IsShown: true } claim ? claim.Place : null;

    private static IReadOnlyList<Observation> Choosing(int count = States) => TabletopStates.ForCalibration(3, count);

    private static IReadOnlyList<Observation> Testing(int count = States) => TabletopStates.ForTest(3, count);
}
