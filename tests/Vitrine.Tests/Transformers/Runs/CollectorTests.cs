using Vitrine.Transformers;

namespace Vitrine.Tests.Transformers.Runs;

/// <summary>Tests that keep the collector busy, which stops every thread of the process: beside them nothing else runs.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class BusyCollector
{
    public const string Name = "busy collector";
}

/// <summary>The garbage collector frees no number that native code still reads (see <c>Norm</c>): runs under a busy collector give the same bits.</summary>
[Collection(BusyCollector.Name)]
public sealed class CollectorTests
{
    public static TheoryData<string> Decoders() => TextFixtures.Decoders();

    [Theory, MemberData(nameof(Decoders))]
    public void A_busy_collector_changes_no_bit(string name)
    {
        using var model = TextFixtures.Open(name);
        var batch = TokenBatch.Of(TextFixtures.Prompt(name));
        using var expected = model.Run(batch);
        using var done = new CancellationTokenSource();
        var collector = new Thread(() =>
        {
            // What was made for a call is young: most rounds look at the young alone and are short, so that many fall into a run.
            for (var round = 0; !done.IsCancellationRequested; round++)
            {
                GC.Collect(round % 16 == 0 ? GC.MaxGeneration : 0);
                GC.WaitForPendingFinalizers();
            }
        });
        collector.Start();
        try
        {
            for (var i = 0; i < 30; i++)
            {
                using var run = model.Run(batch);
                run.Logits.ShouldHaveTheBitsOf(expected.Logits, $"run {i}");
            }
        }
        finally
        {
            done.Cancel();
            collector.Join();
        }
    }
}
