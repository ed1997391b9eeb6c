using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>From a tower's features to tokens of a decoder: what stands between the two.</summary>
internal abstract class Connector
{
    /// <param name="width">d of the decoder.</param>
    /// <param name="others">Points besides <c>projector.out</c>.</param>
    protected Connector(long width, params Point[] others) => Shape = StackShape.Part("projector", (int)width, [Point.Out, .. others]);

    public StackShape Shape { get; }

    /// <summary>Patches on a side of the square that one token stands for.</summary>
    public virtual int Side => 1;

    /// <summary>Tokens that come of so many features of a frame.</summary>
    public abstract int TokensOf(int features);

    /// <param name="run">Of the model.</param>
    /// <param name="features">(frames,T,x).</param>
    /// <param name="owners">Whose frames they are; null where each row of the batch has one.</param>
    /// <returns>(frames,T',d).</returns>
    public abstract Tensor Forward(RunScope run, Tensor features, FrameOwners? owners = null);
}
