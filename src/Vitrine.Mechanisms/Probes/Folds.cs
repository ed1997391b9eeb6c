using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Mechanisms.Probes;

/// <summary>Which examples are held out together.</summary>
/// <param name="Of">Fold of each example, from 0.</param>
/// <param name="Count">How many folds.</param>
public sealed record Folds(IReadOnlyList<int> Of, int Count)
{
    /// <summary>Every class spread evenly over the folds.</summary>
    /// <param name="labels">Class of each example.</param>
    /// <param name="count">Folds, at least two and at most as many as the smallest class has examples.</param>
    /// <param name="seed">Decides which example goes where.</param>
    /// <exception cref="VitrineException">A class has fewer examples than there are folds.</exception>
    public static Folds Stratified(IReadOnlyList<int> labels, int count = 5, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(labels);
        Require(labels.Count, count, "examples");
        if (labels.CountBy(l => l).MinBy(c => c.Value) is var least && least.Value < count)
        {
            throw new VitrineException($"folds: class {least.Key} has {least.Value} examples; expected at least one for each of {count} folds.");
        }

        return ByGroup([.. Enumerable.Range(0, labels.Count)], labels, count, seed);
    }

    /// <summary>Examples at random, evenly.</summary>
    /// <exception cref="VitrineException">There are fewer examples than folds.</exception>
    public static Folds Plain(int examples, int count = 5, ulong seed = 0)
    {
        Require(examples, count, "examples");
        return ByGroup([.. Enumerable.Range(0, examples)], labels: null, count, seed);
    }

    /// <summary>Whole groups, the largest first, each to the fold where its classes are rarest so far.</summary>
    /// <param name="groups">Group of each example: what must not stand on both sides of a split.</param>
    /// <param name="labels">Class of each example; null where there are none.</param>
    /// <param name="count">Folds, at least two and at most as many as there are groups.</param>
    /// <param name="seed">Decides among groups of one size.</param>
    /// <exception cref="VitrineException">There are fewer groups than folds, or not as many labels as groups.</exception>
    public static Folds ByGroup(IReadOnlyList<int> groups, IReadOnlyList<int>? labels = null, int count = 5, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(groups);
        if (labels is not null && labels.Count != groups.Count)
        {
            throw new VitrineException($"folds: {labels.Count} labels for {groups.Count} examples; expected one each.");
        }

        var classes = labels is null ? 1 : labels.Max() + 1;
        var members = Enumerable.Range(0, groups.Count).GroupBy(i => groups[i]).Select(g => g.ToArray()).ToArray();
        Require(members.Length, count, "groups");
        var totals = Counts(Enumerable.Range(0, groups.Count));
        var held = Enumerable.Range(0, count).Select(_ => new double[classes]).ToArray();
        var fold = new int[groups.Count];
        foreach (var group in new RandomStream($"folds/{seed}").Shuffled(members).OrderByDescending(m => m.Length))
        {
            var own = Counts(group);
            var best = Enumerable.Range(0, count).MinBy(f => (Fullness(held[f], own), held[f].Sum()));
            for (var k = 0; k < classes; k++)
            {
                held[best][k] += own[k];
            }

            foreach (var i in group)
            {
                fold[i] = best;
            }
        }

        return new(fold, count);

        double Fullness(double[] fold, double[] added) => fold.Zip(added, totals).Sum(c => c.Second == 0 ? 0 : (c.First + c.Second) / c.Third);

        double[] Counts(IEnumerable<int> examples)
        {
            var counts = new double[classes];
            foreach (var i in examples)
            {
                counts[labels?[i] ?? 0]++;
            }

            return counts;
        }
    }

    private static void Require(int there, int count, string what)
    {
        if (count < 2 || there < count)
        {
            throw new VitrineException($"folds: {count} folds of {there} {what}; expected at least two, and no more than there are {what}.");
        }
    }
}
