using Vitrine.Worlds;
using Vitrine.Worlds.Studies;

namespace Vitrine.Tests.Worlds.Studies;

public sealed class StudyTests
{
    private static readonly Arm Edit = new() { Name = "clamp fast", Kind = ArmKind.Edit, Concept = "fast", Fingerprint = "clamp 1:2 = 10" };

    public static Study Planned(params Arm[] arms)
        => new() { Name = "plan", Tasks = ["reach", "lift"], LayoutsPerTask = 5, StepLimit = 6, Seed = 9, BlockSize = 4, Arms = arms };

    public static IEnumerable<Arm> ControlsOf(Arm edit)
        =>
        [
            new() { Name = $"{edit.Concept}, zero dose", Kind = ArmKind.ZeroDose, Concept = edit.Concept },
            .. Enumerable.Range(0, 8).Select(i => new Arm
            {
                Name = $"{edit.Concept}, random {i}", Kind = ArmKind.MatchedRandom, Concept = edit.Concept, Group = $"{edit.Concept}, random", Fingerprint = $"draw {i}",
            }),
        ];

    [Fact]
    public void Controls_add_the_baseline_and_what_the_edit_needs_once()
    {
        var study = Planned(Edit, Edit with { Name = "clamp fast more" }).WithControls(ControlsOf);
        study.Check();
        study.Arms.Count.ShouldBe(1 + 2 + 1 + 8);
        study.Arms[0].Kind.ShouldBe(ArmKind.Baseline);
        study.WithControls(ControlsOf).Arms.ShouldBe(study.Arms);
    }

    [Fact]
    public void A_study_without_a_baseline_is_refused()
        => Should.Throw<VitrineException>(() => Planned(new Arm { Name = "a", Kind = ArmKind.Prompt, Word = "fast" }).Check()).Message.ShouldContain("0 baseline arms");

    [Fact]
    public void An_edit_without_zero_dose_is_refused_by_name()
        => Refused(a => a.Kind != ArmKind.ZeroDose).ShouldContain("'clamp fast' has no zero-dose arm of concept 'fast'");

    [Fact]
    public void An_edit_with_seven_random_draws_is_refused_by_name()
        => Refused(a => a.Name != "fast, random 7").ShouldContain("'clamp fast' has 7 random draws");

    [Fact]
    public void Controls_of_another_concept_do_not_count()
        => Should.Throw<VitrineException>(() => Planned(Edit).WithControls(edit => ControlsOf(edit with { Concept = "slow" })).Check()).Message.ShouldContain("concept 'fast'");

    [Fact]
    public void Eight_draws_of_two_kinds_are_not_eight_draws_of_one()
    {
        var study = Planned(Edit).WithControls(ControlsOf);
        var mixed = study with { Arms = [.. study.Arms.Select(a => a.Name == "fast, random 0" ? a with { Kind = ArmKind.RandomDirection } : a)] };
        Should.Throw<VitrineException>(mixed.Check).Message.ShouldContain("7 random draws");
    }

    [Fact]
    public void Two_arms_of_one_name_are_refused()
        => Should.Throw<VitrineException>(() => (Planned(Edit, Edit with { Fingerprint = "other" }).WithControls(ControlsOf)).Check()).Message.ShouldContain("two arms are called 'clamp fast'");

    [Fact]
    public void A_prompt_arm_without_a_word_is_refused()
        => Should.Throw<VitrineException>(() => Planned(new Arm { Name = "p", Kind = ArmKind.Prompt }).WithControls(ControlsOf).Check()).Message.ShouldContain("'p' has no word");

    [Fact]
    public void Selection_and_test_share_no_layout_and_tasks_are_mixed()
    {
        var test = Planned(Edit);
        test.Layouts().Intersect((test with { Split = LayoutSplit.Selection }).Layouts()).ShouldBeEmpty();
        test.Layouts().Take(4).Select(l => (l.Task, l.Index)).ShouldBe([("reach", 0), ("lift", 0), ("reach", 1), ("lift", 1)]);
        test.Layouts().Count().ShouldBe(10);
    }

    [Fact]
    public void A_study_comes_back_from_json_with_the_same_fingerprint()
    {
        var study = Planned(Edit).WithControls(ControlsOf);
        Study.FromJson(study.ToJson()).Fingerprint("world").ShouldBe(study.Fingerprint("world"));
        study.Fingerprint("another world").ShouldNotBe(study.Fingerprint("world"));
        (study with { Seed = 10 }).Fingerprint("world").ShouldNotBe(study.Fingerprint("world"));
    }

    private static string Refused(Func<Arm, bool> kept)
    {
        var study = Planned(Edit).WithControls(ControlsOf);
        return Should.Throw<VitrineException>((study with { Arms = [.. study.Arms.Where(kept)] }).Check).Message;
    }
}
