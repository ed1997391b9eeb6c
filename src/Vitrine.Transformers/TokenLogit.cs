using System.Globalization;

namespace Vitrine.Transformers;

/// <summary>A token of the vocabulary with its logit.</summary>
/// <param name="Id">From 0.</param>
/// <param name="Token">As people read it; its id in angle brackets where the model has no tokenizer.</param>
/// <param name="Logit">Along the token's row of the unembedding.</param>
/// <param name="Probability">Among all tokens; null where the logit is no part of an answer, as a value vector's.</param>
public sealed record TokenLogit(int Id, string Token, double Logit, double? Probability = null)
{
    /// <summary>Token and logit, and the probability where there is one.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"'{Token}' {Logit:+0.00;-0.00;0.00}{(Probability is { } p ? $" ({p:0.000})" : "")}");
}
