using System.Text.Json;
using System.Text.Json.Nodes;

namespace Vitrine.Tests.Folders;

/// <summary>
/// What transformers' generate does with the keys of generation_config.json, written down from its documentation (generation/logits_process.py) a second time,
/// on
/// the file itself and as slowly as it can be said.
/// </summary>
internal sealed class ReferenceRules(JsonObject file)
{
    private int[] Ends => Ids("eos_token_id");

    /// <summary>The token that a greedy generation takes.</summary>
    /// <param name="logits">Of the model.</param>
    /// <param name="prompt">Ids.</param>
    /// <param name="text">New ids so far.</param>
    /// <param name="count">New tokens at most.</param>
    public int Next(IReadOnlyList<float> logits, IReadOnlyList<int> prompt, IReadOnlyList<int> text, int count)
    {
        var scores = Scores(logits, prompt, text, count);
        var best = 0;
        for (var i = 1; i < scores.Length; i++)
        {
            best = scores[i] > scores[best] ? i : best;
        }

        return best;
    }

    /// <summary>The processed logits.</summary>
    public double[] Scores(IReadOnlyList<float> logits, IReadOnlyList<int> prompt, IReadOnlyList<int> text, int count)
    {
        var s = logits.Select(l => (double)l).ToArray();
        int[] row = [.. prompt, .. text];
        foreach (var entry in file["sequence_bias"]?.AsArray() ?? [])
        {
            AddTo(s, row, Whole(entry![0]!), entry[1]!.GetValue<double>());
        }

        Penalise(s, prompt, 1 / Number("encoder_repetition_penalty", 1));
        Penalise(s, row, Number("repetition_penalty", 1));
        Repeats(s, row, row, (int)Number("no_repeat_ngram_size", 0));
        Repeats(s, row, prompt, (int)Number("encoder_no_repeat_ngram_size", 0));
        foreach (var word in file["bad_words_ids"]?.AsArray() ?? [])
        {
            if (Whole(word!) is var ids && !(ids.Length == 1 && Ends.Contains(ids[0])))
            {
                AddTo(s, row, ids, double.NegativeInfinity);
            }
        }

        var isShort = file["min_new_tokens"] is null ? row.Length < Number("min_length", 0) : text.Count < Number("min_new_tokens", 0);
        Forbid(s, isShort ? Ends : []);
        if (row.Length == 1)
        {
            Force(s, Ids("forced_bos_token_id"));
        }

        if (text.Count == count - 1)
        {
            Force(s, Ids("forced_eos_token_id"));
        }

        if (file["exponential_decay_length_penalty"] is JsonArray decay && text.Count > decay[0]!.GetValue<int>())
        {
            foreach (var end in Ends)
            {
                s[end] += Math.Abs(s[end]) * (Math.Pow(decay[1]!.GetValue<double>(), text.Count - decay[0]!.GetValue<int>()) - 1);
            }
        }

        Forbid(s, Ids("suppress_tokens"));
        var first = prompt.Count == 1 && file["forced_bos_token_id"] is not null ? 1 : 0;
        Forbid(s, text.Count == first ? Ids("begin_suppress_tokens") : []);
        return s;
    }

    /// <summary>A whole greedy generation, the end's token kept.</summary>
    /// <param name="logitsOf">From all ids so far to the logits behind them.</param>
    /// <param name="prompt">Ids.</param>
    /// <param name="count">New tokens at most.</param>
    public int[] Generate(Func<int[], float[]> logitsOf, int[] prompt, int count)
    {
        var text = new List<int>();
        while (text.Count < count && (text.Count == 0 || !Ends.Contains(text[^1])))
        {
            text.Add(Next(logitsOf([.. prompt, .. text]), prompt, text, count));
        }

        return [.. text];
    }

    private static void AddTo(double[] s, int[] row, int[] ids, double bias)
    {
        if (ids.Length == 1 || (ids.Length <= row.Length && row.TakeLast(ids.Length - 1).SequenceEqual(ids.SkipLast(1))))
        {
            s[ids[^1]] += bias;
        }
    }

    private static void Penalise(double[] s, IEnumerable<int> ids, double penalty)
    {
        foreach (var id in ids.ToHashSet())
        {
            s[id] = s[id] < 0 ? s[id] * penalty : s[id] / penalty;
        }
    }

    private static void Repeats(double[] s, int[] row, IReadOnlyList<int> of, int size)
    {
        for (var id = 0; size > 0 && row.Length >= size - 1 && id < s.Length; id++)
        {
            int[] run = [.. row.TakeLast(size - 1), id];
            for (var from = 0; from + size <= of.Count; from++)
            {
                s[id] = of.Skip(from).Take(size).SequenceEqual(run) ? double.NegativeInfinity : s[id];
            }
        }
    }

    private static void Forbid(double[] s, IEnumerable<int> ids)
    {
        foreach (var id in ids.Where(i => i >= 0 && i < s.Length))
        {
            s[id] = double.NegativeInfinity;
        }
    }

    private static void Force(double[] s, int[] ids)
    {
        for (var i = 0; ids.Length > 0 && i < s.Length; i++)
        {
            s[i] = ids.Contains(i) ? 0 : double.NegativeInfinity;
        }
    }

    private double Number(string key, double otherwise) => file[key]?.GetValue<double>() ?? otherwise;

    private int[] Ids(string key) => file[key] is not { } value ? [] : value is JsonArray list ? Whole(list) : [value.GetValue<int>()];

    private static int[] Whole(JsonNode list) => list.Deserialize<int[]>()!;
}
