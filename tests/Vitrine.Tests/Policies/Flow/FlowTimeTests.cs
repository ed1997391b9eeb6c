using Vitrine.Policies.Flow;

namespace Vitrine.Tests.Policies.Flow;

/// <summary>The flow time as waves: numbers of the references (openpi, pi0_pytorch.py; lerobot, flow_matching).</summary>
public sealed class FlowTimeTests
{
    private static readonly FlowSettings Settings = new(10, 32, 32, 4e-3, 4);

    [Theory]
    [InlineData(1, new[] { 0f, 0, 0, 1, 1, 1, -1, 0 })]
    [InlineData(0.9, new[] { 0, 0, 1, .9876884f, 1, -1, 0, .1564345f })]
    [InlineData(0.1, new[] { 0, 0, 1, .1564345f, 1, -1, 0, .9876884f })]
    public void All_sines_then_all_cosines(double time, float[] expected)
        => Settings.Waves(time, 8).Zip(expected).ShouldAllBe(w => Math.Abs(w.First - w.Second) < 1e-4);

    /// <remarks>An angle of 471 in float32 would be off in the third decimal.</remarks>
    [Fact]
    public void Angles_are_computed_in_double()
    {
        var waves = Settings.Waves(0.3, 1024);
        (int At, float Value)[] known = [(0, 1.87253e-05f), (1, -0.0441785f), (511, 0.45399052f), (512, 1.0f), (1023, 0.89100653f)];
        known.ShouldAllBe(k => Math.Abs(waves[k.At] - k.Value) < 1e-6);
    }

    [Fact]
    public void Time_runs_from_noise_to_the_chunk() => Enumerable.Range(0, 4).Select(new FlowSettings(4, 1, 1, 1, 2).TimeOf).ShouldBe([1, 0.75, 0.5, 0.25]);
}
