namespace Vitrine.Worlds.Tabletop;

/// <summary>Actions as tokens, in OpenVLA's way: each coordinate is normalised by its 1st and 99th percentile and put into one of 256 bins.</summary>
/// <remarks>
/// Id = vocabulary - digitize(n, linspace(-1, 1, 256)), so actions take the last 256 ids, the most negative the very last. There are 256 edges
/// but 255 centres: the id of exactly +1 (the first of the 256) decodes like its neighbour and does not come back as itself.
/// </remarks>
public sealed class ActionCodec
{
    private const int Edges = 256;
    private readonly double[] _low, _high;
    private readonly bool[] _isNormalised;
    private readonly int _vocabulary;

    private ActionCodec(double[] low, double[] high, bool[] isNormalised, int vocabulary)
        => (_low, _high, _isNormalised, _vocabulary) = (low, high, isNormalised, vocabulary);

    /// <summary>The tabletop's: +-.1 is full scale, rotations are void, the gripper is not normalised; 448 ids.</summary>
    public static ActionCodec Tabletop { get; } = new([-.1, -.1, -.1, 0, 0, 0, 0], [.1, .1, .1, 0, 0, 0, 1], [true, true, true, true, true, true, false], 448);

    /// <summary>One id for each coordinate.</summary>
    public int[] Encode(ReadOnlySpan<double> action)
    {
        CheckLength(action.Length);
        var ids = new int[action.Length];
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = _vocabulary - Digitize(Math.Clamp(Normalised(action[i], i), -1, 1));
        }

        return ids;
    }

    /// <summary>The action that ids stand for.</summary>
    public double[] Decode(ReadOnlySpan<int> ids)
    {
        CheckLength(ids.Length);
        var action = new double[ids.Length];
        for (var i = 0; i < ids.Length; i++)
        {
            var bin = Math.Clamp(_vocabulary - ids[i] - 1, 0, Edges - 2);
            var centre = (Edge(bin) + Edge(bin + 1)) / 2;
            action[i] = _isNormalised[i] ? (.5 * (centre + 1) * (_high[i] - _low[i] + 1e-8)) + _low[i] : centre;
        }

        return action;
    }

    private double Normalised(double value, int i)
        => !_isNormalised[i] ? value
            : _low[i] == _high[i] ? 0
            : (2 * (value - _low[i]) / (_high[i] - _low[i] + 1e-8)) - 1;

    /// <summary>How many edges do not exceed the value: 1 to 256.</summary>
    private static int Digitize(double value)
    {
        var (low, high) = (0, Edges);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = Edge(middle) <= value ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    private static double Edge(int index) => index == Edges - 1 ? 1 : -1 + (index * (2.0 / (Edges - 1)));

    private void CheckLength(int length)
    {
        if (length != _low.Length)
        {
            throw new VitrineException($"action codec: {length} coordinates; expected {_low.Length}.");
        }
    }
}
