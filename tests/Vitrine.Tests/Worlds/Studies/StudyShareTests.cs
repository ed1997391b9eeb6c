using Vitrine.Policies;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds.Studies;

/// <summary>Shares of a study over one folder, and what is made of them.</summary>
[Collection(ThreadCount.Name)]
public sealed class StudyShareTests : IDisposable
{
    private static readonly Study Study = StudyTests.Planned(
        new Arm { Name = "up", Kind = ArmKind.Edit, Concept = "high", Plan = StudyTests.Clamped(1) }).WithControls(StudyTests.ControlsOf);

    private readonly string folder = Directory.CreateTempSubdirectory("shares").FullName;
    private readonly StudyWork work = StudyWork.Of(Study, IActor (_) => new LinearPolicy(), () => new TabletopWorld(new() { Adverbs = false }));

    private StudyOptions Here => new() { Folder = folder };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Three_shares_at_once_give_what_one_run_gives_and_nothing_else_stays()
    {
        var whole = (await StudyRunner.RunAsync(work, cancellation: Cancellation)).ToJson();
        await Task.WhenAll(Enumerable.Range(1, 3).Select(i => StudyRunner.RunShareAsync(work, new(i, 3), Here, cancellation: Cancellation)));
        StudyRunner.Collect(Study, Here).ToJson().ShouldBe(whole);
        (await StudyRunner.RunAsync(work, Here, cancellation: Cancellation)).ToJson().ShouldBe(whole);
        Directory.GetFiles(folder, "*.tmp").ShouldBeEmpty();
        Directory.GetFiles(folder, "chunk-*.json").Length.ShouldBe(work.Chunks.Count);
    }

    [Fact]
    public async Task Incomplete_shares_are_refused_by_what_is_missing()
    {
        await StudyRunner.RunShareAsync(work, new(1, 3), Here, cancellation: Cancellation);
        var missing = await StudyRunner.RunShareAsync(work, new(3, 3), Here, cancellation: Cancellation);
        missing.Select(c => c.Number).ShouldBe(Enumerable.Range(0, work.Chunks.Count).Where(n => n % 3 == 1));
        Should.Throw<VitrineException>(() => StudyRunner.Collect(Study, Here)).Message.ShouldSatisfyAllConditions(
            m => m.ShouldContain($"{missing.Count} of the {work.Chunks.Count} chunks of study 'plan' are missing: 1 (arm 'baseline'), 4 (arm 'up')"),
            m => m.ShouldEndWith("they belong to 2/3."));
    }

    [Fact]
    public async Task A_share_goes_on_where_it_was_stopped()
    {
        var share = new StudyShare(2, 2);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        await Should.ThrowAsync<OperationCanceledException>(() => StudyRunner.RunShareAsync(
            work, share, Here, new Told(p => { if (p.Chunks == 3) { stop.Cancel(); } }), stop.Token));
        var resumed = new List<StudyProgress>();
        await StudyRunner.RunShareAsync(work, share, Here, new Told(resumed.Add), Cancellation);
        resumed.ShouldAllBe(p => p.Resumed == 3 && p.AllChunks == work.Chunks.Count(share.Has));
    }

    [Fact]
    public async Task A_share_that_is_running_and_a_whole_run_are_refused_beside_each_other()
    {
        var share = new StudyShare(1, 2);
        using (StudyFolder.Open(folder, Study, share))
        {
            (await Refused(() => StudyRunner.RunShareAsync(work, share, Here))).ShouldContain("another process is running share 1/2 in this folder");
            (await Refused(() => StudyRunner.RunAsync(work, Here))).ShouldContain("another process is running a study in this folder");
            Should.Throw<VitrineException>(() => StudyRunner.Collect(Study, Here)).Message.ShouldContain("another process");
            StudyFolder.Open(folder, Study, new(2, 2)).Dispose();
        }

        using (StudyFolder.Open(folder, Study))
        {
            (await Refused(() => StudyRunner.RunShareAsync(work, share, Here))).ShouldContain("another process is running the whole study in this folder");
        }

        await StudyRunner.RunShareAsync(work, share, Here, cancellation: Cancellation);
    }

    [Fact]
    public async Task Another_study_and_a_folder_of_none_are_refused()
    {
        Should.Throw<VitrineException>(() => StudyRunner.Collect(Study, Here)).Message.ShouldContain("holds no study");
        Directory.GetFiles(folder).ShouldBeEmpty();
        await StudyRunner.RunShareAsync(work, new(1, 3), Here, cancellation: Cancellation);
        Should.Throw<VitrineException>(() => StudyRunner.Collect(Study with { Seed = 1 }, Here)).Message.ShouldContain("the seed: '9' there, '1' asked for");
    }

    [Theory]
    [InlineData("0/3")]
    [InlineData("4/3")]
    [InlineData("1")]
    [InlineData("1/2/3")]
    [InlineData("a/3")]
    [InlineData("1/-3")]
    public void What_is_no_share_is_refused(string text) => Should.Throw<VitrineException>(() => StudyShare.Parse(text)).Message.ShouldContain("expected I/N");

    [Fact]
    public void Every_chunk_is_in_one_share()
    {
        StudyShare.Parse("2/3").ShouldBe(new StudyShare(2, 3));
        work.Chunks.ShouldAllBe(chunk => Enumerable.Range(1, 3).Count(i => new StudyShare(i, 3).Has(chunk)) == 1);
    }

    [Fact]
    public void Slurm_says_which_share_a_job_has()
    {
        StudyShare.OfSlurm(Of("5", "4", "7", "4")).ShouldBe(new StudyShare(2, 4));
        Should.Throw<VitrineException>(() => StudyShare.OfSlurm(Of("5", "1", "9", "5"))).Message.ShouldContain("without gaps");
        Should.Throw<VitrineException>(() => StudyShare.OfSlurm(_ => null)).Message.ShouldContain("SLURM_ARRAY_TASK_ID");

        static Func<string, string?> Of(string id, string first, string last, string count) => name => name switch
        {
            "SLURM_ARRAY_TASK_ID" => id,
            "SLURM_ARRAY_TASK_MIN" => first,
            "SLURM_ARRAY_TASK_MAX" => last,
            "SLURM_ARRAY_TASK_COUNT" => count,
            _ => null,
        };
    }

    public void Dispose()
    {
        work.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private static async Task<string> Refused(Func<Task> run) => (await Should.ThrowAsync<VitrineException>(run)).Message;

    private sealed class Told(Action<StudyProgress> what) : IProgress<StudyProgress>
    {
        public void Report(StudyProgress value) => what(value);
    }
}
