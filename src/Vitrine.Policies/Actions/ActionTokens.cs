namespace Vitrine.Policies.Actions;

/// <summary>Actions as tokens, as OpenVLA and its kin say them: the last ids of the vocabulary, one for each bin of [-1, 1].</summary>
/// <remarks>
/// With N = vocabulary without padding rows, edges = linspace(-1, 1, bins) and centres between them: encode id = N - digitize(clip(a)), decode centre[clip(N -
/// id - 1, 0, bins - 2)] (openvla, prismatic/vla/action_tokenizer.py). There is one id more than there are centres: the first two ids share the last centre,
/// and an id that is no action token decodes to it too.
/// </remarks>
public sealed class ActionTokens
{
    private readonly double[] edges;
    private readonly double[] centres;

    /// <summary>Creates the code.</summary>
    /// <param name="vocabulary">N, padding rows left out.</param>
    /// <param name="bins">Number of edges, 256 in every published checkpoint.</param>
    public ActionTokens(int vocabulary, int bins)
    {
        if (bins < 2 || bins > vocabulary)
        {
            throw new VitrineException($"action tokens: {bins} bins do not fit a vocabulary of {vocabulary}.");
        }

        (Vocabulary, Count) = (vocabulary, bins);
        edges = [.. Enumerable.Range(0, bins).Select(i => i == bins - 1 ? 1 : -1 + (i * (2.0 / (bins - 1))))];
        centres = [.. Enumerable.Range(0, bins - 1).Select(i => (edges[i] + edges[i + 1]) / 2)];
    }

    /// <summary>N, padding rows left out.</summary>
    public int Vocabulary { get; }

    /// <summary>How many ids encode an action.</summary>
    public int Count { get; }

    /// <summary>The smallest of these ids; it stands for the largest action.</summary>
    public int FirstId => Vocabulary - Count;

    /// <summary>Whether the id encodes an action.</summary>
    public bool IsAction(int id) => id >= FirstId && id < Vocabulary;

    /// <summary>The bin of an id, from 0.</summary>
    public int Bin(int id) => (int)Math.Clamp(Vocabulary - 1L - id, 0, centres.Length - 1);

    /// <summary>The normalised action of an id, in (-1, 1).</summary>
    public double Centre(int id) => centres[Bin(id)];

    /// <summary>The id of a normalised action; what lies outside [-1, 1] is clipped.</summary>
    public int Encode(double action)
    {
        var clipped = Math.Clamp(action, -1, 1);
        var above = Array.BinarySearch(edges, clipped);
        return Vocabulary - (above >= 0 ? above + 1 : ~above);
    }
}
