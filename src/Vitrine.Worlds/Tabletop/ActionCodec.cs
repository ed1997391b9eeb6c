using Vitrine.Policies.Actions;

namespace Vitrine.Worlds.Tabletop;

/// <summary>Actions as the tokens of a policy, and back: each coordinate is normalised by its 1st and 99th percentile and put into one of 256 bins.</summary>
/// <remarks>
/// The tabletop's own formula, by which its policies were trained: n = 2 (a - q01) / (q99 - q01 + 1e-8) - 1. The 1e-8 keeps void coordinates
/// (q01 = q99) finite; they are encoded as 0.
/// </remarks>
public sealed class ActionCodec
{
    private const double Guard = 1e-8;
    private readonly double[] low, high;
    private readonly bool[] isNormalised;
    private readonly ActionTokens tokens;

    private ActionCodec(double[] low, double[] high, bool[] isNormalised, ActionTokens tokens)
        => (this.low, this.high, this.isNormalised, this.tokens) = (low, high, isNormalised, tokens);

    /// <summary>The tabletop's: +-.1 is full scale, rotations are void, the gripper is not normalised; 448 ids.</summary>
    public static ActionCodec Tabletop { get; } = new(
        [-.1, -.1, -.1, 0, 0, 0, 0], [.1, .1, .1, 0, 0, 0, 1], [true, true, true, true, true, true, false], new ActionTokens(vocabulary: 448, bins: 256));

    /// <summary>One id for each coordinate.</summary>
    public int[] Encode(ReadOnlySpan<double> action)
    {
        CheckLength(action.Length);
        var ids = new int[action.Length];
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = tokens.Encode(Normalised(action[i], i));
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
            var centre = tokens.Centre(ids[i]);
            action[i] = isNormalised[i] ? (.5 * (centre + 1) * (high[i] - low[i] + Guard)) + low[i] : centre;
        }

        return action;
    }

    private double Normalised(double value, int i)
        => !isNormalised[i] ? value
            : low[i] == high[i] ? 0
            : (2 * (value - low[i]) / (high[i] - low[i] + Guard)) - 1;

    private void CheckLength(int length)
    {
        if (length != low.Length)
        {
            throw new VitrineException($"action codec: {length} coordinates; expected {low.Length}.");
        }
    }
}
