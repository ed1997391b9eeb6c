using Vitrine.Worlds;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Studies.Files;

namespace Vitrine.Tests.Worlds.Studies;

/// <summary>Comparisons of episodes made by hand: what the edit does, and what its controls do.</summary>
public sealed class StudyOutcomeTests
{
    private const int Layouts = 12;

    [Fact]
    public void An_edit_that_moves_alone_is_shown()
    {
        var found = Outcome(edit: .1).Comparisons.Single(c => c.Measure == "height");
        (found.IsSignificant, found.Verdict, found.IsExploratory).ShouldBe((true, VerdictClass.Shown, false));
        found.Change.Mean.ShouldBe(.1, 1e-12);
        found.AdjustedP!.Value.ShouldBeLessThan(.05);
        found.Selectivity!.Difference.Mean.ShouldBe(.1, 1e-12, "all paths keep their speed, so that nothing else moves");
        (found.Selectivity.Of, found.Selectivity.Unintended).ShouldBe(("speed", 0));
    }

    public static TheoryData<string, double, double, double, double> Alike() => new()
    {
        { "matched random", .11, 0, 0, 0 }, { "random direction", 0, .11, 0, 0 }, { "the reversed sign", 0, 0, .11, 0 }, { "the zero dose", 0, 0, 0, .11 },
    };

    [Theory, MemberData(nameof(Alike))]
    public void An_edit_whose_controls_move_as_much_is_not_shown(string control, double matched, double direction, double reversed, double zero)
    {
        var found = Outcome(.1, matched, direction, reversed, zero).Comparisons.Single(c => c.Measure == "height");
        (found.IsSignificant, found.Verdict).ShouldBe((true, VerdictClass.NotShown), control);
    }

    [Fact]
    public void A_reversed_sign_that_moves_the_other_way_speaks_for_the_edit()
        => Outcome(.1, reversed: -.2).Comparisons.Single(c => c.Measure == "height").Verdict.ShouldBe(VerdictClass.Shown);

    [Fact]
    public void A_measure_that_was_added_later_is_exploratory_and_claims_nothing()
    {
        var outcome = Outcome(edit: .1, also: "steps");
        outcome.Comparisons.Count(c => !c.IsExploratory).ShouldBe(2, "speed and height were planned");
        var added = outcome.Comparisons.Where(c => c.IsExploratory).ShouldHaveSingleItem();
        (added.Measure, added.AdjustedP, added.IsSignificant, added.Verdict).ShouldBe(("steps", null, false, VerdictClass.NotShown));
        Outcome(edit: .1).Comparisons.Select(c => c.AdjustedP).ShouldBe(outcome.Comparisons.Take(2).Select(c => c.AdjustedP), "planned ones do not change");
        StudyOutcome.FromJson(outcome.ToJson()).ToJson().ShouldBe(outcome.ToJson());
        outcome.ToJson().ShouldContain($"\"Registered\": \"{outcome.File.Hash}\"");
    }

    [Fact]
    public void A_study_of_another_file_is_refused()
    {
        var (file, planned, run) = Made(.1, 0, 0, 0, 0);
        Should.Throw<VitrineException>(() => StudyOutcome.Of(file with { Alpha = .1 }, planned, run)).Message.ShouldContain("was made of another file");
        Should.Throw<VitrineException>(() => StudyOutcome.FromJson("{}")).Message.ShouldContain("study result");
    }

    internal static StudyOutcome Outcome(
        double edit, double matched = 0, double direction = 0, double reversed = 0, double zero = 0, params string[] also)
    {
        var (file, planned, run) = Made(edit, matched, direction, reversed, zero);
        return StudyOutcome.Of(file, planned, run, also);
    }

    private static (StudyFile File, PlannedStudy Planned, StudyRun Run) Made(double edit, double matched, double direction, double reversed, double zero)
    {
        var file = StudyFile.Parse(StudyFileTests.Good.Replace("layouts: 4", "layouts: 6", StringComparison.Ordinal)) with
        {
            Comparisons = [new("clamp", "speed"), new("clamp", "height")],
        };
        (Arm Arm, double Height)[] arms =
        [
            (new() { Name = "no edit", Kind = ArmKind.Baseline }, 0),
            (new() { Name = "zero dose", Kind = ArmKind.ZeroDose, Concept = "fast" }, zero),
            (new() { Name = "clamp", Kind = ArmKind.Edit, Concept = "fast" }, edit),
            .. Draws(ArmKind.MatchedRandom, matched), .. Draws(ArmKind.RandomDirection, direction),
            (new() { Name = "clamp, reversed", Kind = ArmKind.ReversedSign, Concept = "fast", Group = "clamp" }, reversed),
        ];
        var study = new Study
        {
            Name = "fast",
            Policy = new("p", new string('a', 64)),
            World = "w",
            Tasks = file.Tasks,
            LayoutsPerTask = 6,
            StepLimit = 6,
            Seed = 1,
            Arms = [.. arms.Select(a => a.Arm)],
        };
        return (file, new PlannedStudy(file.Hash, study, []), new StudyRun(study,
        [
            .. arms.Select(a => new ArmEpisodes(a.Arm.Label(), [.. study.Layouts().Select((layout, i) => EpisodeOf(layout, i, a.Height)).Take(Layouts)])),
        ]));
    }

    /// <summary>One of eight draws moves.</summary>
    private static IEnumerable<(Arm Arm, double Height)> Draws(ArmKind kind, double height)
        => Enumerable.Range(0, 8).Select(d => (new Arm { Name = $"{kind} {d}", Kind = kind, Concept = "fast", Group = $"{kind}" }, d == 3 ? height : 0));

    private static Episode EpisodeOf(LayoutKey layout, int index, double raised) => new()
    {
        Layout = layout,
        Instruction = "",
        Succeeded = true,
        Actions = [[.1, 0, 0, 0, 0, 0, 1]],
        Path = [new(0, 0, .3 + raised + (.01 * index)), new(.1, 0, .3 + raised + (.01 * index))],
        Measures = new Dictionary<string, double>(),
    };
}
