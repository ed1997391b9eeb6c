using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>A <see cref="PatchMerger"/> behind a tower; tokens that came window by window are put back in the order of the picture (Qwen2.5-VL).</summary>
/// <param name="merger">Makes tokens.</param>
/// <param name="squares">Patches of a token.</param>
/// <param name="inWindowOrder">The point of the tokens before they are put back; null where the tower keeps the picture's order.</param>
internal sealed class MergeConnector(PatchMerger merger, int squares, Point? inWindowOrder)
    : Connector(merger.Down.Outputs, inWindowOrder is null ? [] : [inWindowOrder])
{
    /// <summary>The point of tokens that are not put back yet.</summary>
    public static Point WindowOrder(int width) => new("window_order", width);

    public override int Side => (int)Math.Sqrt(squares);

    public override int TokensOf(int features) => features / squares;

    public override Tensor Forward(RunScope run, Tensor features, FrameOwners? owners = null) => Forward(run, features, owners, restoring: null);

    /// <param name="run">Of the model.</param>
    /// <param name="features">(1,P,d).</param>
    /// <param name="owners">Of each token.</param>
    /// <param name="restoring">For each token of the pictures, where it stands among the features; null where it stands there already.</param>
    /// <returns>(1,P/m^2,width of the decoder).</returns>
    public Tensor Forward(RunScope run, Tensor features, FrameOwners? owners, long[]? restoring)
    {
        var x = merger.Apply(features);
        if (inWindowOrder is not null && restoring is not null)
        {
            var inOrder = owners is null ? null : new FrameOwners(Moved(owners.Rows, restoring), Moved(owners.Pictures, restoring));
            using var before = run.PassOver(1, x.shape[1], inOrder);
            x = before.At(Shape.Name, inWindowOrder, x)[TensorIndex.Colon, TensorIndex.Tensor(tensor(restoring, device: x.device))];
        }

        using var pass = run.PassOver(1, x.shape[1], owners);
        return pass.At(Shape.Name, Point.Out, x);
    }

    /// <summary>What belongs to each token, in the order of the features.</summary>
    private static int[] Moved(IReadOnlyList<int> of, long[] restoring)
    {
        var moved = new int[of.Count];
        for (var i = 0; i < moved.Length; i++)
        {
            moved[restoring[i]] = of[i];
        }

        return moved;
    }
}
