namespace Vitrine.Mechanisms.Causes;

/// <summary>What a block adds to the residual stream, or the stream behind it.</summary>
public enum Component
{
    /// <summary><c>attn.out</c>.</summary>
    Attention,

    /// <summary><c>mlp.out</c>.</summary>
    FeedForward,

    /// <summary><c>resid_post</c>.</summary>
    Residual,
}

internal static class Components
{
    /// <summary>The point that a component is read and changed at.</summary>
    public static string Point(this Component component) => component switch
    {
        Component.Attention => "attn.out",
        Component.FeedForward => "mlp.out",
        _ => "resid_post",
    };

    public static string Place(this Component component, string stack, int layer) => $"{stack}.{layer}.{component.Point()}";
}
