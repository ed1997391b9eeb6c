using TorchSharp;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>A ReLU that keeps negative gradients from coming back.</summary>
internal sealed class ReluBackward : autograd.SingleTensorFunction<ReluBackward>
{
    private const string Guided = "guided";
    private static readonly Scalar Nothing = 0;

    /// <inheritdoc/>
    public override string Name => nameof(ReluBackward);

    /// <summary>max(x, 0).</summary>
    /// <param name="x">With a graph.</param>
    /// <param name="isGuided">Whether nothing comes back where x is negative either.</param>
    public static Tensor Of(Tensor x, bool isGuided) => apply(x, isGuided);

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var x = (Tensor)vars[0];
        ctx.save_for_backward([x]);
        ctx.save_data(Guided, vars[1]);
        return x.clamp_min(Nothing);
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var positive = grad_output.clamp_min(Nothing);
        return [(bool)ctx.get_data(Guided) ? where(ctx.get_saved_variables()[0].gt(Nothing), positive, zeros_like(positive)) : positive, null!];
    }
}
