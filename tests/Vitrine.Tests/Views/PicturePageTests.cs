using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using SkiaSharp;
using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Views;
using Vitrine.Views.Drawing;

namespace Vitrine.Tests.Views;

public sealed class PicturePageTests
{
    private const string Hostile = "</style></script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u0001\uD800";

    private static readonly PictureTokens Tokens = PictureTokens.Of(classToken: true, registers: 2, rows: 4, columns: 6);
    private static readonly Picture Seen = new(48, 32, [.. Enumerable.Range(0, 48 * 32 * 3).Select(i => (byte)(i * 7))]);

    [Fact]
    public void The_page_is_well_formed_and_its_links_lead_somewhere()
    {
        var page = RenderedPage.Parse(Page());
        page.All("section").Select(section => section.Get("id"))
            .ShouldBe(["patches", "classes", "where", "heads", "neurons", "attention", "rollout", "norms", "moved", "neurons-of", "how"]);
        page.All("a").Concat(page.All("use")).Select(link => link.Get("href"))
            .ShouldAllBe(target => page.DescendantsAndSelf().Any(element => "#" + element.Get("id") == target));
        page.DescendantsAndSelf().Select(element => element.Get("id")).Where(id => id.Length > 0).ShouldBeUnique();
        Regex.Matches(Page(), "<([a-z]+)[^<>]*/>").Select(match => match.Groups[1].Value).Distinct().ShouldBeSubsetOf(["br", "img", "input", "meta"]);
    }

    [Fact]
    public void Nothing_is_asked_of_a_network_and_only_the_page_s_own_script_may_run()
    {
        Regex.Matches(Page(), "https?://[^\"' ]*").Select(match => match.Value).Distinct().ShouldBe(["http://www.w3.org/2000/svg"]);
        Page().ShouldNotContain("url(");
        var page = RenderedPage.Parse(Page());
        page.All("script").Count().ShouldBe(1);
        page.All("image").Attributes("href").ShouldAllBe(source => source.Value.StartsWith("data:image/png;base64,"));
        page.All("meta").Select(meta => meta.Get("content"))
            .ShouldContain(policy => policy.StartsWith("default-src 'none'; img-src data:"));
        var script = Page()[(Page().IndexOf("<script>", StringComparison.Ordinal) + "<script>".Length)..Page().IndexOf("</script>", StringComparison.Ordinal)];
        Page().ShouldContain("script-src &#39;sha256-" + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(script))) + "&#39;");
        Regex.Matches(script, @"\b(fetch|XMLHttpRequest|WebSocket|import|eval|innerHTML)\b").ShouldBeEmpty();
    }

    [Fact]
    public void Names_from_data_are_never_markup()
    {
        var page = RenderedPage.Parse(Page(Hostile));
        page.All("script").Count().ShouldBe(1);
        page.All("img").ShouldBeEmpty();
        page.All("style").Count().ShouldBe(1);
        page.DescendantsAndSelf().Attributes().ShouldAllBe(attribute => !attribute.Name.LocalName.StartsWith("on"));
        page.Value.ShouldContain("<script>alert(1)</script>");
    }

    [Fact]
    public void Every_drawing_has_a_name_and_a_description()
    {
        foreach (var drawing in RenderedPage.Parse(Page()).All("svg").Where(svg => !svg.Ancestors().Any(a => a.Name.LocalName == "svg")))
        {
            drawing.Get("role").ShouldBe("img");
            var children = drawing.Elements().Take(2).ToList();
            children.Select(child => child.Name.LocalName).ShouldBe(["title", "desc"]);
            children.ShouldAllBe(child => child.Value.Length > 10);
            drawing.Ancestors().First(element => element.Name.LocalName == "figure").All("table").ShouldNotBeEmpty();
        }
    }

    [Fact]
    public void Heads_neurons_and_layers_that_are_named_lead_to_where_they_are_shown()
    {
        var page = RenderedPage.Parse(Page());
        var targets = page.All("a").Select(link => link.Get("href")).ToHashSet();
        targets.ShouldContain("#layer-1");
        targets.ShouldContain("#head-1-2", "what heads move names the heads whose attention is drawn");
        string Name(string id) => page.All("div").Single(cell => cell.Get("id") == id).All("strong").Single().Value;
        (Name("head-1-2"), Name("neuron-2-2")).ShouldBe(("head 1:2", "neuron 2:2"));
    }

    [Fact]
    public void Every_map_of_a_grid_is_painted_on_one_scale_and_the_legend_says_which()
    {
        // Largest of both maps: 1 of the second. The first reaches a quarter of it and is lifted a quarter of the way.
        var grid = new MapGrid
        {
            Id = "two",
            Caption = "two",
            Picture = Seen,
            Maps = [new("", "quarter", "", new(1, 1, [.25f])), new("", "whole", "", new(1, 1, [1f]))],
            Number = PatchNumber.Share(),
        };
        var view = RenderedPage.ParseFragment(grid.Render());
        view.All("div").Single(div => div.Is("map-scale")).Value.ShouldBe("one scale for all maps:0.0\u00A0%100.0\u00A0%");
        var veils = view.All("image").Where(image => !image.Is("photo")).Select(image =>
        {
            using var overlay = SKBitmap.Decode(Convert.FromBase64String(image.Get("href")["data:image/png;base64,".Length..]));
            return overlay.GetPixel(0, 0).Alpha / 255.0;
        }).ToList();
        veils[0].ShouldBe(AttentionOverlay.Veil * .75, .01);
        veils[1].ShouldBe(0, .01);
    }

    [Fact]
    public void A_map_carries_its_numbers_so_that_a_patch_can_say_its_own()
    {
        var map = new PatchMap(1, 3, [.5f, -1f, float.NaN]);
        var view = RenderedPage.ParseFragment(new MapGrid
        {
            Id = "one",
            Caption = "one",
            Picture = Seen,
            FirstToken = 5,
            Style = MapStyle.Signed,
            Maps = [new("", "map", "", map)],
            Number = PatchNumber.Signed(2),
        }.Render());
        var drawing = view.All("svg").Single();
        (drawing.Get("data-rows"), drawing.Get("data-columns"), drawing.Get("data-first"), drawing.Get("data-number"), drawing.Get("data-full"))
            .ShouldBe(("1", "3", "5", "signed 2", "1"));
        MemoryMarshal.Cast<byte, short>(Convert.FromBase64String(drawing.Get("data-values"))).ToArray().ShouldBe([(short)16384, (short)-32767, short.MinValue]);
    }

    [Fact]
    public void The_explorer_carries_every_weight_and_shows_two_heads_and_their_difference()
    {
        // One layer, two heads, one class token and two patches. From the class token: head 0 looks at patch 0 alone, head 1 at both alike.
        var table = new AttentionTable([3], [0, 1], 3, [[0, 255, 0, .. new byte[6], 0, 255, 255, .. new byte[6]]], [[.8f, 0, 0, .4f, 0, 0]]);
        var view = RenderedPage.ParseFragment(new AttentionExplorer(Seen, PictureTokens.Of(true, 0, 1, 2), table, query: 0).Render());
        var opacities = view.All("g").Where(g => g.Is("cells")).Select(g => g.All("rect").Select(cell => cell.Number("fill-opacity")).ToArray()).ToList();
        opacities[0].ShouldBe([0, AttentionOverlay.Veil], 1e-3);
        opacities[1].ShouldBe([AttentionOverlay.Veil / 2, AttentionOverlay.Veil / 2], 1e-3);
        // The difference is .8 - .4 and 0 - .4: as far each way.
        opacities[2].ShouldBe([.85, .85], 1e-3);
        view.All("g").Last(g => g.Is("cells")).All("rect").Select(cell => cell.Get("class")).ShouldBe(["cell more", "cell less"]);
        view.All("tr").Where(row => row.Get("data-strongest").Length > 0).Select(row => row.Value)
            .ShouldBe(["A 3:080\u00A0%0, 0: 80.0\u00A0%; 0, 1: 0.0\u00A0%", "B 3:180\u00A0%0, 0: 40.0\u00A0%; 0, 1: 40.0\u00A0%"]);
        view.All("option").Select(option => option.Value).ShouldBe(["class (token 0)", "patch 0,0 (token 1)", "patch 0,1 (token 2)", "all patches, on average",
            "3", "0", "1", "3", "0", "1"]);
        var weights = view.All("pre").ShouldHaveSingleItem();
        using var unpacked = new ZLibStream(new MemoryStream(Convert.FromBase64String(weights.Value)), CompressionMode.Decompress);
        using var levels = new MemoryStream();
        unpacked.CopyTo(levels);
        levels.ToArray().ShouldBe(table.Levels[0]);
        MemoryMarshal.Cast<byte, float>(Convert.FromBase64String(weights.Get("data-largest"))).ToArray().ShouldBe(table.Largest[0]);
    }

    [Fact]
    public void A_page_says_which_layers_it_carries_and_where_it_carries_none()
    {
        var reading = Reading("name");
        RenderedPage.Parse(PicturePage.Render(Data("name") with { Reading = reading with { Table = null } })).Value.ShouldContain("The page carries one query");
        RenderedPage.Parse(PicturePage.Render(Data("name") with { Layers = 9 })).Value.ShouldContain("every query of 1 of 9 layers: 0;");
    }

    [Fact]
    public void What_a_head_moves_is_a_share_of_the_median_norm_behind_its_layer()
    {
        // The patches' norms 8, 9, 10, 11, 12 in turn have the median 10; the map's numbers (i - 5) / 12 for i from 0 to 23 have the mean 6.5 / 12 = .5417.
        var moved = RenderedPage.Parse(Page()).All("section").Single(section => section.Get("id") == "moved");
        moved.All("span").Where(span => span.Is("k")).Select(span => span.Value).ShouldContain("mean 5.4\u00A0%");
    }

    [Fact]
    public void The_page_says_by_what_rule_its_neurons_were_chosen()
        => RenderedPage.Parse(PicturePage.Render(Data("name") with { NeuronRule = "the 3 first" })).Value.ShouldContain(" Shown: the 3 first.");

    [Fact]
    public void The_picture_itself_is_carried_once_a_view()
    {
        var page = RenderedPage.Parse(Page());
        page.All("image").Count(image => image.Is("photo")).ShouldBe(9);
        page.All("use").Count().ShouldBeGreaterThan(20);
    }

    [Fact]
    public void What_was_not_measured_is_printed_as_a_dash_and_never_as_a_number()
    {
        var nothing = Evidence("none") with
        {
            Direct = null,
            NotDirect = "the head is bent",
            Classes = [new(0, "none", double.NaN, double.NaN)],
            Patches = [new("lost", Map(float.NaN), new([0], double.NaN, []))],
        };
        var html = PicturePage.Render(Data("none") with { Evidence = nothing, Reading = null });
        RenderedPage.Parse(html).Value.ShouldContain("the head is bent");
        RenderedPage.Shown(html).ShouldNotContain("NaN");
        RenderedPage.Shown(html).ShouldNotContain("Infinity");
    }

    [Fact]
    public void A_veil_lifts_from_the_strongest_patch_and_from_no_other()
    {
        var veil = MapPaint.Veil(new PatchMap(1, 3, [0, .5f, 1]), MapStyle.Veil, null);
        // .58 of 255, its half, and none.
        (veil[3], veil[7], veil[11]).ShouldBe(((byte)148, (byte)74, (byte)0));
    }

    [Fact]
    public void What_speaks_for_and_what_speaks_against_differ_in_hue()
    {
        var veil = MapPaint.Veil(new PatchMap(1, 2, [1, -1]), MapStyle.Signed, null);
        veil[2].ShouldBeGreaterThan(veil[0], "teal: more blue than red");
        veil[4].ShouldBeGreaterThan(veil[6], "orange: more red than blue");
        veil[3].ShouldBe(veil[7]);
    }

    [Theory, InlineData(1), InlineData(3)]
    public void A_map_is_painted_at_the_scale_that_is_asked(int scale)
    {
        using var painted = SKBitmap.Decode(MapPaint.Png(Seen, Map(1), MapStyle.Veil, scale));
        (painted.Width, painted.Height).ShouldBe((48 * scale, 32 * scale));
    }

    [Fact]
    public void A_map_of_zeros_hides_the_picture_evenly()
    {
        using var painted = SKBitmap.Decode(MapPaint.Png(new Picture(2, 2, [.. Enumerable.Repeat((byte)200, 12)]), new PatchMap(1, 1, [0]), MapStyle.Veil, 1));
        painted.Pixels.Distinct().Count().ShouldBe(1);
        // 200 under .58 of 13, which is seen and stays clear of the picture's own 200.
        painted.Pixels[0].Red.ShouldBeInRange((byte)91, (byte)92);
    }

    [Fact]
    public void A_map_of_another_size_than_it_names_is_refused()
        => Should.Throw<VitrineException>(() => MapPaint.Png(Seen, new PatchMap(2, 2, [1, 2, 3]), MapStyle.Veil)).Message.ShouldContain(
            "3 values were given for 2 x 2 patches");

    [Fact]
    public void A_file_of_absurd_size_is_refused_before_it_is_painted()
        => Should.Throw<VitrineException>(() => MapPaint.Png(Seen, Map(1), MapStyle.Veil, 1000)).Message.ShouldContain("8192");

    private static string Page(string name = "name of something") => PicturePage.Render(Data(name));

    private static PicturePageData Data(string name) => new()
    {
        Title = name,
        Lead = name,
        Facts = [new(name, name)],
        Picture = Seen,
        Tokens = Tokens,
        Width = 24,
        Steps = [name],
        Reading = Reading(name),
        Evidence = Evidence(name),
        Provenance = new() { Command = name, Seed = name, Fingerprint = name, Files = [name], Versions = [new(name, name)] },
    };

    private static PictureReading Reading(string name)
    {
        float[] norms = [30, 20, 20, .. Enumerable.Range(0, 24).Select(i => 8f + (i % 5))];
        float[] spiked = [.. norms];
        spiked[10] = 120;
        return new PictureReading(
            name, Tokens, name,
            [.. Enumerable.Range(0, 2).SelectMany(l => Enumerable.Range(0, 3).Select(h => new HeadAttention(l, h, Map(.1f), [.1f, .2f, .3f])))],
            [new HeadAttention(2, 0, Map(.2f), [.1f, .2f, .3f])],
            [.. Enumerable.Range(0, 2).Select(l => new RolloutLayer(l, Map(.1f), [.1f, .2f, .3f]))],
            TokenNorms.Of([norms, norms, spiked], Tokens, new NormRule()),
            [.. Enumerable.Range(0, 6).Select(h => new HeadMap(h / 3, h % 3, Map(1), Map(2)))],
            [.. Enumerable.Range(0, 3).Select(n => new NeuronMap(n, n, Map(-1), [1, 2, 3], .5))])
        {
            Table = new AttentionTable([0], [0, 1, 2], Tokens.Count, [[.. Enumerable.Range(0, 3 * Tokens.Count * Tokens.Count).Select(i => (byte)i)]],
                [[.. Enumerable.Range(0, 3 * Tokens.Count).Select(i => .5f)]]),
        };
    }

    private static ClassEvidence Evidence(string name) => new(
        name, Tokens, [new(1, name, 2, .8), new(0, name, 1, .2)], name,
        new DirectEvidence(2, .5, .25, [new(0, .5, .25, [1]), new(1, .25, .25, [1])],
            [.. Enumerable.Range(0, 6).Select(h => new HeadEvidence(h / 3, h % 3, h - 3, Map(1), [0, 0, 0]))], Map(1), 1e-7), null, AblationFill.Mean,
        [new(name, Map(1), new([1, 2], -1, [-.1, .2])), new("second", Map(-1), new([3, 4], -.5, [-.1, .2]))],
        [new(0, 1, .5, .4, -.3, new UnitControl(0, 2, .01), Map(1)), new(1, 1, null, .4, -.3, null, Map(1))],
        [new(0, 1, .5, .4, -.3, new UnitControl(0, 2, .01), Map(1))]);

    private static PatchMap Map(float scale) => new(4, 6, [.. Enumerable.Range(0, 24).Select(i => (i - 5) * scale / 24)]);
}
