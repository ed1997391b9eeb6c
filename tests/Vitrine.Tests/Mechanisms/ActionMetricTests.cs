using Vitrine.Mechanisms.Causes;

namespace Vitrine.Tests.Mechanisms;

public sealed class ActionMetricTests
{
    private static readonly string[] Arm = ["dx", "dy", "dz", "droll", "dpitch", "dyaw", "gripper"];

    [Theory]
    [InlineData("speed", 5)]
    [InlineData("dz", 0)]
    [InlineData("gripper", 7)]
    public void A_metric_is_a_dimension_or_the_length_of_the_translation(string name, double expected)
        => ActionMetric.Named(name, Arm).Of([3, 4, 0, 1, 1, 1, 7]).ShouldBe(expected);

    [Fact]
    public void Speed_needs_a_translation_in_front()
    {
        ActionMetric.Named("speed", ["dx", "dy", "dz"]).Of([0, 0, 2]).ShouldBe(2);
        ActionMetric.Named("speed", ["speed", "turn"]).Of([7, 1]).ShouldBe(7, "a dimension of that name goes first");
        foreach (var dimensions in new string[][] { ["dx", "dy"], ["dy", "dx", "dz"], ["shoulder", "elbow"], [] })
        {
            Should.Throw<VitrineException>(() => ActionMetric.Named("speed", dimensions)).Message.ShouldContain("length of dx, dy, dz");
        }
    }

    [Fact]
    public void An_unknown_metric_is_told_the_nearest()
        => Should.Throw<VitrineException>(() => ActionMetric.Named("griper", Arm)).Message.ShouldContain("the nearest is 'gripper'");
}
