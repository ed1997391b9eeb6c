using System.Globalization;
using System.Xml.Linq;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Views;
using Vitrine.Worlds.Studies;

namespace Vitrine.Tests.Views;

public sealed class ForestPlotTests
{
    private static readonly ArmResult NoEdit = SampleReport.Arm("no edit", ArmKind.Baseline, "fast", 0, 0, .9, 0, count: 40);
    private static readonly ArmResult Edit = SampleReport.Arm("edit", ArmKind.Edit, "fast", .034, .01, .75, .003, count: 40);
    private static readonly StudyResult Result = SampleReport.Result(
        "fast", [NoEdit, Edit, .. SampleReport.Draws("random", ArmKind.MatchedRandom, "fast", .7, -.013, .009)]);
    private static readonly StudySummary Study = new() { Studies = [new(Result, "speed")] };

    [Theory, InlineData("wide"), InlineData("narrow")]
    public void Marks_stand_where_their_numbers_are_on_the_axis(string layout)
    {
        var drawing = Drawing(layout);
        // Every panel of this study is read off its own printed ticks: a straight line through the first and the last.
        var ticks = drawing.All("text").Where(text => text.Is("tick")).Select(text => (Pixel: text.Number("x"), Label: text.Value)).ToList();
        var second = Enumerable.Range(1, ticks.Count - 1).First(i => Value(ticks[i].Label) < Value(ticks[i - 1].Label));
        var third = ticks.FindIndex(tick => tick.Label.Contains('%'));
        var (speed, height, success) = (Axis(ticks[..second]), Axis(ticks[second..third]), Axis(ticks[third..]));

        var lines = drawing.All("line").Where(line => line.Is("interval")).ToList();
        var dots = drawing.All("circle").Where(dot => dot.Is("estimate")).ToList();
        var bands = drawing.All("rect").Where(band => band.Is("draws")).ToList();
        var draws = Result.Draws.Single();
        var range = draws.Means["success"];
        (Func<double, double>, Estimate)[] intervals =
        [
            (speed, Edit.All.Differences["speed"].Estimate), (height, Edit.All.Differences["height"].Estimate),
            (success, Rate(NoEdit)), (success, Rate(Edit)), (success, new(range.Mean, range.Smallest, range.Largest)),
        ];
        lines.Count.ShouldBe(intervals.Length);
        foreach (var (index, (axis, interval)) in intervals.Index())
        {
            lines[index].Number("x1").ShouldBe(axis(interval.Low), .02);
            lines[index].Number("x2").ShouldBe(axis(interval.High), .02);
            dots[index].Number("cx").ShouldBe(axis(interval.Mean), .02);
            dots[index].Number("cy").ShouldBe(lines[index].Number("y1"));
        }

        bands.Count.ShouldBe(3);
        foreach (var (band, axis, spread) in new[] { (bands[0], speed, draws.Differences["speed"]), (bands[1], height,
            draws.Differences["height"]), (bands[2], success, range) })
        {
            band.Number("x").ShouldBe(axis(spread.Smallest), .02);
            (band.Number("x") + band.Number("width")).ShouldBe(axis(spread.Largest), .03);
        }
    }

    [Fact]
    public void Controls_are_marked_as_controls()
    {
        var groups = Drawing("wide").All("g").Where(group => group.HasElements).Select(group => group.Get("class"));
        groups.ShouldBe(["treatment", "control", "treatment", "control", "control", "treatment", "control"]);
    }

    [Fact]
    public void The_table_holds_the_numbers_that_the_marks_show()
    {
        var view = RenderedPage.ParseFragment(new ForestPlot(Study).Render());
        var cells = view.All("td").Select(cell => cell.Value).ToHashSet();
        var shown = view.All("circle").SelectMany(dot => dot.All("title"))
            .Select(title => title.Value[(title.Value.IndexOf(": ", StringComparison.Ordinal) + 2)..]).ToList();
        shown.ShouldNotBeEmpty();
        shown.ShouldAllBe(number => cells.Contains(number));
    }

    [Fact]
    public void A_study_without_motion_shows_success_alone()
    {
        var view = RenderedPage.ParseFragment(new ForestPlot(new() { Studies = [new(SampleReport.Result("fast", NoEdit), "speed")] }).Render());
        view.All("line").Count(line => line.Is("interval")).ShouldBe(2);
    }

    private static XElement Drawing(string layout) => RenderedPage.ParseFragment(new ForestPlot(Study).Render()).All("svg").Single(svg => svg.Is(layout));

    private static Estimate Rate(ArmResult arm) => new(arm.All.Success.Rate!.Value, arm.All.Success.Low, arm.All.Success.High);

    private static double Value(string label)
        => double.Parse(label.Replace('−', '-').Replace("+", "").Replace("\u00A0%", ""), CultureInfo.InvariantCulture) * (label.Contains('%') ? .01 : 1);

    private static Func<double, double> Axis(List<(double Pixel, string Label)> ticks)
    {
        var (first, last) = (ticks[0], ticks[^1]);
        return value => first.Pixel + ((value - Value(first.Label)) / (Value(last.Label) - Value(first.Label)) * (last.Pixel - first.Pixel));
    }
}
