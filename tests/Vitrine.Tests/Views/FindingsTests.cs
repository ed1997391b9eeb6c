using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Views;
using Vitrine.Worlds;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;

namespace Vitrine.Tests.Views;

/// <summary>Sentences out of verdicts. Saying the word does +.04 to the speed or +.13 to the height; random draws reach from -.002 to .003.</summary>
public sealed class FindingsTests
{
    private static readonly WorldUnits Units = new("table widths", "control step");

    private static readonly Estimate Certain = new(0, 0, 0), Fallen = new(-.5, -.7, -.3);

    [Fact]
    public void The_finding_says_what_does_not_steer_what_does_and_what_breaks_the_task()
        => Findings.Sentence(
            [
                Of("fast", ConceptArms.LexicalClamp, "speed", 0), Of("fast", ConceptArms.AttentionMeanDifference, "speed", .03),
                Of("high", ConceptArms.LexicalClamp, "height", 0), Of("high", ConceptArms.AttentionMeanDifference, "height", .14, Fallen),
            ],
            []).ShouldBe("Holding the neurons that spell *fast* or *high* does not steer the robot; adding what attention writes on average for *fast* "
                + "makes the robot faster, and for *high* raises the gripper but breaks the task.");

    [Theory]
    [InlineData(VerdictClass.Shown, "Adding what attention writes on average for *fast* makes the robot slower.")]
    [InlineData(VerdictClass.BreaksTask, "Adding what attention writes on average for *fast* makes the robot slower but breaks the task.")]
    [InlineData(VerdictClass.NotShown, "Nothing was shown to steer the robot: no edit for *fast* moved it beyond chance and random edits.")]
    public void The_finding_follows_the_class_of_a_single_verdict(VerdictClass found, string sentence)
    {
        var verdict = Of("fast", ConceptArms.AttentionMeanDifference, "speed", found == VerdictClass.NotShown ? 0 : -.03,
            found == VerdictClass.BreaksTask ? Fallen : Certain);
        verdict.Class.ShouldBe(found);
        Findings.Sentence([verdict], []).ShouldBe(sentence);
    }

    [Fact]
    public void A_clamp_that_steers_is_said_to()
        => Findings.Sentence([Of("fast", ConceptArms.LexicalClamp, "speed", .03), Of("high", ConceptArms.LexicalClamp, "height", 0)], [])
            .ShouldBe("Holding the neurons that spell *high* does not steer the robot; holding the neurons that spell *fast* makes the robot faster.");

    [Fact]
    public void What_was_only_not_seen_to_steer_is_not_said_to_do_nothing()
    {
        var unsure = Of("fast", ConceptArms.LexicalClamp, "speed", 0) with { Change = new(.001, -.02, .02) };
        (unsure.Class, unsure.IsNothing).ShouldBe((VerdictClass.NotShown, false));
        Findings.Sentence([unsure, Of("fast", ConceptArms.AttentionMeanDifference, "speed", .03)], [])
            .ShouldStartWith("Holding the neurons that spell *fast* was not seen to steer the robot; ");
        Findings.Statements([unsure], [], Units).ShouldHaveSingleItem().Text
            .ShouldBe("Holding the neurons that spell *fast* was not seen to make the robot faster.");
    }

    [Fact]
    public void Nothing_shown_in_closed_loop_is_said_beside_what_one_decision_shows()
        => Findings.Sentence([Of("fast", ConceptArms.LexicalClamp, "speed", 0)], [Decision("fast", isEffect: true)])
            .ShouldBe("Nothing was shown to steer the robot: no edit for *fast* moved it beyond chance and random edits, although in one decision the "
                + "feed-forward part of layer 5 carries *fast*.");

    [Fact]
    public void One_decision_alone_and_nothing_at_all_have_sentences_of_their_own()
    {
        Findings.Sentence([], [Decision("fast", isEffect: true)]).ShouldBe("In one decision the feed-forward part of layer 5 carries *fast*.");
        Findings.Sentence([], [Decision("fast", isEffect: false)])
            .ShouldBe("Nothing was shown: no part of a single layer carries a word in one decision beyond random directions.");
        Findings.Sentence([], []).ShouldBe("");
    }

    [Fact]
    public void What_brings_a_word_in_and_what_carries_it_are_one_statement()
    {
        var statements = Findings.Statements([Of("fast", ConceptArms.AttentionMeanDifference, "speed", .03)], [Decision("fast", isEffect: true)], Units);
        var statement = statements.ShouldHaveSingleItem();
        statement.Class.ShouldBe(VerdictClass.Shown);
        statement.Text.ShouldBe("Attention of layer 5 brings *fast* in, and the feed-forward part of layer 5 carries it, state by state, in one decision; "
            + "adding what attention writes on average for *fast* makes the robot faster.");
        // Shares of the word's .02: .0192 put in, between .0182 and .0202; nothing remains, -.0004 and .017 by the mean differences.
        statement.Evidence.Count.ShouldBe(2);
        statement.Evidence[0].ShouldContain("put in alone (denoising) it gives 96\u00A0% [91, 101]");
        statement.Evidence[0].ShouldContain("held back (noising) 0\u00A0% [−5, 5] remains");
        statement.Evidence[0].ShouldContain("one vector for all states, gives −2\u00A0% [−7, 3], that of attention of layer 5 85\u00A0% [80, 90]");
        statement.Evidence[0].ShouldEndWith("; random draws −0.0010 to +0.0008, the word +0.0200 [+0.0190, +0.0210]");
        statement.Evidence[1].ShouldBe("closed loop, attention mean difference: speed +0.0300 [+0.0290, +0.0310] table widths per control step, 75\u00A0% of "
            + "what saying “quickly” does (+0.0400); random draws −0.0020 to +0.0030; success 75\u00A0% against 100\u00A0% without edits, "
            + "0 points [0, 0]");
    }

    [Fact]
    public void A_part_that_brings_in_and_carries_is_named_once()
    {
        var carrier = Decision("high", isEffect: true);
        Findings.Statements([], [carrier with { Direction = carrier.Carrier }], Units).ShouldHaveSingleItem().Text
            .ShouldBe("The feed-forward part of layer 5 brings *high* in and carries it, in one decision.");
        Findings.Statements([], [carrier with { HasDirection = false }], Units).ShouldHaveSingleItem().Text
            .ShouldBe("The feed-forward part of layer 5 carries *high* in one decision.");
    }

    [Fact]
    public void Every_verdict_stands_in_its_class_with_its_numbers()
    {
        var statements = Findings.Statements(
            [
                Of("high", ConceptArms.LexicalClamp, "height", 0), Of("high", ConceptArms.AttentionMeanDifference, "height", .14, Fallen),
                Of("high", "own edit", "height", -.05),
            ],
            [Decision("high", isEffect: false)], Units);
        statements.Select(s => (s.Class, s.Text)).ShouldBe(
        [
            (VerdictClass.Shown, "The edit “own edit” for *high* lowers the gripper."),
            (VerdictClass.BreaksTask, "Adding what attention writes on average for *high* raises the gripper, and the task is solved less often."),
            (VerdictClass.NotShown, "Holding the neurons that spell *high* does not raise the gripper."),
            (VerdictClass.NotShown, "In one decision no part of a single layer carries *high* beyond what random directions do."),
        ]);
        statements.ShouldAllBe(s => s.Evidence.Count == 1);
        statements[1].Evidence[0].ShouldEndWith("success 75\u00A0% against 100\u00A0% without edits, −50 points [−70, −30]");
    }

    private static Verdict Of(string concept, string arm, string measure, double change, Estimate? success = null)
    {
        var said = measure == "speed" ? .04 : .13;
        return new Verdict
        {
            Arm = new ArmLabel { Name = arm, Kind = ArmKind.Edit, Concept = concept },
            Measure = measure,
            Change = new(change, change - .001, change + .001),
            Word = concept == "fast" ? "quickly" : "high",
            Said = new(said, said - .01, said + .01),
            Random = new(0, -.002, .003),
            Success = new(3, 4),
            BaselineSuccess = new(4, 4),
            SuccessChange = success ?? Certain,
        };
    }

    private static OneStepVerdict Decision(string concept, bool isEffect)
    {
        static Estimate About(double mean) => new(mean, mean - .001, mean + .001);
        return new OneStepVerdict(concept, new(Component.FeedForward, 5, About(-.0004), About(.0192), About(0)), About(.02), isEffect)
        {
            Direction = new(Component.Attention, 5, About(.017), About(.018), About(.0015)),
            HasDirection = true,
            Random = new(0, -.001, .0008),
        };
    }
}
