using static TorchSharp.torch;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>What two models' value vectors write, layer by layer: their action tokens, and how often each token stands among the top.</summary>
internal sealed class VocabularyDiff : IDisposable
{
    private readonly Func<int, bool>? isAction;
    private readonly int[] ids;
    private readonly HashSet<int> playing;
    private readonly VocabularyReader before;
    private readonly VocabularyReader after;
    private readonly int[] baseCounts;
    private readonly int[] tunedCounts;

    /// <param name="before">The base.</param>
    /// <param name="after">The tuned model.</param>
    /// <param name="isAction">Whether an id encodes an action; null where none does.</param>
    /// <param name="settings">How both are read; tokens that one of the two lacks are left out.</param>
    /// <param name="random">Draws the tokens that play the action tokens.</param>
    public VocabularyDiff(IValueVectorSource before, IValueVectorSource after, Func<int, bool>? isAction, ProjectionSettings settings, Random random)
    {
        var shared = Math.Min(before.Vocabulary, after.Vocabulary);
        ids = [.. settings.Tokens?.Where(id => id < shared) ?? Enumerable.Range(0, shared)];
        this.isAction = isAction;
        playing = isAction is null ? [] : PlayActions(ids, isAction, random);
        (baseCounts, tunedCounts) = (new int[shared], new int[shared]);
        var read = settings.Tokens is null ? settings : settings with { Tokens = ids };
        this.before = VocabularyReader.Open(before, read);
        try
        {
            this.after = VocabularyReader.Open(after, read);
        }
        catch
        {
            this.before.Dispose();
            throw;
        }
    }

    /// <summary>Action tokens of a layer's neurons, of both models.</summary>
    /// <param name="Base">[neuron] among the base's top tokens.</param>
    /// <param name="Tuned">[neuron] among the tuned one's.</param>
    /// <param name="BaseShare">Of all top tokens.</param>
    /// <param name="TunedShare">Of all top tokens.</param>
    /// <param name="ShuffledShare">Of the tuned model, where random tokens play the action tokens.</param>
    internal sealed record LayerActions(int[] Base, int[] Tuned, double BaseShare, double TunedShare, double ShuffledShare);

    /// <summary>Reads a layer of both.</summary>
    /// <returns>Null where no token encodes an action.</returns>
    public LayerActions? Read(Tensor old, Tensor now, Action<double> progress, CancellationToken cancellation)
    {
        var oldRead = before.Read(old, share => progress(share / 2), cancellation);
        var nowRead = after.Read(now, share => progress((1 + share) / 2), cancellation);
        Count(oldRead, baseCounts);
        Count(nowRead, tunedCounts);
        return isAction is null ? null : new LayerActions(
            [.. oldRead.Select(n => n.TopIds.Count(isAction))], [.. nowRead.Select(n => n.TopIds.Count(isAction))],
            oldRead.Average(n => Share(n, isAction)), nowRead.Average(n => Share(n, isAction)), nowRead.Average(n => Share(n, playing.Contains)));
    }

    /// <summary>How the counts of every token changed over the layers that were read.</summary>
    public TokenChange[] Tokens()
    {
        var changes = Array.ConvertAll(ids, id => (double)tunedCounts[id] - baseCounts[id]);
        var mean = changes.Average();
        var deviation = Math.Sqrt(changes.Average(c => (c - mean) * (c - mean)));
        return
        [
            .. ids.Select((id, i) => new TokenChange(id, baseCounts[id], tunedCounts[id], deviation == 0 ? 0 : (changes[i] - mean) / deviation))
                .OrderBy(t => t.Id),
        ];
    }

    public void Dispose()
    {
        before.Dispose();
        after.Dispose();
    }

    private static void Count(IReadOnlyList<NeuronReading> readings, int[] counts)
    {
        foreach (var id in readings.SelectMany(n => n.TopIds))
        {
            counts[id]++;
        }
    }

    /// <remarks>As many tokens as there are action tokens, drawn from all.</remarks>
    private static HashSet<int> PlayActions(int[] ids, Func<int, bool> isAction, Random random)
    {
        int[] all = [.. ids];
        random.Shuffle(all);
        return [.. all.Take(ids.Count(isAction))];
    }

    private static double Share(NeuronReading neuron, Func<int, bool> holds) => (double)neuron.TopIds.Count(holds) / neuron.TopIds.Count;
}
