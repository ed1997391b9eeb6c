using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>A non-linearity.</summary>
public enum Activation
{
    /// <summary>x sigmoid(x).</summary>
    Silu,

    /// <summary>x Phi(x), exact.</summary>
    Gelu,

    /// <summary>x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).</summary>
    GeluTanh,

    /// <summary>x sigmoid(1.702 x).</summary>
    QuickGelu,

    /// <summary>max(x, 0).</summary>
    Relu,

    /// <summary>tanh(x).</summary>
    Tanh,
}

/// <summary>Names and formulas of <see cref="Activation"/>.</summary>
internal static class Activations
{
    private static readonly Lazy<Scalar> QuickGeluSlope = new(() => 1.702); // names are read without libtorch

    /// <summary>As configuration files spell them (transformers, activations.py).</summary>
    public static IReadOnlyDictionary<string, Activation> Names { get; } = new Dictionary<string, Activation>
    {
        ["silu"] = Activation.Silu,
        ["swish"] = Activation.Silu,
        ["gelu"] = Activation.Gelu,
        ["gelu_erf"] = Activation.Gelu,
        ["gelu_new"] = Activation.GeluTanh,
        ["gelu_pytorch_tanh"] = Activation.GeluTanh,
        ["gelu_fast"] = Activation.GeluTanh,
        ["quick_gelu"] = Activation.QuickGelu,
        ["relu"] = Activation.Relu,
        ["tanh"] = Activation.Tanh,
    };

    public static Tensor Apply(this Activation activation, Tensor x) => RowMath.Takes(x) ? OfOneRow(activation, x) : activation switch
    {
        Activation.Silu => nn.functional.silu(x),
        Activation.Gelu => nn.functional.gelu(x),
        Activation.GeluTanh => nn.functional.gelu(x, GELU.Approximate.tanh),
        Activation.QuickGelu => (x * QuickGeluSlope.Value).sigmoid() * x,
        Activation.Relu => OnAnyDevice.Relu(x),
        Activation.Tanh => x.tanh(),
        _ => throw new ArgumentOutOfRangeException(nameof(activation)),
    };

    private static unsafe Tensor OfOneRow(Activation activation, Tensor x)
    {
        var active = x.clone();
        RowMath.Activate(activation, RowMath.At(active), (int)active.numel());
        return active;
    }
}
