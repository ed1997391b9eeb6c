using TorchSharp;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>
/// Operations that libtorch's meta device has no kernel for (Python registers its own, in torch._meta_registrations): there from those it has, elsewhere the
/// kernel itself.
/// </summary>
internal static class OnAnyDevice
{
    private static readonly Scalar Zero = 0;

    /// <summary>LayerNorm over the last dimension.</summary>
    public static Tensor LayerNorm(Tensor x, Tensor gain, Tensor? bias, double epsilon)
    {
        if (x.device_type != DeviceType.META)
        {
            return nn.functional.layer_norm(x, gain.shape, gain, bias, epsilon);
        }

        var centred = x - x.mean([-1], keepdim: true);
        var normed = centred * (centred * centred).mean([-1], keepdim: true).rsqrt() * gain;
        return bias is null ? normed : normed.Plus(bias);
    }

    /// <summary>max(x, 0).</summary>
    public static Tensor Relu(Tensor x) => x.device_type == DeviceType.META ? x * x.gt(Zero) : nn.functional.relu(x);

    /// <summary>What <paramref name="mask"/> chooses: one tensor where it is true, another where it is false.</summary>
    public static Tensor Where(Tensor mask, Tensor yes, Tensor no)
        => mask.device_type == DeviceType.META ? (yes * mask).Plus(no * mask.bitwise_not()) : where(mask, yes, no);

    /// <summary>Whether softmax(q k) v is one kernel there.</summary>
    public static bool HasFusedAttention(Tensor q) => q.device_type != DeviceType.META;

    /// <summary>The last dimension, turned round by half its width.</summary>
    public static Tensor HalvesSwapped(Tensor x)
    {
        var half = x.shape[^1] / 2;
        return x.device_type == DeviceType.META ? cat([x.narrow(-1, half, half), x.narrow(-1, 0, half)], -1) : x.roll([half], [-1]);
    }
}
