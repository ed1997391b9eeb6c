using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Tests.Cli;
using Vitrine.Worlds;
using Vitrine.Worlds.Studies.Files;

namespace Vitrine.Tests.Worlds.Studies;

/// <summary>What a study file may say, and that nothing else is read.</summary>
public sealed class StudyFileTests : IDisposable
{
    internal const string Good = """
        study: fast
        policy: embedded:tabletop
        world: {name: tabletop, adverbs: false}
        tasks: [reach, lift]
        layouts: 4
        steps: 6
        measures: [speed, height]
        concepts:
          - concept: fast
            word: quickly
            conditions:
              - name: clamp
                neurons: {list: [[5, 111], [5, 130]]}
                dose: +4sd
                schedule: {schedule: window, first: 0, last: 2}
              - name: difference
                difference: attention
                layers: [3, 4]
                dose: 0.5
        """;

    private readonly TemporaryFolder folder = new();

    [Fact]
    public void Everything_that_is_said_is_read_and_the_rest_has_its_default()
    {
        var file = StudyFile.Parse(Good);
        (file.Name, file.Policy.Name, file.Layouts, file.Steps, file.Seed, file.Split, file.Draws, file.States, file.Alpha)
            .ShouldBe(("fast", "embedded:tabletop", 4, 6, 1UL, LayoutSplit.Test, 8, 48, .05));
        file.Measures.ShouldBe(["speed", "height"]);
        var (clamp, difference) = (file.Concepts[0].Conditions[0], file.Concepts[0].Conditions[1]);
        clamp.Neurons!.List!.Select(n => (n[0], n[1])).ShouldBe([(5, 111), (5, 130)]);
        (clamp.Dose.Amount, clamp.Adds, clamp.Schedule).ShouldBe(("+4sd", false, new Window(0, 2)));
        (difference.Difference, difference.Dose.Amount).ShouldBe(("attention", "0.5"));
        difference.Layers.ShouldBe([3, 4]);
    }

    [Fact]
    public void A_list_of_doses_makes_a_condition_of_each_and_doses_may_be_set_by_effect()
    {
        var file = StudyFile.Parse(Good.Replace("dose: +4sd", "dose: [1sd, {nats: 0.1}, {motion: 0.01}, {motion: word}]", StringComparison.Ordinal));
        file.Concepts[0].Conditions.Select(c => c.Name).ShouldBe(
            ["clamp, 1sd", "clamp, 0.1 nats", "clamp, motion 0.01", "clamp, motion of the word", "difference"]);
        file.Concepts[0].Conditions.Select(c => (c.Dose.Nats, c.Dose.Motion, c.Dose.AsWord)).Skip(1).Take(3)
            .ShouldBe([(.1, null, false), (null, .01, false), (null, null, true)]);
    }

    [Fact]
    public void The_hash_is_of_what_is_said_not_of_how_it_is_written()
    {
        var hash = StudyFile.Parse(Good).Hash;
        var quoted = Good.Replace("study: fast", "study: 'fast'", StringComparison.Ordinal);
        StudyFile.Parse($"# a comment\n{quoted}\nseed: 1\nalpha: 0.050").Hash.ShouldBe(hash);
        foreach (var (from, to) in new[]
        {
            ("+4sd", "+3sd"), ("layouts: 4", "layouts: 5"), ("quickly", "slowly"), ("[5, 130]", "[5, 131]"), ("last: 2", "last: 3"), ("speed, height", "speed"),
        })
        {
            StudyFile.Parse(Good.Replace(from, to, StringComparison.Ordinal)).Hash.ShouldNotBe(hash, to);
        }
    }

    [Fact]
    public void The_hash_is_also_of_the_files_that_are_named()
    {
        var text = Good.Replace("{list: [[5, 111], [5, 130]]}", "{file: sets.yaml, set: fast}", StringComparison.Ordinal);
        File.WriteAllText(folder["study.yaml"], text);
        File.WriteAllText(folder["sets.yaml"], "sets: {fast: [[5, 111]]}\n");
        var before = StudyFile.Open(folder["study.yaml"]);
        before.Files.Keys.ShouldBe(["sets.yaml"]);
        File.WriteAllText(folder["sets.yaml"], "sets: {fast: [[5, 112]]}\n");
        StudyFile.Open(folder["study.yaml"]).Hash.ShouldNotBe(before.Hash);
    }

    [Fact]
    public void Looks_and_comparisons_are_read()
    {
        var file = StudyFile.Parse(Good + "\nlooks: {count: 2, spending: pocock}\ncomparisons:\n  - {condition: clamp, measure: height, effect: 0.02}");
        file.Looks.ShouldBe(new SequentialLooks(2, Spending.Pocock));
        file.Comparisons.ShouldHaveSingleItem().ShouldBe(new PlannedComparison("clamp", "height", .02));
    }

    public static TheoryData<string, string, string> Wrong() => new()
    {
        { "layouts: 4", "layout: 4", "a study has no key 'layout'; the nearest is 'layouts'" },
        { "layouts: 4", "layouts: 0", "'layouts' is '0'; expected a whole number of at least 1" },
        { "layouts: 4\n", "", "a study lacks the key 'layouts'" },
        { "steps: 6", "steps: 6\nsteps: 7", "the key 'steps' is there twice" },
        { "tasks: [reach, lift]", "tasks: &t [reach, lift]", "line 4: has the anchor '&t'" },
        { "tasks: [reach, lift]", "tasks: *t", "line 4: has the alias '*t'" },
        { "tasks: [reach, lift]", "tasks: !!set [reach]", "has the tag" },
        { "name: tabletop", "name: tabeltop", "'world' is 'tabeltop'; the nearest is 'tabletop'" },
        { "adverbs: false", "adverb: false", "the world 'tabletop' has no key 'adverb'; the nearest is 'adverbs'" },
        { "adverbs: false", "adverbs: maybe", "'adverbs' is 'maybe'; expected true or false" },
        { "[speed, height]", "[sped]", "there is no measure 'sped'; the nearest is 'speed'" },
        { "difference: attention", "difference: atention", "the nearest is 'attention'" },
        { "difference: attention", "nothing: here", "a condition has no key 'nothing'" },
        { "difference: attention", "difference: attention\n        plan: p.json", "found difference and plan, expected one of" },
        { "word: quickly", "words: []", "the concept has no 'word'" },
        { "dose: +4sd", "dose: fast", "dose 'fast': expected a number" },
        { "dose: +4sd", "dose: {nats: -1}", "'nats' is '-1'; expected more than 0" },
        { "        dose: +4sd\n", "", "a condition of neurons lacks the key 'dose'" },
        { "dose: 0.5", "dose: +4sd", "'dose' is '+4sd'; expected a number" },
        { "last: 2", "last: 2, strange: 1", "strange" },
        { "{list: [[5, 111], [5, 130]]}", "{list: [[5]]}", "a neuron is a pair [layer, index]" },
        { "{list: [[5, 111], [5, 130]]}", "{file: ../sets.yaml, set: fast}", "lies outside the study's folder" },
        { "{list: [[5, 111], [5, 130]]}", "{file: sets.yaml, set: fast}", "'sets.yaml' cannot be read" },
        { "steps: 6", "steps: 6\ncontrols: false", "controls are added to every edit and cannot be switched off" },
        { "steps: 6", "steps: 6\ncontrols: {zero_dose: false}", "the control 'zero_dose' cannot be switched off" },
        { "steps: 6", "steps: 6\ncontrols: {draws: 7}", "'draws' is 7; a control has at least 8 random draws" },
        { "steps: 6", "steps: 6\nlooks: {count: 9, spending: pocock}", "9 looks at 4 layouts" },
        { "steps: 6", "steps: 6\ncomparisons: [{condition: clam, measure: speed}]", "there is no condition 'clam'; the nearest is 'clamp'" },
        { "policy: embedded:tabletop", "policy: {name: embedded:tabletop, fingerprint: xyz}", "expected at least 8 hexadecimal digits" },
    };

    [Theory, MemberData(nameof(Wrong))]
    public void What_a_study_cannot_say_is_refused_in_one_line(string from, string to, string why)
    {
        Good.ShouldContain(from);
        var message = Should.Throw<VitrineException>(() => StudyFile.Parse(Good.Replace(from, to, StringComparison.Ordinal), "s.yaml", folder.Path)).Message;
        message.ShouldContain(why);
        message.ShouldStartWith("s.yaml, line ");
        message.ShouldNotContain("\n");
    }

    [Fact]
    public void Sizes_depths_and_other_documents_are_refused_before_they_are_kept()
    {
        Refused(new string(' ', (1 << 20) + 1)).ShouldContain("a study file has at most 1048576");
        Refused("a: " + new string('[', 40_000)).ShouldContain("is nested deeper than 16");
        Refused(string.Concat(Enumerable.Repeat("{a: ", 40_000))).ShouldContain("is nested deeper than 16");
        Refused(Good + "\n---\nstudy: other").ShouldContain("more than one document");
        Refused("").ShouldContain("is empty");
        Refused("- a").ShouldContain("is no map of keys");
        Refused("a: [").ShouldContain("is no YAML");
        File.WriteAllText(folder["large.yaml"], new string('#', (1 << 20) + 1));
        Should.Throw<VitrineException>(() => StudyFile.Open(folder["large.yaml"])).Message.ShouldContain("has 1048577 bytes");
        Should.Throw<VitrineException>(() => StudyFile.Open(folder["none.yaml"])).Message.ShouldContain("cannot be read");

        static string Refused(string text) => Should.Throw<VitrineException>(() => StudyFile.Parse(text)).Message;
    }

    public void Dispose() => folder.Dispose();
}
