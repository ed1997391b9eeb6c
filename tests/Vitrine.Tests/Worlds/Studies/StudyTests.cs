using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Doses;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Worlds;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds.Studies;

public sealed class StudyTests
{
    private static readonly Arm Edit = new() { Name = "clamp fast", Kind = ArmKind.Edit, Concept = "fast", Plan = Clamped(10) };

    public static string World { get; } = new TabletopWorld(new() { Adverbs = false }).Description;

    public static RunPlan Clamped(float value) => RunPlan.Editing(new Clamp(new NeuronSet([new Neuron(1, 2)]), value));

    public static Study Planned(params Arm[] arms)
        => new() { Name = "plan", World = World, Tasks = ["reach", "lift"], LayoutsPerTask = 5, StepLimit = 6, Seed = 9, BlockSize = 4, Arms = arms };

    public static IEnumerable<Arm> ControlsOf(Arm edit)
        =>
        [
            new()
            {
                Name = $"{edit.Concept}, zero dose",
                Kind = ArmKind.ZeroDose,
                Concept = edit.Concept,
                Plan = RunPlan.Editing(new Scale("language.1.mlp.neurons", 1)),
            },
            .. Enumerable.Range(0, 8).Select(i => new Arm
            {
                Name = $"{edit.Concept}, random {i}", Kind = ArmKind.MatchedRandom, Concept = edit.Concept,
                Group = $"{edit.Concept}, random", Plan = Clamped(i),
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
        => Should.Throw<VitrineException>(() => Planned(new Arm { Name = "a", Kind = ArmKind.Prompt, Word = "fast" })
            .Check()).Message.ShouldContain("0 baseline arms");

    [Fact]
    public void An_edit_without_zero_dose_is_refused_by_name()
        => Refused(a => a.Kind != ArmKind.ZeroDose).ShouldContain("'clamp fast' has no zero-dose arm of concept 'fast'");

    [Fact]
    public void An_edit_with_seven_random_draws_is_refused_by_name()
        => Refused(a => a.Name != "fast, random 7").ShouldContain("'clamp fast' has 7 random draws");

    [Fact]
    public void Controls_of_another_concept_do_not_count()
        => Should.Throw<VitrineException>(() => Planned(Edit).WithControls(edit => ControlsOf(edit with { Concept = "slow" }))
            .Check()).Message.ShouldContain("concept 'fast'");

    [Fact]
    public void Eight_draws_of_two_kinds_are_not_eight_draws_of_one()
    {
        var study = Planned(Edit).WithControls(ControlsOf);
        var mixed = study with { Arms = [.. study.Arms.Select(a => a.Name == "fast, random 0" ? a with { Kind = ArmKind.RandomDirection } : a)] };
        Should.Throw<VitrineException>(mixed.Check).Message.ShouldContain("7 random draws");
    }

    [Fact]
    public void Two_arms_of_one_name_are_refused()
        => Should.Throw<VitrineException>(() => (Planned(Edit, Edit with { Plan = Clamped(11) }).WithControls(ControlsOf))
            .Check()).Message.ShouldContain("two arms are called 'clamp fast'");

    [Fact]
    public void A_prompt_arm_without_a_word_is_refused()
        => Should.Throw<VitrineException>(() => Planned(new Arm { Name = "p", Kind = ArmKind.Prompt }).WithControls(ControlsOf)
            .Check()).Message.ShouldContain("'p' has no word");

    [Fact]
    public void Selection_and_test_share_no_layout_and_tasks_are_mixed()
    {
        var test = Planned(Edit);
        test.Layouts().Intersect((test with { Split = LayoutSplit.Selection }).Layouts()).ShouldBeEmpty();
        test.Layouts().Take(4).Select(l => (l.Task, l.Index)).ShouldBe([("reach", 0), ("lift", 0), ("reach", 1), ("lift", 1)]);
        test.Layouts().Count().ShouldBe(10);
    }

    [Fact]
    public void A_study_comes_back_from_json_with_its_plans_and_schedules()
    {
        var added = new Add("language.3.attn.out", EditValue.Of([.1f, 1 / 3f, -1e-30f])) { Scope = new EditScope { Positions = Positions.Last, Steps = [2] } };
        var holds = new ClosedLoop("speed", .1, 4, .5, 1, 0, 20, 20);
        var looped = Edit with { Name = "loop", Plan = new RunPlan { Edits = [.. Clamped(1).Edits, added] }, Schedule = holds };
        var study = Planned(Edit, looped).WithControls(ControlsOf) with { Policy = new StudyPolicy("here", "abc", "bridge") };
        var back = Study.FromJson(study.ToJson());
        back.ToJson().ShouldBe(study.ToJson());
        back.Fingerprint().ShouldBe(study.Fingerprint());
        back.Policy.ShouldBe(study.Policy);
        back.Arms.Select(a => a.Label()).ShouldBe(study.Arms.Select(a => a.Label()));
        var loop = back.Arms.Single(a => a.Name == "loop");
        loop.Schedule.ShouldBe(new ClosedLoop("speed", .1, 4, .5, 1, 0, 20, 20));
        loop.Plan!.Edits.Count.ShouldBe(2);
        loop.Plan.Edits[1].ShouldBeOfType<Add>().Scope.Steps.ShouldBe([2]);
        StudyDifferences.Of(back, study).ShouldBeEmpty();
    }

    [Fact]
    public void What_the_episodes_depend_on_changes_the_fingerprint_and_is_named()
    {
        var study = Planned(Edit).WithControls(ControlsOf) with { Policy = new StudyPolicy("here", "abc") };
        (Study Other, string Named)[] others =
        [
            (study with { Policy = new StudyPolicy("here", "abd") }, "the policy's weights: 'abc' there, 'abd' asked for"),
            (study with { Policy = new StudyPolicy("here", "abc", "bridge") }, "the policy's units: 'none' there, 'bridge' asked for"),
            (study with { Policy = null }, "the policy's weights"),
            (study with { World = "the moon" }, $"the world: '{World}' there, 'the moon' asked for"),
            (study with { Seed = 10 }, "the seed: '9' there, '10' asked for"),
            (study with { Tasks = ["reach"] }, "the tasks"),
            (study with { LayoutsPerTask = 6 }, "the layouts of each task"),
            (study with { StepLimit = 7 }, "the step limit"),
            (study with { Split = LayoutSplit.Selection }, "the split"),
            (study with { BlockSize = 5 }, "the block size"),
            (study with { Name = "other" }, "the name"),
            (study with { ActionSteps = 2 }, "the rows of each chunk that are carried out: 'none' there, '2' asked for"),
            (Changed(a => a with { Part = new ComponentSwap("quickly", Component.Attention, [1]) }), "the arm 'clamp fast' has another component"),
            (Changed(a => a with { Plan = Clamped(11) }), "the arm 'clamp fast' has another plan"),
            (Changed(a => a with { Schedule = new Constant(.5) }), "the arm 'clamp fast' has another schedule"),
            (Changed(a => a with { Word = "quickly" }), "the arm 'clamp fast' has another word"),
            (Changed(a => a with { Name = "renamed" }), "the arm 'renamed' is asked for and not there"),
            (study with { Arms = [.. study.Arms.Reverse()] }, "the arms stand in another order"),
        ];
        foreach (var (other, named) in others)
        {
            other.Fingerprint().ShouldNotBe(study.Fingerprint(), named);
            StudyDifferences.Of(study, other).ShouldContain(d => d.Contains(named), named);
        }

        Study Changed(Func<Arm, Arm> change) => study with { Arms = [.. study.Arms.Select(a => a.Name == "clamp fast" ? change(a) : a)] };
    }

    [Fact]
    public void Where_a_policy_lies_says_nothing_about_what_it_is()
    {
        var study = Planned(Edit) with { Policy = new StudyPolicy("here", "abc") };
        (study with { Policy = new StudyPolicy("/elsewhere", "abc") }).Fingerprint().ShouldBe(study.Fingerprint());
    }

    [Fact]
    public void A_schedule_without_an_edit_is_refused()
        => Should.Throw<VitrineException>(() => (Planned(Edit with { Plan = null, Schedule = new Constant() }).WithControls(ControlsOf))
            .Check()).Message.ShouldContain("'clamp fast' has a schedule and no edit");

    [Fact]
    public void A_callback_cannot_be_part_of_a_study()
        => Should.Throw<VitrineException>(() => Planned(Edit with { Plan = RunPlan.Editing(new CallbackEdit("language.1.mlp.neurons", (value, _) => value)) })
            .ToJson()).Message.ShouldContain("callback");

    private static string Refused(Func<Arm, bool> kept)
    {
        var study = Planned(Edit).WithControls(ControlsOf);
        return Should.Throw<VitrineException>((study with { Arms = [.. study.Arms.Where(kept)] }).Check).Message;
    }
}
