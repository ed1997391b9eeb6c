using static TorchSharp.torch;

namespace Vitrine.Transformers.Caches;

/// <summary>Parts of a residual stream, one upon the other.</summary>
/// <param name="Labels">What each part is, e.g. <c>0_attn_out</c> or <c>L2H3</c>.</param>
/// <param name="Values">(C,B,T,d), or (C,B,T,V) once unembedded; owned by the stack.</param>
public sealed record ComponentStack(IReadOnlyList<string> Labels, Tensor Values) : IDisposable
{
    /// <summary>How many parts.</summary>
    public int Count => Labels.Count;

    /// <summary>One part (B,T,d), a view owned by the caller.</summary>
    /// <exception cref="VitrineException">There is none of that label; the nearest is named.</exception>
    public Tensor this[string label]
    {
        get
        {
            for (var i = 0; i < Labels.Count; i++)
            {
                if (Labels[i] == label)
                {
                    return Values[i];
                }
            }

            throw new VitrineException($"component '{label}': is not in the stack; the nearest that is is '{Nearest.Of(label, Labels)}'.");
        }
    }

    /// <summary>The parts added up (B,T,d), owned by the caller.</summary>
    public Tensor Sum() => Values.sum(0L);

    /// <inheritdoc/>
    public void Dispose() => Values.Dispose();
}
