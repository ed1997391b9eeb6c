using System.Xml.Linq;
using Vitrine.Views;
using Vitrine.Worlds.Training;

namespace Vitrine.Tests.Views;

public sealed class LearningCurveTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    private static readonly LearningCurve Curve = new()
    {
        Recipe = TrainingRecipe.Tokens,
        From = "embedded:tabletop",
        FromFingerprint = "0",
        FromScratch = false,
        ProcessorSeconds = 12,
        Points = [.. Enumerable.Range(0, 200).Select(i => new LearningPoint(
            i, 4.0 / (1 + i), 1e-3, 1,
            i % 2 == 0 ? new Dictionary<string, double> { ["action"] = 3.0 / (1 + i), ["language"] = 1 } : new() { ["action"] = 3.0 / (1 + i) }))],
    };

    [Fact]
    public void The_picture_has_a_panel_for_each_part_and_stands_alone()
    {
        var picture = XDocument.Parse(new LearningCurvePlot(Curve).RenderSvg());
        picture.Root!.Name.ShouldBe(Svg + "svg");
        picture.Descendants(Svg + "polyline").Count().ShouldBe(3);
        var loss = picture.Descendants(Svg + "polyline").First().Attribute("points")!.Value.Split(' ').Select(p => double.Parse(p.Split(',')[1])).ToArray();
        loss.Length.ShouldBe(67);                                                                          // blocks of three steps
        loss.ShouldBeInOrder(SortDirection.Ascending);                                                     // a loss that falls goes down the page
        picture.Descendants(Svg + "style").ShouldHaveSingleItem();
        new LearningCurvePlot(Curve).RenderPage("A training", "from embedded:tabletop").ShouldContain("the training, block by block");
    }

    [Fact]
    public void Blocks_are_means_over_the_steps_that_have_the_part()
    {
        var blocks = Curve.Blocks(100);
        blocks.Count.ShouldBe(100);
        blocks[0].Loss.ShouldBe((4.0 + 2) / 2);
        blocks[0].Measures["language"].ShouldBe(1);
        blocks[^1].Step.ShouldBe(199);
    }
}
