using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Studio.Causing;
using Vitrine.Studio.Hosting;
using Vitrine.Studio.Scenes;
using Vitrine.Transformers;
using Vitrine.Worlds.Studies;

namespace Vitrine.Studio.Tests;

public sealed class CauseTests
{
    public static TheoryData<string, string> Asked() => new()
    {
        { Opened.Speaking, "clamp" }, { Opened.Speaking, "add" }, { Opened.Speaking, "heads" }, { Opened.Speaking, "patch" }, { Opened.Flowing, "ablate" },
        { Opened.Text, "clamp" }, { Opened.Text, "heads" }, { Opened.Text, "patch" }, { Opened.Classifier, "ablate" }, { Opened.Image, "ablate" },
        { Opened.Image, "heads" },
    };

    [Theory, MemberData(nameof(Asked))]
    public void Zero_dose_changes_nothing_and_every_edit_has_eight_random_ones_beside_it(string model, string kind)
    {
        var read = Read(Opened.At("causing", model, ("kind", kind)));
        read.Arms.Single(a => a.Kind == ArmKind.ZeroDose).Value.ShouldBe(read.Unedited.Value);
        read.Arms.Count(a => a.Kind == ArmKind.MatchedRandom).ShouldBe(8);
        read.Arms.ShouldAllBe(a => double.IsFinite(a.Value));
        read.Arms.ShouldAllBe(a => a.Plan.ToJson().Length > 2);
    }

    [Fact]
    public void The_edit_s_number_is_the_one_of_its_plan_in_act()
    {
        var at = Opened.At("causing", Opened.Speaking, ("neurons", "5:111,5:130"), ("dose", "+8sd"), ("metric", "dx"));
        var read = Read(at);
        using var policy = Policy.Open(Opened.Speaking);
        using var run = policy.Act([SceneSource.ObservationOf(at, Opened.Place)], RunPlan.FromJson(read.Edit.Plan.ToJson()));
        read.Edit.Value.ShouldBe(run.Actions[0].Values[0]);
    }

    [Fact]
    public void Random_neurons_beside_a_concept_s_spell_no_concept()
    {
        var (at, open) = (Opened.At("causing", Opened.Speaking, ("concept", "fast"), ("dose", "+4sd")), Opened.Models.Open(Opened.Speaking));
        var read = Read(at);
        var set = open.Patterns.Set("fast");
        var controls = Controls.For(
            open.Tokens.Language, set, Dose.Sigmas(4), open.Calibration(set.Stack), open.Patterns.AllClustered(), CauseReading.Draws);
        read.Arms.Where(a => a.Kind == ArmKind.MatchedRandom).Select(a => a.Plan.ToJson())
            .ShouldBe(controls.MatchedRandom.Select(c => RunPlan.Editing(c).ToJson()));
    }

    [Theory]
    [InlineData("embedded:tabletop", "5:111,5:130", "clamp")]
    [InlineData("embedded:tabletop-flow", "3:7", "clamp")]
    public void A_plan_that_was_exported_does_the_same_when_it_is_chosen_as_a_file(string model, string neurons, string kind)
    {
        var exported = Read(Opened.At("causing", model, ("kind", kind), ("neurons", neurons), ("dose", "+8sd"), ("metric", "dx")));
        var kept = Opened.Place.KeepPlan(exported.Edit.Plan.ToJson(), "plan.json");
        var chosen = Read(Opened.At("causing", model, ("kind", "plan"), ("plan", kept), ("metric", "dx")));
        chosen.Edit.Value.ShouldBe(exported.Edit.Value);
        chosen.Edit.Value.ShouldNotBe(chosen.Unedited.Value);
        chosen.Arms.Single(a => a.Kind == ArmKind.ZeroDose).Value.ShouldBe(chosen.Unedited.Value);
        chosen.Arms.Count(a => a.Kind is ArmKind.MatchedRandom or ArmKind.RandomDirection).ShouldBe(8);
        Opened.Place.KeepPlan(exported.Edit.Plan.ToJson(), "again.json").ShouldBe(kept);
    }

    [Theory, InlineData("{\"edit\": []}"), InlineData("[1"), InlineData("{\"edits\": [{\"edit\": \"nothing_known\"}]}")]
    public void What_is_no_plan_is_refused_by_its_name(string json)
        => Should.Throw<VitrineException>(() => Opened.Place.KeepPlan(json, "mine.json")).Message.ShouldContain("mine.json");

    [Fact]
    public void A_study_of_an_edit_has_its_controls_and_names_its_policy()
    {
        var study = Read(Opened.At("causing", Opened.Speaking, ("neurons", "5:111"))).StudyOf((Policy)Opened.Models.Open(Opened.Speaking).Model, 2);
        study.Check();
        Study.FromJson(study.ToJson()).Fingerprint().ShouldBe(study.Fingerprint());
        study.Policy.ShouldNotBeNull();
    }

    [Theory, InlineData("neurons", "9:0"), InlineData("neurons", "x"), InlineData("dose", "much")]
    public void What_does_not_exist_is_refused_by_name(string key, string value)
        => Should.Throw<VitrineException>(() => Read(Opened.At("causing", Opened.Speaking, (key, value)))).Message.ShouldContain(value);

    private static CauseReading Read(PageAddress at)
    {
        using var scene = Opened.SceneOf(at);
        return CauseReading.Of(scene, at, Opened.Place);
    }
}
