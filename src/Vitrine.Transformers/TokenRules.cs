using System.Globalization;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers;

/// <summary>What a generation may write besides what the model expects: penalties, forbidden and forced tokens, shortest lengths.</summary>
/// <remarks>
/// The logits processors of transformers (generation/logits_process.py), in the order of its generate. Each row counts its own tokens, prompt included and
/// padding left out, as if it were alone. They act before temperature and the filters of <see cref="Sampling"/>.
/// </remarks>
public sealed record TokenRules
{
    /// <summary>No rules: the model's own logits decide.</summary>
    public static TokenRules None { get; } = new();

    /// <summary>Divides positive and multiplies negative logits of tokens that stand in the row (Keskar et al. 2019); 1 changes nothing.</summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>The inverse for tokens of the prompt (<c>encoder_repetition_penalty</c>): above 1 it favours them.</summary>
    public double PromptRepetitionPenalty { get; init; } = 1;

    /// <summary>Runs of so many tokens occur once in a row; 0 for no such rule.</summary>
    public int NoRepeatNgramSize { get; init; }

    /// <summary>Runs of so many tokens that stand in the prompt are not written (<c>encoder_no_repeat_ngram_size</c>); 0 for no such rule.</summary>
    public int PromptNgramSize { get; init; }

    /// <summary>Numbers that are added to the logit of a sequence's last token where the tokens before it have been written.</summary>
    public IReadOnlyList<SequenceBias> SequenceBiases { get; init; } = [];

    /// <summary>Sequences that are never finished (<c>bad_words_ids</c>).</summary>
    public IReadOnlyList<IReadOnlyList<int>> BadWords { get; init; } = [];

    /// <summary>Tokens of a row, its prompt included, before which no end is taken.</summary>
    public int MinLength { get; init; }

    /// <summary>New tokens before which no end is taken.</summary>
    public int MinNewTokens { get; init; }

    /// <summary>The token behind a prompt of one token (<c>forced_bos_token_id</c>); null for none.</summary>
    public int? ForcedFirst { get; init; }

    /// <summary>Tokens one of which is the last where a row has not ended before (<c>forced_eos_token_id</c>).</summary>
    public IReadOnlyList<int> ForcedLast { get; init; } = [];

    /// <summary>Ends become likelier with every token behind a number of new ones; null for no such rule.</summary>
    public LengthDecay? LengthDecay { get; init; }

    /// <summary>Tokens that are never taken.</summary>
    public IReadOnlyList<int> Suppressed { get; init; } = [];

    /// <summary>Tokens that are not taken first (<c>begin_suppress_tokens</c>).</summary>
    public IReadOnlyList<int> SuppressedFirst { get; init; } = [];

    /// <summary>The ids that end a text, which some of the rules are about.</summary>
    public IReadOnlyList<int> EndIds { get; init; } = [];

    /// <summary>Whether no rule changes a logit.</summary>
    public bool IsEmpty => Described.Count == 0;

    /// <summary>The rules that are set, as people read them.</summary>
    public IReadOnlyList<string> Described =>
    [
        .. Where(RepetitionPenalty != 1, $"repetition_penalty {RepetitionPenalty}"),
        .. Where(PromptRepetitionPenalty != 1, $"encoder_repetition_penalty {PromptRepetitionPenalty}"),
        .. Where(NoRepeatNgramSize > 0, $"no_repeat_ngram_size {NoRepeatNgramSize}"),
        .. Where(PromptNgramSize > 0, $"encoder_no_repeat_ngram_size {PromptNgramSize}"),
        .. Where(SequenceBiases.Count > 0, $"sequence_bias of {SequenceBiases.Count}"),
        .. Where(BadWords.Count > 0, $"bad_words_ids of {BadWords.Count}"),
        .. Where(MinLength > 0 && EndIds.Count > 0, $"min_length {MinLength}"),
        .. Where(MinNewTokens > 0 && EndIds.Count > 0, $"min_new_tokens {MinNewTokens}"),
        .. Where(ForcedFirst is not null, $"forced_bos_token_id {ForcedFirst}"),
        .. Where(ForcedLast.Count > 0, $"forced_eos_token_id {string.Join(' ', ForcedLast)}"),
        .. Where(LengthDecay is not null, $"exponential_decay_length_penalty {LengthDecay?.Start} {LengthDecay?.Factor}"),
        .. Where(Suppressed.Count > 0, $"suppress_tokens of {Suppressed.Count}"),
        .. Where(SuppressedFirst.Count > 0, $"begin_suppress_tokens of {SuppressedFirst.Count}"),
    ];

    /// <summary>The logits of one row under the rules.</summary>
    /// <param name="logits">(V), one for each token.</param>
    /// <param name="prompt">Ids of the row's prompt, padding left out.</param>
    /// <param name="text">Its new ids so far.</param>
    /// <param name="count">New tokens at most, for the last of which an end may be forced.</param>
    /// <returns>Minus infinity where a token may not be taken.</returns>
    /// <exception cref="VitrineException">A rule names a token outside the vocabulary, or leaves none.</exception>
    public float[] Apply(ReadOnlySpan<float> logits, IReadOnlyList<int> prompt, IReadOnlyList<int> text, int count)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentNullException.ThrowIfNull(text);
        var scores = logits.ToArray();
        new RuleSteps(this, prompt, text, count).Apply(scores);
        return scores;
    }

    private static string[] Where(bool has, FormattableString text) => has ? [text.ToString(CultureInfo.InvariantCulture)] : [];
}

/// <summary>A number for the logit of the last of some tokens, where the others have just been written.</summary>
/// <param name="Ids">At least one; a single token's number is always added.</param>
/// <param name="Bias">Minus infinity forbids.</param>
public sealed record SequenceBias(IReadOnlyList<int> Ids, double Bias);

/// <summary>Ends grow likelier: |logit| (Factor^(n - Start) - 1) is added to theirs once n, the number of new tokens, is above Start.</summary>
public sealed record LengthDecay(int Start, double Factor);
