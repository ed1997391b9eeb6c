using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>What speaks for a class is measured on: its logit minus the mean of all logits, or minus another class's.</summary>
/// <param name="Target">The class.</param>
/// <param name="Against">The other class; null for the mean of all, or for nothing where each class stands for itself.</param>
/// <param name="Classes">How many classes there are.</param>
/// <param name="OneOfMany">Whether one class of many is answered, so that a change of all logits alike means nothing.</param>
public sealed record ClassContrast(int Target, int? Against, int Classes, bool OneOfMany)
{
    /// <summary>In words.</summary>
    /// <param name="names">Of the classes.</param>
    public string Text(IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        return Against is { } other ? $"logit of {names[Target]} minus logit of {names[other]}"
            : IsCentred ? $"logit of {names[Target]} minus the mean of all logits"
            : $"logit of {names[Target]}";
    }

    private bool IsCentred => Against is null && OneOfMany && Classes > 1;

    /// <summary>The measure of each row.</summary>
    /// <param name="logits">(B,classes).</param>
    /// <returns>(B); owned by the caller's scope.</returns>
    internal Tensor Of(Tensor logits)
    {
        logits = logits.Widened();
        var own = logits.select(1, Target);
        return Against is { } other ? own.Minus(logits.select(1, other)) : IsCentred ? own.Minus(logits.mean([1])) : own;
    }
}
