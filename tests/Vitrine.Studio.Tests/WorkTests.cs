using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Studio.Causing;
using Vitrine.Studio.Work;
using Vitrine.Worlds.Studies;

namespace Vitrine.Studio.Tests;

public sealed class WorkTests : IDisposable
{
    private readonly string folder = Path.Combine(Path.GetTempPath(), $"vitrine-work-{Guid.NewGuid():N}");

    private static Finding Example => new(
        "20260101-000000-abcdef", "A <neuron>", "of note", "/tour/neuron?neuron=3", "vitrine neurons", "<svg></svg>", new DateTime(2026, 1, 1));

    public void Dispose()
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Findings_outlive_the_process_and_a_broken_file_hides_no_other()
    {
        new Workplace(folder).Keep(Example);
        File.WriteAllText(Path.Combine(folder, "findings", "broken.json"), "{");
        new Workplace(folder).Findings().ShouldBe([Example]);
        new Workplace(folder).Drop(Example.Id);
        new Workplace(folder).Findings().ShouldBeEmpty();
    }

    [Fact]
    public void A_study_that_was_asked_for_is_there_behind_a_restart_and_waits_to_be_gone_on_with()
    {
        var study = StudyOf();
        new Workplace(folder).Keep(new StudyRequest(Opened.Speaking, "20260101-000000-abcdef", DateTime.UtcNow, study.ToJson()));
        using var queue = new StudyQueue(Opened.Models, new Workplace(folder));
        var state = queue.All.ShouldHaveSingleItem();
        state.IsRunning.ShouldBeFalse();
        Study.FromJson(state.Request.Study).Fingerprint().ShouldBe(study.Fingerprint());
    }

    [Fact]
    public async Task A_study_is_carried_out_beside_the_pages_and_its_result_is_there()
    {
        var asked = StudyOf();
        var found = await Done(asked with { Tasks = ["reach"], StepLimit = 2 });
        found.Failure.ShouldBeNull();
        found.Result!.Arms.Count.ShouldBe(11);
        found.Chunks.ShouldBe(found.AllChunks);
    }

    [Fact]
    public async Task What_a_finished_study_found_is_there_behind_a_restart()
    {
        var asked = StudyOf();
        var found = await Done(asked with { Tasks = ["reach"], StepLimit = 2 });
        using var later = new StudyQueue(Opened.Models, new Workplace(folder));
        var state = later.All.ShouldHaveSingleItem();
        state.Result.ShouldNotBeNull().ToJson().ShouldBe(found.Result!.ToJson());
    }

    [Fact]
    public void The_saved_file_has_the_findings_asks_for_nothing_and_runs_nothing()
    {
        var page = FindingsPage.Of([Example]);
        page.ShouldContain("A &lt;neuron&gt;");
        page.ShouldContain("of note");
        page.ShouldContain("default-src &#39;none&#39;");
        page.ShouldNotContain("<script");
        page.ShouldNotContain("http://");
        page.ShouldNotContain("https://");
    }

    [Fact]
    public void A_picture_that_was_chosen_comes_back_by_its_name()
    {
        var place = new Workplace(folder);
        var picture = Picture.Plain(3, 2, (10, 20, 30));
        var kept = place.KeepPicture(PictureFile.EncodePng(picture), "a.png");
        PictureFile.Read(place.PictureFileOf(kept)).Rgb.ShouldBe(picture.Rgb);
        Should.Throw<VitrineException>(() => place.KeepPicture([1, 2, 3], "b.png"));
    }

    [Theory, InlineData("../secret"), InlineData("a/b"), InlineData(""), InlineData("..")]
    public void A_name_never_leads_out_of_the_folder(string name)
    {
        var place = new Workplace(folder);
        Should.Throw<VitrineException>(() => place.PictureFileOf(name));
        if (name != "..")
        {
            Should.Throw<VitrineException>(() => place.Keep(Example with { Id = name }));
        }
    }

    private static Study StudyOf()
    {
        var at = Opened.At("causing", Opened.Speaking, ("neurons", "5:111"));
        using var scene = Opened.SceneOf(at);
        return CauseReading.Of(scene, at, Opened.Place).StudyOf((Policy)scene.Model, 1);
    }

    /// <summary>Asks for a study and waits until it has ended.</summary>
    private async Task<StudyState> Done(Study asked)
    {
        using var queue = new StudyQueue(Opened.Models, new Workplace(folder));
        var done = new TaskCompletionSource<StudyState>(TaskCreationOptions.RunContinuationsAsynchronously);
        queue.Changed += () =>
        {
            if (queue.All.FirstOrDefault(s => !s.IsRunning) is { } state)
            {
                done.TrySetResult(state);
            }
        };
        queue.Ask(Opened.Speaking, asked);
        return await done.Task;
    }
}
