using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>One answer of a model: a class, or a next token.</summary>
/// <param name="Id">Class or token, from 0.</param>
/// <param name="Logit">Output of the head.</param>
/// <param name="Probability">What it means as a probability; null where the head measures a quantity, which is the logit itself.</param>
/// <remarks>The one place that turns logits into answers, whoever prints them.</remarks>
public sealed record Answer(int Id, double Logit, double? Probability)
{
    /// <summary>The answers with the largest logits, largest first, equal ones by id.</summary>
    /// <param name="logits">(n), one for each class or token; stays the caller's.</param>
    /// <param name="meaning">What they are; tokens are <see cref="ClassScores.OneOfMany"/>.</param>
    /// <param name="count">How many; all where there are fewer.</param>
    public static IReadOnlyList<Answer> Of(Tensor logits, ClassScores meaning, int count = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(logits);
        using var scope = NewDisposeScope();
        var wide = logits.detach().to(float64).cpu().contiguous();
        var (numbers, scores) = (wide.data<double>().ToArray(), Scores(wide, meaning).data<double>().ToArray());
        return [.. Ranking.Order(numbers, count).Select(id => new Answer(id, numbers[id], meaning == ClassScores.Quantity ? null : scores[id]))];
    }

    /// <summary>Logits as what they mean: probabilities, or the quantity itself.</summary>
    /// <param name="logits">(..., n), stays the caller's.</param>
    /// <param name="meaning">What they are.</param>
    /// <returns>Of the same shape, in float64.</returns>
    internal static Tensor Scores(Tensor logits, ClassScores meaning)
    {
        var wide = logits.detach().to(float64);
        return meaning switch
        {
            ClassScores.OneOfMany => wide.softmax(-1),
            ClassScores.Independent => wide.sigmoid(),
            ClassScores.Quantity => wide,
            _ => throw new ArgumentOutOfRangeException(nameof(meaning)),
        };
    }
}
