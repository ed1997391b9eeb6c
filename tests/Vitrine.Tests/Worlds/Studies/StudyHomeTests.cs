using Parquet;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Tests.Cli;
using Vitrine.Transformers.Edits;
using Vitrine.Worlds;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Studies.Files;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds.Studies;

/// <summary>Study files run with a real policy: controls made, results written, looks, what another file or checkpoint may not do.</summary>
[Collection(ThreadCount.Name)]
public sealed class StudyHomeTests : IDisposable
{
    private const string Text = """
        study: tiny
        policy: embedded:tabletop
        world: {name: tabletop, adverbs: false}
        tasks: [reach]
        layouts: 4
        block: 2
        steps: 3
        states: 4
        measures: [height]
        concepts:
          - concept: fast
            word: quickly
            conditions:
              - {name: clamp, neurons: {list: [[5, 111], [5, 130]]}, dose: +4sd}
        """;

    private readonly TemporaryFolder folder = new();
    private readonly Policy policy = Policy.Open("embedded:tabletop");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_edit_gets_its_controls_and_any_number_of_workers_writes_the_same_bytes()
    {
        var file = StudyFile.Parse(Text);
        var planned = new StudyMaker(file, policy).Make(cancellation: Cancellation);
        planned.Study.Arms.GroupBy(a => a.Kind).ToDictionary(g => g.Key, g => g.Count()).ShouldBe(new Dictionary<ArmKind, int>
        {
            [ArmKind.Baseline] = 1,
            [ArmKind.ZeroDose] = 1,
            [ArmKind.Prompt] = 1,
            [ArmKind.Edit] = 1,
            [ArmKind.MatchedRandom] = 8,
            [ArmKind.RandomDirection] = 8,
            [ArmKind.ReversedSign] = 1,
        });
        var bytes = new List<(string Json, byte[] Episodes, byte[] Comparisons)>();
        foreach (var workers in new[] { 1, 2, 4 })
        {
            var home = new StudyHome(folder[$"{workers}"]);
            var outcome = await home.RunAsync(file, home.Plan(file, () => planned), policy, workers, cancellation: Cancellation);
            outcome.Result.Arms.Single(a => a.Arm.Kind == ArmKind.ZeroDose).SameAsBaseline.ShouldBe(4);
            bytes.Add((File.ReadAllText(home.ResultPath), File.ReadAllBytes(home.EpisodesPath), File.ReadAllBytes(home.ComparisonsPath)));
        }

        bytes.ShouldAllBe(b => b.Json == bytes[0].Json && b.Episodes.SequenceEqual(bytes[0].Episodes) && b.Comparisons.SequenceEqual(bytes[0].Comparisons));
        var first = new StudyHome(folder["1"]);
        await Reads(first);
        await Belongs(first, file);
    }

    /// <summary>The tables read back with another reader than the one that wrote them knows.</summary>
    private static async Task Reads(StudyHome home)
    {
        var run = await home.EpisodesAsync(Cancellation);
        await using var reader = await ParquetReader.CreateAsync(home.EpisodesPath, cancellationToken: Cancellation);
        reader.CustomMetadata["registered"].ShouldBe(home.RequireResult().Registered);
        using var group = reader.OpenRowGroupReader(0);
        group.RowCount.ShouldBe(21 * 4);
        var height = new double[group.RowCount];
        await group.ReadAsync<double>(reader.Schema.GetDataFields().Single(f => f.Name == "height"), height.AsMemory(), cancellationToken: Cancellation);
        height.ShouldBe(run.Arms.SelectMany(a => a.Episodes).Select(Measure.Height.Of));
        await using var compared = await ParquetReader.CreateAsync(home.ComparisonsPath, cancellationToken: Cancellation);
        using var rows = compared.OpenRowGroupReader(0);
        var p = new double?[rows.RowCount];
        await rows.ReadAsync(compared.Schema.GetDataFields().Single(f => f.Name == "p_adjusted"), p.AsMemory(), cancellationToken: Cancellation);
        p.ShouldBe(home.RequireResult().Comparisons.Select(c => c.AdjustedP));
    }

    private async Task Belongs(StudyHome home, StudyFile file)
    {
        var before = Files();
        var changed = StudyFile.Parse(Text.Replace("[height]", "[speed]", StringComparison.Ordinal));
        Should.Throw<VitrineException>(() => home.Plan(changed, () => throw new InvalidOperationException())).Message
            .ShouldContain("What is decided after results were seen is another study");
        var strange = file with { Policy = file.Policy with { Fingerprint = new string('0', 12) } };
        Should.Throw<VitrineException>(() => new StudyMaker(strange, policy).Make()).Message.ShouldContain("with the weights 000000000000");
        await using (new FileStream(Path.Combine(home.Path, "chunks", "study.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
        {
            var planned = home.Plan(file, () => throw new InvalidOperationException("the plan is there"));
            (await Should.ThrowAsync<VitrineException>(() => home.RunAsync(file, planned, policy, cancellation: Cancellation)))
                .Message.ShouldContain("another process is running a study in this folder");
        }

        Files().ShouldBe(before, "nothing was touched");

        var later = await home.ReportAsync(["steps"], Cancellation);
        later.Comparisons.Where(c => c.IsExploratory).Select(c => c.Measure).ShouldBe(["steps"]);
        home.RequireResult().ToJson().ShouldBe(later.ToJson());
        (await home.ReportAsync(["speed"], Cancellation)).Comparisons.Where(c => c.IsExploratory).Select(c => c.Measure).ShouldBe(["steps", "speed"]);
        (await home.RunAsync(file, home.Plan(file, () => throw new InvalidOperationException()), policy, cancellation: Cancellation))
            .Comparisons.Count(c => c.IsExploratory).ShouldBe(2, "what was seen stays seen");

        File.Delete(Path.Combine(home.Path, "chunks", "chunk-00003.json"));
        (await Should.ThrowAsync<VitrineException>(() => home.EpisodesAsync(Cancellation))).Message.ShouldContain("are missing");

        string[] Files() => [.. Directory.EnumerateFiles(home.Path, "*", SearchOption.AllDirectories).Where(f => !f.EndsWith(".lock", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).Select(f => f + File.GetLastWriteTimeUtc(f).Ticks)];
    }

    [Fact]
    public async Task Looks_stop_a_study_whose_comparisons_have_crossed_and_join_what_was_run()
    {
        var text = Text + "\nlooks: {count: 2, spending: pocock}\nalpha: 0.5";
        var file = StudyFile.Parse(text);
        var planned = new StudyMaker(file, policy) { MeasuresStrength = false }.Make(cancellation: Cancellation);
        var whole = await new StudyHome(folder["whole"]).RunAsync(file, planned, Moving(0), cancellation: Cancellation);
        whole.Looks.Select(l => (l.Number, l.Layouts, l.Crossed.Count, l.IsLast)).ShouldBe([(1, 2, 0, false), (2, 4, 0, true)]);
        whole.Result.Layouts.ShouldBe(4);
        var early = await new StudyHome(folder["early"]).RunAsync(StudyFile.Parse(text.Replace("layouts: 4", "layouts: 12", StringComparison.Ordinal)),
            planned with
            {
                Registered = StudyFile.Parse(text.Replace("layouts: 4", "layouts: 12", StringComparison.Ordinal)).Hash,
                Study = planned.Study with { LayoutsPerTask = 12 },
            },
            Moving(.05), cancellation: Cancellation);
        early.Looks.ShouldHaveSingleItem().Crossed.ShouldBe(["clamp: height"]);
        (early.Looks[0].IsLast, early.Result.Layouts, early.Comparisons[0].IsSignificant).ShouldBe((true, 6, true));
        Directory.GetDirectories(folder["early"]).Select(d => Path.GetFileName(d)).ShouldBe(["chunks-1"]);

        // The same world without a policy: the edit's arm moves upwards.
        StudyExecution Moving(double up) => (study, chunks) => new StudyRunner(() => new TabletopWorld(new() { Adverbs = false }))
            .RunAsync(study, IActor (arm) => new Rising(arm.Kind == ArmKind.Edit ? up : 0), new() { Folder = chunks }, cancellation: Cancellation);
    }

    [Fact]
    public async Task A_check_tells_cost_and_power_and_two_checkpoints_are_compared_layout_by_layout()
    {
        var file = StudyFile.Parse(Text + "\ncomparisons: [{condition: clamp, measure: height, effect: 0.2}]");
        var planned = new StudyMaker(file, policy).Make(cancellation: Cancellation);
        var check = await StudyCheck.OfAsync(file, planned, policy, 2, new Dictionary<string, double> { ["height"] = .1 }, cancellation: Cancellation);
        (check.Arms, check.Layouts, check.Episodes, check.ControlSteps, check.PilotEpisodes).ShouldBe((21, 4, 84, 252L, 4));
        check.Seconds.ShouldBeGreaterThan(0);
        var power = check.Powers.ShouldHaveSingleItem();
        (power.IsStated, power.Effect, power.Alpha).ShouldBe((true, .2, .05));
        power.Deviation.ShouldBe(.1, 1e-9);
        (power.Detectable, power.Power!.Successes).ShouldBe((double.PositiveInfinity, 0), "four layouts cannot reach .05 by sign flips");
        var strength = check.Strengths.ShouldHaveSingleItem();
        strength.Nats!.Value.ShouldBeGreaterThan(0);

        var homes = new[] { "a", "b" }.Select(name => new StudyHome(folder[name])).ToArray();
        foreach (var home in homes)
        {
            await home.RunAsync(file, home.Plan(file, () => planned), policy, 2, cancellation: Cancellation);
        }

        var contrast = await StudyContrast.OfAsync(homes[0], homes[1], Cancellation);
        contrast.Layouts.ShouldBe(4);
        contrast.Rows.Select(r => r.Arm).Distinct().ShouldBe(["no edit", "zero dose", "say 'quickly'", "clamp", "clamp, reversed"]);
        contrast.Rows.ShouldAllBe(r => r.P == 1 && r.Change.Mean == 0);
        contrast.Rows.Where(r => r.Measure == "success").ShouldAllBe(r => r.OnlyFirst == 0 && r.OnlySecond == 0);
        var other = StudyFile.Parse(Text + "\nseed: 2");
        var apart = new StudyHome(folder["c"]);
        await apart.RunAsync(other, apart.Plan(other, () => new StudyMaker(other, policy) { MeasuresStrength = false }.Make()), policy, 2,
            cancellation: Cancellation);
        (await Should.ThrowAsync<VitrineException>(() => StudyContrast.OfAsync(homes[0], apart, Cancellation))).Message.ShouldContain("cannot be paired");
        (await Should.ThrowAsync<VitrineException>(() => StudyContrast.OfAsync(homes[0], new(folder["none"]), Cancellation)))
            .Message.ShouldContain("holds no finished study");
    }

    [Fact]
    public void A_dose_by_effect_reaches_its_target_and_one_that_cannot_says_so()
    {
        var made = Strengths("dose: +4sd", "dose: {nats: 0.05}, add: true");
        made.Nats!.Value.ShouldBe(.05, .01);
        var motion = Strengths("clamp, neurons: {list: [[5, 111], [5, 130]]}, dose: +4sd", "push, difference: attention, dose: {motion: 0.01}");
        motion.Motion!.Value.ShouldBe(.01, .001);
        Should.Throw<VitrineException>(() => Strengths("dose: +4sd", "dose: {motion: 50}")).Message.ShouldContain("no dose up to 128 reaches 50 of motion");

        ConditionStrength Strengths(string from, string to)
            => new StudyMaker(StudyFile.Parse(Text.Replace(from, to, StringComparison.Ordinal)), policy).Make(cancellation: Cancellation).Strengths[0];
    }

    [Fact]
    public void Plans_get_controls_by_what_they_edit_and_those_without_any_are_refused()
    {
        var tenths = string.Join(",", Enumerable.Repeat("0.1", 128));
        var study = Study($"edits: [{{edit: add, at: language.4.resid_post, value: {{shape: [128], data: [{tenths}]}}}}]");
        study.Arms.Count(a => a.Kind == ArmKind.RandomDirection).ShouldBe(8);
        study.Arms.Where(a => a.Kind == ArmKind.RandomDirection).Select(a => ((Add)a.Plan!.Edits[0]).Value.Data.Sum(v => (double)v * v))
            .ShouldAllBe(norm => Math.Abs(norm - 1.28) < 1e-4);
        study.Arms.Count(a => a.Kind == ArmKind.ReversedSign).ShouldBe(1);
        Study("edits: [{edit: zero, at: language.5.mlp.neurons, scope: {neurons: [111]}}]").Arms.Count(a => a.Kind == ArmKind.MatchedRandom).ShouldBe(8);
        Should.Throw<VitrineException>(() => Study("edits: [{edit: zero, at: language.5.attn.z, scope: {heads: [1]}}]")).Message
            .ShouldContain("no random control is known for its edit 0 (Zero at language.5.attn.z)");
        Should.Throw<VitrineException>(() => Study("neurons: {list: [[5, 111]]}, dose: +4sd", "reach", "raech")).Message
            .ShouldContain("has no task 'raech'; the nearest is 'reach'");

        Study Study(string condition, string from = "reach", string to = "reach") => new StudyMaker(
            StudyFile.Parse(Text.Replace("neurons: {list: [[5, 111], [5, 130]]}, dose: +4sd", condition, StringComparison.Ordinal)
                .Replace(from, to, StringComparison.Ordinal)), policy)
        { MeasuresStrength = false }.Make(cancellation: Cancellation).Study;
    }

    [Fact]
    public void The_demo_s_file_gives_the_arms_of_the_concept_and_the_reversed_signs_behind_them()
    {
        var file = StudyFile.Open(Path.Combine(Fixtures.Repository, "src", "Vitrine.Cli", "Demo", "Studies", "fast.yaml")) with { States = 6 };
        var maker = new StudyMaker(file, policy) { MeasuresStrength = false };
        var study = maker.Make(cancellation: Cancellation).Study;
        var patterns = LexicalPatterns.Read(policy, TabletopVocabulary.Concepts, cancellation: Cancellation);
        using var edits = new ConceptEdits(policy, new ConceptSelection
        {
            Word = "quickly",
            States = TabletopStates.Draw(1, LayoutSplit.Selection, file.Tasks, 6),
            Neurons = patterns.Set("fast"),
            Dose = Dose.Sigmas(4),
            Calibration = Calibration.Measure(policy, TabletopStates.ForCalibration(1, 12)),
            Clustered = patterns.AllClustered(),
            Seed = 1,
        });
        var expected = ConceptArms.Of("fast", edits).Select(a => a.Label()).ToArray();
        study.Arms.Take(expected.Length).Select(a => a.Label()).ShouldBe(expected);
        study.Arms.Skip(expected.Length).Select(a => (a.Name, a.Kind)).ShouldBe(
        [
            ("lexical clamp, reversed", ArmKind.ReversedSign), ("attention mean difference, reversed", ArmKind.ReversedSign),
            ("feed-forward mean difference, reversed", ArmKind.ReversedSign),
        ]);
    }

    public void Dispose()
    {
        policy.Dispose();
        folder.Dispose();
    }

    private sealed class Rising(double up) : IActor
    {
        public IReadOnlyList<double[]> Act(IReadOnlyList<Turn> turns, CancellationToken cancellation = default)
            => [.. turns.Select(_ => new[] { 0, 0, up, 0, 0, 0, 1 })];
    }
}
