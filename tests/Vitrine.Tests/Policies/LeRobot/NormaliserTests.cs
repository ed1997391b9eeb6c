using Vitrine.Policies.LeRobot;

namespace Vitrine.Tests.Policies.LeRobot;

/// <summary>LeRobot's modes by arithmetic (processor/normalize_processor.py).</summary>
public sealed class NormaliserTests
{
    private static readonly PolicyFeature State = new("observation.state", FeatureKind.State, [2]);

    private static readonly Dictionary<string, float[]> Numbers = new()
    {
        ["observation.state.mean"] = [1, -2],
        ["observation.state.std"] = [2, 0],
        ["observation.state.min"] = [-1, 3],
        ["observation.state.max"] = [3, 3],
        ["observation.state.q01"] = [0, 0],
        ["observation.state.q99"] = [4, 1],
        ["observation.state.q10"] = [1, 0],
        ["observation.state.q90"] = [2, 10],
    };

    /// <remarks>A deviation or a range of 0 becomes eps, so that what differs from it grows by 1 / eps (here 0.5).</remarks>
    [Theory]
    [InlineData("IDENTITY", 7, 7, 7, 7)]
    [InlineData("MEAN_STD", 6, 2, 5, 14)]                    // (6 - 1) / (2 + .5); (5 + 2) / (0 + .5)
    [InlineData("MIN_MAX", 2, 0.5, 4, 3)]                    // 2 (2 + 1) / 4 - 1; 2 (4 - 3) / .5 - 1
    [InlineData("QUANTILES", 3, 0.5, 0.25, -0.5)]            // 2 3 / 4 - 1; 2 .25 / 1 - 1
    [InlineData("QUANTILE10", 1.5, 0, 15, 2)]                // 2 .5 / 1 - 1; 2 15 / 10 - 1
    public void There(string mode, double first, double one, double second, double other)
    {
        var normaliser = Of(mode);
        normaliser.Normalise(0, (float)first).ShouldBe((float)one, 1e-6f);
        normaliser.Normalise(1, (float)second).ShouldBe((float)other, 1e-6f);
    }

    /// <remarks>The way back adds no eps to a deviation.</remarks>
    [Theory]
    [InlineData("IDENTITY", 7, 7)]
    [InlineData("MEAN_STD", 2, 5)]                           // 2 2 + 1
    [InlineData("MIN_MAX", 0.5, 2)]                          // 1.5 / 2 4 - 1
    [InlineData("QUANTILES", 0.5, 3)]                        // 1.5 4 / 2
    [InlineData("QUANTILE10", 0, 1.5)]
    public void AndBack(string mode, double value, double expected) => Of(mode).Unnormalise(0, (float)value).ShouldBe((float)expected, 1e-6f);

    [Fact]
    public void Values_outside_of_the_range_are_not_clipped() => Of("QUANTILES").Normalise(0, 40).ShouldBe(19f, 1e-6f);

    [Fact]
    public void Unknown_modes_and_missing_statistics_are_named()
    {
        Should.Throw<VitrineException>(() => Of("ROBUST")).Message.ShouldContain("'ROBUST' is no normalisation of this version; known are IDENTITY, MEAN_STD");
        var none = FeatureStatistics.Of("stats.safetensors", (_, _) => null);
        Should.Throw<VitrineException>(() => Normaliser.Of(State, NormalisationMode.Quantiles, none, 1e-8)).Message
            .ShouldStartWith("stats.safetensors: has no 'observation.state.q01', by which QUANTILES normalises it");
        var narrow = FeatureStatistics.Of("stats.safetensors", (_, _) => [1]);
        Should.Throw<VitrineException>(() => Normaliser.Of(State, NormalisationMode.Quantiles, narrow, 1e-8)).Message.ShouldContain("has 1 numbers");
        var unset = FeatureStatistics.Of("stats.safetensors", (_, _) => [1, float.PositiveInfinity]);
        Should.Throw<VitrineException>(() => Normaliser.Of(State, NormalisationMode.MeanStd, unset, 1e-8)).Message.ShouldContain("was never set");
    }

    private static Normaliser Of(string mode) => Normaliser.Of(
        State, NormalisationModes.Parse(mode, "config.json"),
        FeatureStatistics.Of("test", (feature, statistic) => Numbers.GetValueOrDefault($"{feature}.{statistic}")), 0.5);
}
