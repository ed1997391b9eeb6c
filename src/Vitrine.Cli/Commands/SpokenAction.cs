using System.Globalization;
using Spectre.Console;
using Vitrine.Policies;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Cli.Commands;

/// <summary>What <c>run</c> and <c>generate</c> show of a policy: what its language model expects to say first, and all that it says.</summary>
internal static class SpokenAction
{
    /// <summary>The likeliest tokens where the policy decides; null for a policy whose answer is numbers.</summary>
    /// <param name="run">Of one observation, to its end.</param>
    /// <param name="count">How many.</param>
    public static IReadOnlyList<Answer>? First(PolicyRun run, int count)
    {
        if (run.Actions[0] is { Tokens: null, Said: [] })
        {
            return null;
        }

        using var scope = NewDisposeScope();
        return Answer.Of(run.Run.Logits[0, 0], ClassScores.OneOfMany, count);
    }

    /// <summary>The normalised action that a token means; null for a word.</summary>
    public static double? Value(Policy policy, int id) => policy.Actions is { } actions && actions.IsAction(id) ? actions.Centre(id) : null;

    /// <summary>The likeliest tokens as a table.</summary>
    public static Table Table(Policy policy, IReadOnlyList<Answer> answers)
    {
        var table = Output.Table("next token", "id", "normalised action", "logit", "probability");
        foreach (var answer in answers)
        {
            table.Add(
                policy.Tokenizer.Shown(answer.Id), $"{answer.Id}", Value(policy, answer.Id) is { } value ? Output.Signed(value) : "-",
                answer.Logit.ToString("0.000", CultureInfo.InvariantCulture), answer.Probability!.Value.ToString("0.0 %", CultureInfo.InvariantCulture));
        }

        return table;
    }

    /// <summary>The tokens that say an action, each with the number that it means; of a policy that says whole chunks in words, its words.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="action">What it does.</param>
    /// <param name="count">Tokens at most.</param>
    public static Table Said(Policy policy, PolicyAction action, int count)
    {
        if (action.Tokens is not { } tokens)
        {
            var words = Output.Table("token", "id");
            foreach (var id in action.Said.Take(count))
            {
                words.Add(policy.Tokenizer.Shown(id), $"{id}");
            }

            return words;
        }

        var table = Output.Table("", "token", "id", "normalised", "action");
        foreach (var (d, id) in tokens.TokenIds.Index().Take(count))
        {
            table.Add(
                policy.ActionNames[d], policy.Tokenizer.Shown(id), $"{id}", Output.Signed(action.Normalised[0][d]), Output.Signed(action.Values[d]));
        }

        return table;
    }

    /// <summary>Ids of all that was said.</summary>
    public static IReadOnlyList<int> Ids(PolicyAction action) => action.Tokens?.TokenIds ?? action.Said;
}
