using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>What a classifier answered.</summary>
/// <param name="Run">Its logits (B,classes) are the class logits; a difference of two is a metric like any other.</param>
/// <param name="Labels">Names of the classes.</param>
/// <param name="ClassIds">The largest logit of each row, the first of equal ones.</param>
/// <param name="Tokens">The column that decided in each row.</param>
public sealed record Classification(Run Run, Labels Labels, IReadOnlyList<int> ClassIds, IReadOnlyList<long> Tokens) : IDisposable
{
    /// <summary>Name of the largest class of each row.</summary>
    public IReadOnlyList<string> Names => [.. ClassIds.Select(id => Labels.Names[id])];

    /// <summary>[row][class]: probabilities, or the quantity itself where the head measures one.</summary>
    public IReadOnlyList<IReadOnlyList<double>> Scores()
    {
        using var scope = NewDisposeScope();
        return [.. Answer.Scores(Run.Logits, Labels.Scores).cpu().contiguous().data<double>().ToArray().Chunk(Labels.Names.Count)];
    }

    /// <inheritdoc/>
    public void Dispose() => Run.Dispose();

    internal static Classification Of(Run run, Labels labels, IReadOnlyList<long> tokens)
        => new(run, labels, Ranking.FirstOfRows(run.Logits), tokens);
}
