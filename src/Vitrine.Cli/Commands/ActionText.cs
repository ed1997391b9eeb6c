using System.Globalization;
using Spectre.Console;
using Vitrine.Policies;
using Vitrine.Policies.Actions;

namespace Vitrine.Cli.Commands;

/// <summary>Actions as tables: one alone, or one beside what the same policy does unedited.</summary>
internal static class ActionText
{
    /// <summary>One action, dimension by dimension.</summary>
    public static Table Said(Policy policy, PolicyAction action, TokenReading tokens)
    {
        var table = Output.Table("", "token", "bin", "normalised", "action", "expected", "nats", "p");
        for (var d = 0; d < action.Values.Count; d++)
        {
            table.Add(
                policy.ActionNames[d], $"{tokens.TokenIds[d]}", $"{tokens.Bins[d]}", Output.Signed(action.Normalised[0][d]), Output.Signed(action.Values[d]),
                Output.Signed(tokens.Expected[d]), Output.Plain(tokens.Entropy[d]), Output.Plain(tokens.Probability[d]));
        }

        return table;
    }

    /// <summary>A chunk, control step by control step.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="action">What it does.</param>
    /// <param name="count">Steps at most.</param>
    public static Table Chunk(Policy policy, PolicyAction action, int count = int.MaxValue)
    {
        var table = Output.Table(["step", .. policy.ActionNames]);
        foreach (var (step, row) in action.Chunk.Index().Take(count))
        {
            table.Add([$"{step}", .. row.Select(Output.Signed)]);
        }

        return table;
    }

    /// <summary>An edited action beside the unedited one.</summary>
    public static Table Compared(Policy policy, PolicyAction before, PolicyAction after)
    {
        if (before.Tokens is { } unedited && after.Tokens is { } edited)
        {
            var table = Output.Table("dimension", "token unedited", "edited", "action unedited", "edited", "change", "change of the expected action");
            for (var d = 0; d < after.Values.Count; d++)
            {
                table.Add(
                    policy.ActionNames[d], $"{unedited.TokenIds[d]}", $"{edited.TokenIds[d]}", Output.Signed(before.Values[d]), Output.Signed(after.Values[d]),
                    Output.Signed(after.Values[d] - before.Values[d]),
                    (edited.Expected[d] - unedited.Expected[d]).ToString("+0.00000;-0.00000;0.00000", CultureInfo.InvariantCulture));
            }

            return table;
        }

        var chunks = Output.Table(["step", "", .. policy.ActionNames]);
        for (var step = 0; step < Math.Max(before.Chunk.Count, after.Chunk.Count); step++)
        {
            var (was, now) = (before.Chunk.ElementAtOrDefault(step), after.Chunk.ElementAtOrDefault(step));
            chunks.Add([$"{step}", "unedited", .. Cells(was, policy)]);
            chunks.Add(["", "edited", .. Cells(now, policy)]);
            chunks.Add(["", "change", .. Cells(was is null || now is null ? null : [.. now.Zip(was, (a, b) => a - b)], policy)]);
        }

        return chunks;
    }

    /// <summary>What an edit changed, in a line.</summary>
    public static string Changed(Policy policy, PolicyAction before, PolicyAction after)
    {
        var changes = policy.ActionNames.Index()
            .Select(n => (Name: n.Item, Largest: before.Chunk.Zip(after.Chunk, (was, now) => Math.Abs(now[n.Index] - was[n.Index])).DefaultIfEmpty(0).Max()))
            .Where(c => c.Largest > 0).OrderByDescending(c => c.Largest).ToArray();
        return changes.Length == 0
            ? "the edit changes no number of the action"
            : $"the edit changes {string.Join(", ", changes.Select(c => $"{c.Name} (by up to {Output.Plain(c.Largest)})"))}";
    }

    private static IEnumerable<string> Cells(IReadOnlyList<double>? row, Policy policy) => row?.Select(Output.Signed) ?? policy.ActionNames.Select(_ => "-");
}
