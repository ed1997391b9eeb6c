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
    public static string Place(this Component component, int layer) => component switch
    {
        Component.Attention => $"language.{layer}.attn.out",
        Component.FeedForward => $"language.{layer}.mlp.out",
        _ => $"language.{layer}.resid_post",
    };
}
