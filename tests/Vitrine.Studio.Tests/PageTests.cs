using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Rendering;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.Extensions.DependencyInjection;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Studio.Hosting;
using Vitrine.Studio.Pages;
using Vitrine.Studio.Parts;
using Vitrine.Studio.Work;
using Vitrine.Tests;
using Vitrine.Views;
using Vitrine.Worlds.Studies;
using static TorchSharp.torch;

namespace Vitrine.Studio.Tests;

/// <summary>How pages follow their address.</summary>
public sealed class PageTests : BunitContext
{
    private const string Weights = "model.safetensors";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    public PageTests()
    {
        JSInterop.Mode = JSRuntimeMode.Loose;
        Services.AddSingleton(Opened.Models);
        Services.AddSingleton(Opened.Place);
        Services.AddSingleton<StudyQueue>();
    }

    [Fact]
    public void A_page_says_that_it_reads_from_the_beginning_and_is_rendered_once_when_it_has_read()
    {
        using var go = new SemaphoreSlim(1);
        To("/told?n=1");
        var page = Render<ToldPage>(p => p.Add(t => t.Reads, at =>
        {
            go.Wait();
            return at["n"]!;
        }));
        page.WaitForAssertion(() => page.Markup.ShouldBe("1 False"), Patience);
        var before = page.RenderCount;
        To("/told?n=2");
        page.WaitForAssertion(() => page.Markup.ShouldBe("1 True"), Patience);
        go.Release();
        page.WaitForAssertion(() => page.Markup.ShouldBe("2 False"), Patience);
        page.RenderCount.ShouldBe(before + 2);
    }

    [Fact]
    public void Of_changes_during_a_reading_the_last_is_read()
    {
        using var go = new SemaphoreSlim(1);
        var read = new List<string>();
        To("/told?n=1");
        var page = Render<ToldPage>(p => p.Add(t => t.Reads, at =>
        {
            go.Wait();
            read.Add(at["n"]!);
            return at["n"]!;
        }));
        page.WaitForAssertion(() => page.Markup.ShouldBe("1 False"), Patience);
        foreach (var n in new[] { 2, 3, 4 })
        {
            To($"/told?n={n}");
        }

        page.WaitForAssertion(() => page.Markup.ShouldBe("1 True"), Patience);
        go.Release(2);
        page.WaitForAssertion(() => page.Markup.ShouldBe("4 False"), Patience);
        read.ShouldBe(["1", "2", "4"]);
    }

    [Fact]
    public void What_fails_while_the_address_changes_is_told()
    {
        To("/told?n=1");
        var boundary = Render<ErrorBoundary>(p => p
            .Add(b => b.ChildContent, (RenderFragment)(tree =>
            {
                tree.OpenComponent<ToldPage>(0);
                tree.AddComponentParameter(1, nameof(ToldPage.Reads), (Func<PageAddress, string>)(
                    at => at["n"] == "1" ? "1" : throw new InvalidOperationException("it broke")));
                tree.CloseComponent();
            }))
            .Add(b => b.ErrorContent, e => tree => tree.AddContent(0, e.Message)));
        boundary.WaitForAssertion(() => boundary.Markup.ShouldBe("1 False"), Patience);
        To("/told?n=2");
        boundary.WaitForAssertion(() => boundary.Markup.ShouldBe("it broke"), Patience);
    }

    [Fact]
    public void A_drawing_is_drawn_once_for_one_view()
    {
        var shown = new List<ClassScore> { new(0, "a cat", 1, .7) };
        var view = new ClassBars(shown);
        var drawing = Render<Parts.Drawing>(p => p.Add(d => d.View, view));
        var before = drawing.Markup;
        shown[0] = new ClassScore(0, "a dog", 1, .7);
        drawing.Render(p => p.Add(d => d.View, view));
        drawing.Markup.ShouldBe(before);
        drawing.Render(p => p.Add(d => d.View, new ClassBars(shown)));
        drawing.Markup.ShouldContain("a dog");
    }

    [Fact]
    public void The_chosen_patch_is_marked_as_the_chosen_one()
    {
        To(Opened.At("tour/patches", Opened.Image, ("patch", 1)).Relative);
        var page = Render<TourPage>();
        page.WaitForAssertion(() => page.FindAll(".patchified").Count.ShouldBe(1), Patience);
        page.Markup.ShouldNotContain("out of line");
        page.Markup.ShouldContain("The marked patch is the chosen one.");
    }

    [Fact]
    public void The_study_that_is_offered_has_as_many_layouts_as_the_page_says()
    {
        To(Opened.At("causing", Opened.Speaking, ("neurons", "5:111")).Relative);
        var page = Render<CausingPage>();
        page.WaitForAssertion(() => page.FindAll("a[download='study.json']").Count.ShouldBe(1), Patience);
        Offered().LayoutsPerTask.ShouldBe(2);
        page.Find("input[max='200']").Change("3");
        Offered().LayoutsPerTask.ShouldBe(3);

        Study Offered() => Study.FromJson(Uri.UnescapeDataString(page.Find("a[download='study.json']").GetAttribute("href")!.Split(',', 2)[1]));
    }

    [Fact]
    public void Why_there_is_no_lens_is_told()
    {
        var folder = Directory.CreateTempSubdirectory("vitrine-headless-").FullName;
        foreach (var file in Directory.EnumerateFiles(Fixtures.Of("models", "bert-classifier")).Where(f => Path.GetFileName(f) != Weights))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }

        using (var file = SafetensorsFile.Open(Fixtures.Of("models", "bert-classifier", Weights)))
        using (NewDisposeScope())
        {
            SafetensorsFile.Save(
                Path.Combine(folder, Weights),
                file.Tensors.Keys.Where(k => !k.StartsWith("classifier", StringComparison.Ordinal)).ToDictionary(k => k, file.Read));
        }

        var config = Path.Combine(folder, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("BertForSequenceClassification", "BertModel", StringComparison.Ordinal));
        To(Opened.At("looking", folder, ("lens", "1")).Relative);
        var page = Render<LookingPage>();
        page.WaitForAssertion(() => page.FindAll(".head-grid").Count.ShouldBe(1), Patience);
        page.Markup.ShouldContain("no lens can read in them");
        Directory.Delete(folder, recursive: true);
    }

    private void To(string address) => Services.GetRequiredService<NavigationManager>().NavigateTo(address);
}

/// <summary>A page that shows what a test reads, and whether it reads.</summary>
internal sealed class ToldPage : StudioPage
{
    private string told = "";

    [Parameter]
    public Func<PageAddress, string> Reads { get; set; } = null!;

    private protected override Action Read(PageAddress at)
    {
        var read = Reads(at);
        return () => told = read;
    }

    protected override void BuildRenderTree(RenderTreeBuilder builder) => builder.AddContent(0, $"{told} {IsReading}");
}
