namespace Vitrine.Mechanisms.Circuits;

/// <summary>Some edges of a graph along an axis: [cell][writer times readers plus reader].</summary>
internal sealed class EdgeSet
{
    private readonly bool[][] members;

    private EdgeSet(bool[][] members) => this.members = members;

    public static EdgeSet None(EdgeScores of)
        => new([.. of.Cells.Select(_ => new bool[of.Graph.Writers.Count * of.Graph.Readers.Count])]);

    public static EdgeSet All(EdgeScores of) => None(of).With(of.Ids());

    public static EdgeSet Of(EdgeScores of, IEnumerable<(int Cell, int At)> edges) => None(of).With(edges);

    public int Count => members.Sum(cell => cell.Count(m => m));

    public bool this[int cell, int at]
    {
        get => members[cell][at];
        set => members[cell][at] = value;
    }

    public EdgeSet With(IEnumerable<(int Cell, int At)> edges)
    {
        foreach (var (cell, at) in edges)
        {
            members[cell][at] = true;
        }

        return this;
    }

    public EdgeSet Copy() => new([.. members.Select(m => (bool[])m.Clone())]);

    /// <summary>All edges that are not in it.</summary>
    public EdgeSet Others(EdgeScores of)
    {
        var others = All(of);
        for (var cell = 0; cell < members.Length; cell++)
        {
            for (var at = 0; at < members[cell].Length; at++)
            {
                others.members[cell][at] &= !members[cell][at];
            }
        }

        return others;
    }
}
