using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Lenses;

/// <summary>What makes of a residual inside a stack one that the last norm and the head can read.</summary>
/// <remarks>
/// Depth i counts blocks that are behind the residual: 0 is the embedding, L the residual behind the last block, as <c>hidden_states[i]</c> of transformers. At
/// depth L every lens is the identity, so that it reads the model's own answer.
/// </remarks>
public abstract class Lens : IDisposable
{
    /// <summary>For tables.</summary>
    public abstract string Name { get; }

    /// <summary>Whether what it gives is behind the last norm already.</summary>
    public virtual bool IsNormed => false;

    /// <summary>The logit lens: the residual as it is (nostalgebraist 2020).</summary>
    public static Lens Logit { get; } = new IdentityLens();

    /// <summary>Translates a residual.</summary>
    /// <param name="residual">(...,d); stays the caller's.</param>
    /// <param name="depth">How many blocks are behind it.</param>
    /// <returns>(...,d), owned by the caller's dispose scope; the argument where nothing is to do.</returns>
    public abstract Tensor Apply(Tensor residual, int depth);

    /// <summary>Refuses a stack that it was not made for.</summary>
    /// <exception cref="VitrineException">Width or depth differ.</exception>
    public abstract void RequireOf(Stack stack);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <param name="disposing">Whether it was asked for.</param>
    protected virtual void Dispose(bool disposing)
    {
    }

    private sealed class IdentityLens : Lens
    {
        public override string Name => "logit lens";

        public override Tensor Apply(Tensor residual, int depth) => residual;

        public override void RequireOf(Stack stack)
        {
        }
    }
}
