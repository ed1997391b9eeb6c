namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>How steps of a function are differentiated.</summary>
/// <remarks>A rule changes the derivative alone; values stay what they are.</remarks>
public abstract record GradientRule
{
    private GradientRule()
    {
    }

    /// <summary>As it is.</summary>
    public static GradientRule Derivative { get; } = new TrueRule();

    /// <summary>
    /// At a ReLU, what comes back passes where the unit was active and where it is positive itself (Springenberg et al. 2015, section 3.4).
    /// </summary>
    public static GradientRule GuidedBackprop { get; } = new ReluRule(IsGuided: true);

    /// <summary>At a ReLU, what comes back passes where it is positive itself (Zeiler and Fergus 2014, section 2.1).</summary>
    public static GradientRule Deconvolution { get; } = new ReluRule(IsGuided: false);

    /// <summary>
    /// At each non-linear step the slope between the reference and the input, (y - y0) / (x - x0), the derivative where they meet: the rescale rule (Shrikumar
    /// et al. 2017, section 3.5.1).
    /// </summary>
    public static GradientRule DeepLift { get; } = new SecantRule();

    /// <summary>
    /// Layer-wise relevance propagation (Bach et al. 2015), as a derivative G whose product with an activation a is its relevance, R = a G: behind a linear
    /// layer z = W a + b it is R_a = a W'^T (R_z / (z' + s(z') epsilon)) with W' = W + gamma max(W, 0), z' = W' a + b; a non-linear step hands relevance on.
    /// </summary>
    /// <param name="epsilon">Pulls towards 0 what a small sum would blow up (section 2.2, eq. 58).</param>
    /// <param name="gamma">Favours what speaks for (Montavon et al. 2019, section 10.2.3); 0 for the epsilon rule.</param>
    public static GradientRule Relevance(double epsilon = 1e-9, double gamma = 0) => new RelevanceRule(epsilon, gamma);

    internal sealed record TrueRule : GradientRule;

    internal sealed record ReluRule(bool IsGuided) : GradientRule;

    internal sealed record SecantRule : GradientRule;

    internal sealed record RelevanceRule(double Epsilon, double Gamma) : GradientRule;
}
