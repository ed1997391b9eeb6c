using Vitrine.Policies.Flow;
using Vitrine.Transformers;

namespace Vitrine.Worlds.Studies;

/// <summary>The arms of studies of a policy that flows: rows of another word's prompt, and neurons of its expert, each with every control.</summary>
public static class FlowArms
{
    /// <summary>How names of arms begin in which the expert reads a row of another word's prompt.</summary>
    public const string Row = "row of ";

    /// <summary>How names of arms begin in which neurons of the expert are pushed.</summary>
    public const string Neurons = "neurons that write ";

    /// <summary>
    /// A word is said, and the expert reads the other word's row in one layer; beside it the other word said, zero dose, that row in all other layers, other
    /// rows, the row held back where the other word is said, and the row moved as far in random directions.
    /// </summary>
    /// <param name="concept">Its name.</param>
    /// <param name="own">The word that is said.</param>
    /// <param name="other">The word whose rows are read.</param>
    /// <param name="layer">Of the expert.</param>
    /// <param name="layers">How many the expert has.</param>
    /// <param name="draws">Random directions; at least <see cref="Study.FewestRandomDraws"/>.</param>
    public static IReadOnlyList<Arm> OfRow(string concept, string own, string other, int layer, int layers, int draws)
    {
        int[] all = [.. Enumerable.Range(0, layers)];
        return
        [
            new() { Name = $"say '{own}'", Kind = ArmKind.Baseline, Word = own },
            Swapped("zero dose", ArmKind.ZeroDose, new PrefixSwap(own, [layer], SwappedRows.Others)),
            new() { Name = $"say '{other}'", Kind = ArmKind.Prompt, Concept = concept, Word = other },
            Swapped($"{Row}'{other}' in layer {layer}", ArmKind.Edit, new PrefixSwap(other, [layer])),
            Swapped($"say '{other}', row of '{own}' in layer {layer}", ArmKind.Interchange, new PrefixSwap(own, [layer])) with { Word = other },
            Swapped($"{Row}'{other}' in all other layers", ArmKind.Interchange, new PrefixSwap(other, [.. all.Except([layer])])),
            Swapped("state's row in all layers", ArmKind.Interchange, new PrefixSwap(other, all, SwappedRows.State)),
            Swapped($"all other rows in layer {layer}", ArmKind.Interchange, new PrefixSwap(other, [layer], SwappedRows.Others)),
            .. Enumerable.Range(0, draws).Select(d => Swapped(
                $"random direction {d + 1}", ArmKind.RandomDirection, new PrefixSwap(other, [layer], SwappedRows.Random) { Draw = d }) with
            {
                Group = $"random directions in layer {layer}",
            }),
        ];

        Arm Swapped(string name, ArmKind kind, PrefixSwap swap) => new() { Name = name, Kind = kind, Concept = concept, Word = own, Swap = swap };
    }

    /// <summary>Neurons pushed to both sides; beside them what is said for either side, zero dose, and matched random neurons pushed as far.</summary>
    /// <param name="concept">Its name.</param>
    /// <param name="direction">Where the neurons write to, in a word, e.g. <c>up</c>.</param>
    /// <param name="dose">How far they are pushed, e.g. <c>1 sd</c>.</param>
    /// <param name="more">What is done in each arm, as steering makes it: the edit, zero dose, random draws.</param>
    /// <param name="less">The same to the other side.</param>
    /// <param name="words">What is said for more, and for less.</param>
    public static IReadOnlyList<Arm> OfNeurons(
        string concept, string direction, string dose, IReadOnlyList<(string Name, RunPlan Plan)> more, IReadOnlyList<(string Name, RunPlan Plan)> less,
        (string More, string Less) words)
    {
        ArgumentNullException.ThrowIfNull(more);
        ArgumentNullException.ThrowIfNull(less);
        return
        [
            new() { Name = "no edit", Kind = ArmKind.Baseline },
            Planned("zero dose", ArmKind.ZeroDose, more[1].Plan),
            Said(words.More),
            Said(words.Less),
            Planned($"{Neurons}{direction}, +{dose}", ArmKind.Edit, more[0].Plan),
            Planned($"{Neurons}{direction}, −{dose}", ArmKind.Edit, less[0].Plan),
            .. Random("+", more),
            .. Random("−", less),
        ];

        Arm Said(string word) => new() { Name = $"say '{word}'", Kind = ArmKind.Prompt, Concept = concept, Word = word };

        Arm Planned(string name, ArmKind kind, RunPlan plan) => new() { Name = name, Kind = kind, Concept = concept, Plan = plan };

        IEnumerable<Arm> Random(string sign, IReadOnlyList<(string Name, RunPlan Plan)> arms)
            => arms.Skip(2).Select(a => Planned($"{a.Name}, {sign}{dose}", ArmKind.MatchedRandom, a.Plan) with { Group = $"matched random, {sign}{dose}" });
    }
}
