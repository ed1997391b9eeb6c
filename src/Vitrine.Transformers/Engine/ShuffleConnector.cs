using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>Pixel shuffle, then one matrix: each square of neighbouring patches becomes one token (Idefics3, SmolVLM).</summary>
internal sealed class ShuffleConnector : Connector
{
    private readonly int side;
    private readonly Linear projection;
    private readonly Point shuffled;

    public ShuffleConnector(int side, Linear projection)
        : this(side, projection, new Point("shuffled", (int)projection.Inputs))
    {
    }

    private ShuffleConnector(int side, Linear projection, Point shuffled)
        : base(projection.Outputs, shuffled) => (this.side, this.projection, this.shuffled) = (side, projection, shuffled);

    public override int Side => side;

    public override int TokensOf(int features) => features / (side * side);

    public override Tensor Forward(RunScope run, Tensor features, FrameOwners? owners = null)
    {
        var x = Shuffled(features, side);                                                                  // (frames, T/s^2, s^2 x)
        using var pass = run.PassOver(x.shape[0], x.shape[1], owners);
        return pass.At(Shape.Name, Point.Out, projection.Apply(pass.At(Shape.Name, shuffled, x)));
    }

    /// <summary>Squares row by row; in a square patch by patch, row by row, the channels of a patch together.</summary>
    /// <param name="features">(frames,T,x) of a square grid.</param>
    /// <param name="side">Patches on a side of a square.</param>
    internal static Tensor Shuffled(Tensor features, int side)
    {
        var (frames, tokens, width) = (features.shape[0], features.shape[1], features.shape[2]);
        var grid = (long)Math.Sqrt(tokens);
        var squares = grid / side;
        return grid * grid == tokens && squares * side == grid
            ? features.reshape(frames, squares, side, squares, side, width).permute(0, 1, 3, 2, 4, 5).reshape(frames, squares * squares, side * side * width)
            : throw new VitrineException($"pixel shuffle: {tokens} patches are no square of whole squares of {side}.");
    }
}
