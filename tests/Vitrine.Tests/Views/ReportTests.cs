using System.Collections;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Views;
using Vitrine.Worlds;
using Vitrine.Worlds.Studies;

namespace Vitrine.Tests.Views;

public sealed class ReportTests
{
    private const string Hostile = "</style></script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u0001\uD800";

    private static readonly string Page = Report.Render(SampleReport.Create()), Flowing = Report.Render(SampleReport.Flow());

    /// <summary>A policy that speaks in tokens, and one that flows.</summary>
    public static TheoryData<string> Pages => ["speaking", "flowing"];

    [Theory, MemberData(nameof(Pages))]
    public void The_page_is_well_formed_and_holds_every_section(string page)
    {
        RenderedPage.Parse(Of(page)).All("section").Where(section => section.Is("chapter")).Select(section => section.Get("id"))
            .ShouldBe(["film", "found", "pass", "write", "look", "carry", "steer", "trust", "how"]);
    }

    [Fact]
    public void Every_link_leads_somewhere_and_every_head_neuron_and_layer_that_is_shown_has_its_place()
    {
        var page = RenderedPage.Parse(Page);
        var ids = page.DescendantsAndSelf().Select(element => element.Get("id")).ToHashSet();
        var targets = page.All("a").Select(link => link.Get("href")).ToList();
        targets.ShouldAllBe(target => target.StartsWith('#') && ids.Contains(target.Substring(1)));
        var data = SampleReport.Create();
        foreach (var place in data.Attention.Select(m => $"head-{m.Look.Layer}-{m.Look.Head}")
            .Concat(data.Concepts.SelectMany(c => c.Neurons).Select(n => $"neuron-{n.Layer}-{n.Index}"))
            .Concat(Enumerable.Range(0, 6).Select(layer => $"layer-{layer}")))
        {
            ids.ShouldContain(place);
            targets.ShouldContain("#" + place, "and something leads there");
        }
    }

    [Fact]
    public void What_a_sentence_names_leads_there_and_what_the_page_does_not_show_is_plain_text()
    {
        var data = SampleReport.Create() with { Finding = "Neuron 9:999 of layer 5 and head 5:1, at 12:30." };
        var finding = RenderedPage.Parse(Report.Render(data)).All("p").Single(p => p.Is("finding"));
        finding.Value.ShouldBe(data.Finding);
        finding.All("a").Select(a => (a.Value, a.Get("href"))).ShouldBe([("layer 5", "#layer-5"), ("head 5:1", "#head-5-1")]);
    }

    [Fact]
    public void The_page_opens_with_the_finding_and_the_robot_before_any_number()
    {
        var page = RenderedPage.Parse(Page);
        var order = page.DescendantsAndSelf().ToList();
        int Of(Func<XElement, bool> which) => order.FindIndex(element => which(element));
        var finding = Of(e => e.Is("finding"));
        finding.ShouldBeLessThan(Of(e => e.Is("player")));
        Of(e => e.Is("player")).ShouldBeLessThan(Of(e => e.Is("facts")));
        Of(e => e.Is("facts")).ShouldBeLessThan(Of(e => e.Is("verdict")));
        order[finding].Value.ShouldBe(SampleReport.Create().Finding.Replace("*", ""));
    }

    [Fact]
    public void Each_class_of_verdicts_stands_under_its_own_heading_also_when_it_is_empty()
    {
        static string[] Said(ReportData data) => [.. RenderedPage.Parse(Report.Render(data)).All("section").Where(s => s.Is("verdict"))
            .Select(s => $"{s.Get("aria-label")}: {s.All("li").Count()}")];
        Said(SampleReport.Create()).ShouldBe(["Shown: 1", "Moves, but breaks the task: 1", "Not shown: 1", "Limits: 1"]);
        Said(SampleReport.Empty() with { Statements = [new("nothing", VerdictClass.NotShown)] })
            .ShouldBe(["Shown: 0", "Moves, but breaks the task: 0", "Not shown: 1", "Limits: 0"]);
    }

    /// <summary>A column of decimals says in what they are: in its heading, in the table's caption, or in the cells themselves.</summary>
    [Theory, MemberData(nameof(Pages))]
    public void Numbers_in_tables_have_a_unit(string page)
    {
        string[] units = ["%", "nats", "table widths", "in the picture", "sd", "adjusted p", "relative", "million", "normalised"];
        var columns = 0;
        foreach (var table in RenderedPage.Parse(Of(page)).All("table"))
        {
            var caption = table.All("caption").Single().Value;
            var headings = table.All("thead").SelectMany(head => head.All("tr").Last().Elements()).Select(cell => cell.Value).ToList();
            var rows = table.All("tbody").SelectMany(body => body.All("tr")).Select(row => row.Elements().Select(cell => cell.Value).ToList()).ToList();
            for (var column = 1; column < headings.Count; column++)
            {
                var cells = rows.Where(row => row.Count == headings.Count).Select(row => row[column]).ToList();
                if (cells.Any(cell => Regex.IsMatch(cell, @"[0-9]\.[0-9]") && !cell.Contains('[')))
                {
                    columns++;
                    units.Any(unit => (headings[column] + caption + string.Concat(cells)).Contains(unit)).ShouldBeTrue($"'{headings[column]}' of '{caption}'");
                }
            }
        }

        columns.ShouldBeGreaterThan(20);
    }

    [Fact]
    public void No_element_but_a_void_one_is_closed_in_the_short_form()
        => Regex.Matches(Page, "<([a-z]+)[^<>]*/>").Select(match => match.Groups[1].Value).Distinct().Order()
            .ShouldBe(["br", "img", "input", "meta"], ignoreOrder: true);

    [Theory, MemberData(nameof(Pages))]
    public void Ids_are_unique(string page)
        => RenderedPage.Parse(Of(page)).DescendantsAndSelf().Select(element => element.Get("id")).Where(id => id.Length > 0).ShouldBeUnique();

    [Fact]
    public void Nothing_is_asked_of_a_network()
    {
        Regex.Matches(Page, "https?://[^\"' ]*").Select(match => match.Value).Distinct().ShouldBe(["http://www.w3.org/2000/svg"]);
        Page.ShouldNotContain("url(");
        Page.ShouldNotContain("@import");
        var page = RenderedPage.Parse(Page);
        page.DescendantsAndSelf().Attributes("src").Concat(page.All("image").Attributes("href"))
            .ShouldAllBe(source => source.Value.StartsWith("data:image/png;base64,"));
        page.All("link").ShouldBeEmpty();
        page.All("meta").Select(meta => meta.Get("content")).ShouldContain(policy => policy.StartsWith("default-src 'none'; img-src data:"));
    }

    [Fact]
    public void The_policy_allows_the_page_s_own_script_and_no_other()
    {
        var script = Page[(Page.IndexOf("<script>", StringComparison.Ordinal) + "<script>".Length)..Page.IndexOf("</script>", StringComparison.Ordinal)];
        Page.ShouldContain("script-src &#39;sha256-" + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(script))) + "&#39;");
    }

    [Fact]
    public void Text_from_data_is_never_markup()
    {
        var data = SampleReport.Create();
        var poisoned = Poison(data);
        poisoned.ShouldBeGreaterThan(300);

        var html = Report.Render(data);
        var page = RenderedPage.Parse(html);
        page.All("script").Count().ShouldBe(1);
        page.All("style").Count().ShouldBe(1);
        page.All("img").ShouldAllBe(image => image.Get("src").StartsWith("data:"));
        page.DescendantsAndSelf().Attributes().ShouldAllBe(attribute => !attribute.Name.LocalName.StartsWith("on"));
        page.Value.ShouldContain("<script>alert(1)</script>");
        html.ShouldNotContain("<script>alert");
    }

    [Theory, MemberData(nameof(Pages))]
    public void Every_drawing_has_a_name_and_a_description(string page)
    {
        foreach (var drawing in RenderedPage.Parse(Of(page)).All("svg"))
        {
            // A drawing with links is a group: nothing inside one picture could be reached.
            drawing.Get("role").ShouldBe(drawing.All("a").Any() ? "group" : "img");
            var children = drawing.Elements().Take(2).ToList();
            children.Select(child => child.Name.LocalName).ShouldBe(["title", "desc"]);
            children.ShouldAllBe(child => child.Value.Length > 10);
        }
    }

    [Theory, MemberData(nameof(Pages))]
    public void Every_drawing_stands_in_a_figure_with_a_captioned_table(string page)
    {
        foreach (var drawing in RenderedPage.Parse(Of(page)).All("svg"))
        {
            var figure = drawing.Ancestors().First(element => element.Name.LocalName == "figure");
            figure.All("table").ShouldNotBeEmpty();
            figure.All("table").ShouldAllBe(table => table.All("caption").Count() == 1 && table.All("th").Any());
        }
    }

    [Theory, MemberData(nameof(Pages))]
    public void Headings_leave_out_no_level(string page)
    {
        var levels = RenderedPage.Parse(Of(page)).DescendantsAndSelf().Where(element => Regex.IsMatch(element.Name.LocalName, "^h[1-6]$"))
            .Select(element => element.Name.LocalName[1] - '0').ToList();
        levels[0].ShouldBe(1);
        levels.Count(level => level == 1).ShouldBe(1);
        levels.Zip(levels.Skip(1)).ShouldAllBe(pair => pair.Second <= pair.First + 1);
    }

    [Fact]
    public void A_report_of_nothing_says_what_is_missing()
    {
        var page = RenderedPage.Parse(Report.Render(SampleReport.Empty()));
        page.All("p").Where(line => line.Is("empty") && !line.Is("finding")).Select(line => line.Value).ShouldBe(
        [
            "No episode was recorded.", "No statement was made.", "No pass was recorded.", "No layer was profiled.", "No concept was looked for.",
            "No attention map was recorded.", "No part was measured.", "No closed-loop study was run.", "No parity certificate was made in this run.",
        ]);
        page.All("p").Single(line => line.Is("finding")).Value.ShouldBe("Nothing was judged, so there is nothing that was found.");
    }

    [Fact]
    public void What_was_not_measured_is_printed_as_a_dash_and_never_as_a_number()
    {
        var nothing = new Estimate(double.NaN, double.NaN, double.PositiveInfinity);
        var lost = SampleReport.Arm("lost", ArmKind.Edit, "none", double.NaN, double.NaN, double.NaN, double.NaN, count: 0);
        var data = SampleReport.Empty() with
        {
            Concepts = [new() { Concept = "none", Neurons = [] }],
            LayerProfile = new() { Stack = "language", Rule = "", Rows = [new(0, double.NaN, 0, 0, double.NaN, double.NaN, 0)] },
            OneStep = [new(new("none", "speed", 0, double.NaN, new(0, 0, 0), [new(Component.Attention, 0, nothing, nothing, nothing)],
                [new("zero dose", nothing, null), new("random", null, []), new("lost", null, [double.NaN])]))],
            Study = new() { Studies = [new(SampleReport.Result("none", lost), "speed")] },
            Episodes =
            [
                new()
                {
                    Title = "lost",
                    Before = new() { Label = "a", Episode = SampleReport.Episode("", false, [], null) },
                    After = new() { Label = "b", Episode = SampleReport.Episode("", true, [], null) },
                },
            ],
            Certificate = new() { Bound = 5e-5, Folders = [] },
        };
        var html = Report.Render(data);
        RenderedPage.Parse(html).Value.ShouldContain("–");
        RenderedPage.Shown(html).ShouldNotContain("NaN");
        RenderedPage.Shown(html).ShouldNotContain("∞");
        RenderedPage.Shown(html).ShouldNotContain("Infinity");
    }

    [Fact]
    public void A_stack_of_many_blocks_is_drawn_by_its_ends()
    {
        var sample = SampleReport.Create();
        var language = sample.Model.Stacks[^1] with { Layers = 32, Heads = 32 };
        var diagram = RenderedPage.ParseFragment(new TransformerDiagram(sample.Model with { Stacks = [language] }, sample.Pass).Render());
        var wide = diagram.All("svg").First();
        wide.All("rect").Count(box => box.Is("block")).ShouldBe(7);
        wide.All("text").Select(text => text.Value).ShouldContain("⋯");
    }

    [Fact]
    public void The_stream_receives_the_same_page_without_a_byte_order_mark()
    {
        using var stream = new MemoryStream();
        Report.Write(SampleReport.Empty(), stream);
        Encoding.UTF8.GetString(stream.ToArray()).ShouldBe(Report.Render(SampleReport.Empty()));
    }

    [Fact]
    public void A_flow_is_shown_step_by_step_beside_what_its_expert_reads_and_writes()
    {
        var (page, flow) = (RenderedPage.Parse(Flowing), SampleReport.Flow().Flow!);
        page.All("div").Count(part => part.Is("shape")).ShouldBe(flow.Chunk.Course.Steps + 1);
        page.All("svg").Count(drawing => drawing.Is("panel")).ShouldBe(flow.Chunk.Course.Names.Count);
        page.All("svg").Where(drawing => drawing.Is("panel")).ShouldAllBe(panel => panel.All("polyline").Count() == flow.Chunk.Course.Values[0].Count);
        page.All("table").Single(table => table.Is("expert-looks")).All("td").Count(cell => cell.Is("void")).ShouldBe(
            1, "the layer that reads the prompt alone");
        page.Value.ShouldContain("r = 0.95");
        page.Value.ShouldContain("r = 0.82");
        page.All("a").Select(link => link.Get("href")).ShouldContain("#neuron-5-252");
        page.Value.ShouldContain("random directions of the same size, layer 1");
        page.Value.ShouldNotContain("value vectors spell");
    }

    private static string Of(string page) => page == "speaking" ? Page : Flowing;

    /// <summary>Sets every text of a record, however deep, to the hostile one; returns how many there were.</summary>
    private static int Poison(object record)
    {
        var count = 0;
        foreach (var property in record.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.CanWrite))
        {
            switch (property.GetValue(record))
            {
                case string:
                    property.SetValue(record, Hostile);
                    count++;
                    break;
                case IReadOnlyList<string> texts:
                    property.SetValue(record, texts.Select(_ => Hostile).ToArray());
                    count += texts.Count;
                    break;
                case Picture or Measure:
                    break;
                case IReadOnlyDictionary<string, ArmMeasures> byTask:
                    property.SetValue(record, byTask.Values.Index().ToDictionary(task => Hostile + task.Index, task => task.Item));
                    count += byTask.Count;
                    break;
                case IEnumerable list:
                    count += list.Cast<object>().Where(item => !item.GetType().IsPrimitive && item is not Picture).Sum(Poison);
                    break;
                case { } part when part.GetType().Namespace!.StartsWith("Vitrine.", StringComparison.Ordinal) && part.GetType().IsClass:
                    count += Poison(part);
                    break;
            }
        }

        return count;
    }
}
