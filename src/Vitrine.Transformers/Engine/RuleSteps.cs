namespace Vitrine.Transformers.Engine;

/// <summary>The rules of a generation on one row's logits, each as transformers' processor of that name computes it, in float32.</summary>
/// <remarks>
/// Order of _get_logits_processor (transformers, generation/utils.py): biases, penalties, blocks, lengths, forced tokens, decay, suppression.
/// </remarks>
internal sealed class RuleSteps(TokenRules rules, IReadOnlyList<int> prompt, IReadOnlyList<int> text, int count)
{
    private readonly int[] row = [.. prompt, .. text];

    public void Apply(float[] scores)
    {
        RequireIds(scores.Length);
        Bias(scores, rules.SequenceBiases);
        Penalise(scores, prompt, (float)(1 / rules.PromptRepetitionPenalty));
        Penalise(scores, row, (float)rules.RepetitionPenalty);
        Block(scores, row, rules.NoRepeatNgramSize);
        Block(scores, prompt, rules.PromptNgramSize);
        Bias(scores, [.. rules.BadWords.Where(w => w.Count != 1 || !rules.EndIds.Contains(w[0])).Select(w => new SequenceBias(w, double.NegativeInfinity))]);
        if (row.Length < rules.MinLength || text.Count < rules.MinNewTokens)
        {
            Forbid(scores, rules.EndIds);
        }

        if (rules.ForcedFirst is { } first && row.Length == 1)
        {
            Force(scores, [first]);
        }

        if (rules.ForcedLast.Count > 0 && text.Count == count - 1)
        {
            Force(scores, rules.ForcedLast);
        }

        Decay(scores);
        Forbid(scores, rules.Suppressed);
        if (text.Count == (prompt.Count > 1 || rules.ForcedFirst is null ? 0 : 1))
        {
            Forbid(scores, rules.SuppressedFirst);
        }

        if (Array.TrueForAll(scores, float.IsNegativeInfinity))
        {
            throw new VitrineException($"generation: behind {text.Count} new tokens the rules leave no token: {string.Join("; ", rules.Described)}.");
        }
    }

    private static void Penalise(float[] scores, IReadOnlyList<int> ids, float penalty)
    {
        if (penalty == 1)
        {
            return;
        }

        foreach (var id in ids.Distinct())
        {
            scores[id] = scores[id] < 0 ? scores[id] * penalty : scores[id] / penalty;
        }
    }

    private static void Force(float[] scores, IReadOnlyList<int> ids)
    {
        Array.Fill(scores, float.NegativeInfinity);
        foreach (var id in ids)
        {
            scores[id] = 0;
        }
    }

    /// <remarks>Ids outside the vocabulary forbid nothing.</remarks>
    private static void Forbid(float[] scores, IReadOnlyList<int> ids)
    {
        foreach (var id in ids.Where(i => i >= 0 && i < scores.Length))
        {
            scores[id] = float.NegativeInfinity;
        }
    }

    /// <summary>Forbids every token that would write a run of <paramref name="size"/> tokens of a text once more.</summary>
    private void Block(float[] scores, IReadOnlyList<int> of, int size)
    {
        if (size <= 0 || row.Length + 1 < size)
        {
            return;
        }

        var suffix = row[(row.Length + 1 - size)..];
        for (var from = 0; from + size <= of.Count; from++)
        {
            if (of.Skip(from).Take(size - 1).SequenceEqual(suffix))
            {
                scores[of[from + size - 1]] = float.NegativeInfinity;
            }
        }
    }

    /// <remarks>Of one token the last bias that is named counts; biases of longer sequences add up.</remarks>
    private void Bias(float[] scores, IReadOnlyList<SequenceBias> biases)
    {
        var added = new Dictionary<int, float>();
        foreach (var (ids, bias) in biases.Where(b => b.Ids.Count == 1))
        {
            added[ids[0]] = (float)bias;
        }

        foreach (var (ids, bias) in biases.Where(b => b.Ids.Count > 1 && b.Ids.Count <= row.Length))
        {
            if (row[^(ids.Count - 1)..].SequenceEqual(ids.SkipLast(1)))
            {
                added[ids[^1]] = added.GetValueOrDefault(ids[^1]) + (float)bias;
            }
        }

        foreach (var (id, bias) in added)
        {
            scores[id] += bias;
        }
    }

    private void Decay(float[] scores)
    {
        if (rules.LengthDecay is { } decay && text.Count > decay.Start)
        {
            var growth = (float)(Math.Pow(decay.Factor, text.Count - decay.Start) - 1);
            foreach (var id in rules.EndIds.Distinct())
            {
                scores[id] += Math.Abs(scores[id]) * growth;
                if (float.IsNaN(scores[id]))
                {
                    throw new VitrineException($"generation: behind {text.Count} new tokens the end {id} is forbidden and favoured at once: "
                        + $"{string.Join("; ", rules.Described)}.");
                }
            }
        }
    }

    private void RequireIds(int vocabulary)
    {
        IEnumerable<int> named = [.. rules.ForcedLast, .. rules.BadWords.SelectMany(w => w), .. rules.SequenceBiases.SelectMany(b => b.Ids),
            .. rules.ForcedFirst is { } first ? [first] : Array.Empty<int>(), .. rules.LengthDecay is null ? [] : rules.EndIds];
        foreach (var id in named.Concat(row))
        {
            if (id < 0 || id >= vocabulary)
            {
                throw new VitrineException(
                    $"generation: token {id} of a rule lies outside the vocabulary of {vocabulary}: {string.Join("; ", rules.Described)}.");
            }
        }
    }
}
