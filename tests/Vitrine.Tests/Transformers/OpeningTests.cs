using Vitrine.Transformers;

namespace Vitrine.Tests.Transformers;

/// <summary>Opening tells how far it is, and stops where it is told to.</summary>
public class OpeningTests
{
    [Fact]
    public void The_share_that_was_read_grows_to_one()
    {
        var told = new Told();
        using var model = TextModel.Open(Fixtures.Of("models", "llama"), new ModelOptions { Progress = told });
        told.Shares.Count.ShouldBeGreaterThan(10);
        told.Shares.ShouldBe(told.Shares.Order());
        told.Shares[^1].ShouldBe(1);
    }

    [Fact]
    public void It_stops_between_two_tensors()
    {
        using var stop = new CancellationTokenSource();
        var told = new Told { At = 5, Then = stop.Cancel };
        Should.Throw<OperationCanceledException>(
            () => TextModel.Open(Fixtures.Of("models", "llama"), new ModelOptions { Progress = told, Cancellation = stop.Token }));
        told.Shares.Count.ShouldBe(5);
    }

    private sealed class Told : IProgress<double>
    {
        public List<double> Shares { get; } = [];

        public int At { get; init; }

        public Action? Then { get; init; }

        public void Report(double value)
        {
            Shares.Add(value);
            if (Shares.Count == At)
            {
                Then?.Invoke();
            }
        }
    }
}
