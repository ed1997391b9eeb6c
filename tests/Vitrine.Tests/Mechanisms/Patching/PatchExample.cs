using Vitrine.Mechanisms.Metrics;
using Vitrine.Policies;
using Vitrine.Tests.Transformers;
using Vitrine.Transformers;
using Vitrine.Worlds.Tabletop;
using Subject = Vitrine.Mechanisms.Metrics.Subject;

namespace Vitrine.Tests.Mechanisms.Patching;

/// <summary>Pairs of inputs whose runs differ.</summary>
internal static class PatchExample
{
    public const int Length = 6;

    public static LogitDifferenceMetric Metric { get; } = new([3], [7]);

    /// <summary>Two pairs of texts that differ in one token each.</summary>
    public static (Subject Clean, Subject Corrupted) Texts(TextModel model, int changed = 1) => (
        Subject.Of(model, TokenBatch.Of([[5, 6, 7, 8, 9, 10], [11, 12, 13, 14, 15, 16]])),
        Subject.Of(model, TokenBatch.Of([.. new[] { [5, 6, 7, 8, 9, 10], new int[] { 11, 12, 13, 14, 15, 16 } }.Select(row => Changed(row, changed))])));

    /// <summary>Pairs of different lengths side by side, padded on one side.</summary>
    public static (Subject Clean, Subject Corrupted) Padded(TextModel model, bool left) => (
        Subject.Of(model, TokenBatch.Of([[5, 6, 7, 8, 9, 10], [11, 12, 13]], left)), Subject.Of(model, TokenBatch.Of([[5, 16, 7, 8, 9, 10], [11, 22, 13]],
            left)));

    /// <summary>Situations of the tabletop with a word and without it.</summary>
    public static (Subject Clean, Subject Corrupted) Acts(Policy policy, int count, string word = "quickly")
    {
        Observation[] states = [.. TabletopStates.ForTest(5, count)];
        return (Subject.Of(policy, [.. states.Select(s => s with { Instruction = $"{s.Instruction} {word}" })]), Subject.Of(policy, states));
    }

    public static TextModel Gpt2() => TextModel.Open(Fixtures.Of("methods", "_models/gpt2-tiny"));

    public static TheoryData<string> Decoders() => TextFixtures.Decoders();

    private static int[] Changed(int[] row, int at) => [.. row.Select((id, i) => i == at ? id + 10 : id)];
}
