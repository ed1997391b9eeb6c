using Vitrine.Mechanisms.Causes;

namespace Vitrine.Worlds.Studies;

/// <summary>The arms of a closed-loop study of where a word acts: mean differences and interchange side by side, with every control.</summary>
public static class LocationArms
{
    private static readonly Component[] Adding = [Component.Attention, Component.FeedForward];

    /// <summary>Attention and feed-forward outputs of chosen layers and of all, residuals of chosen layers: each mean difference added, each put in.</summary>
    /// <param name="located">Whose mean differences; at least <see cref="Study.FewestRandomDraws"/> draws.</param>
    /// <param name="without">What is said where the word is not; null for nothing.</param>
    /// <param name="layers">Layers that get arms of their own.</param>
    public static IReadOnlyList<Arm> Of(Localisation located, string? without, IReadOnlyList<int> layers)
    {
        ArgumentNullException.ThrowIfNull(located);
        ArgumentNullException.ThrowIfNull(layers);
        var word = located.Word;
        (Component Component, int? Layer)[] parts =
        [
            .. Adding.SelectMany(c => layers.Select(l => (c, (int?)l)).Prepend((c, null))), .. layers.Select(l => (Component.Residual, (int?)l)),
        ];
        return
        [
            new() { Name = without is null ? "no edit" : $"say '{without}'", Kind = ArmKind.Baseline, Word = without },
            New("zero dose", ArmKind.ZeroDose) with { Plan = located.MeanDifference(Component.Attention, located.Layers, factor: 0) },
            New($"say '{word}'", ArmKind.Prompt) with { Word = word },
            .. parts.Select(p => New($"{NameOf(p)}, mean difference", ArmKind.Edit) with { Plan = located.MeanDifference(p.Component, At(p.Layer)) }),
            .. parts.Select(p => New($"{NameOf(p)}, put in", ArmKind.Interchange) with { Part = new ComponentSwap(word, p.Component, At(p.Layer)) }),
            .. Adding.SelectMany(c => Enumerable.Range(0, located.Draws).Select(d => New(
                $"random direction {d + 1}, {Decisions.OneStepResult.NameOf(c)}", ArmKind.RandomDirection) with
            {
                Plan = located.RandomDirection(d, c, located.Layers),
                Group = $"random directions, {Decisions.OneStepResult.NameOf(c)}",
            })),
        ];

        IReadOnlyList<int> At(int? layer) => layer is { } one ? [one] : located.Layers;

        Arm New(string name, ArmKind kind) => new() { Name = name, Kind = kind, Concept = word, Word = without };

        static string NameOf((Component Component, int? Layer) part)
            => $"{Decisions.OneStepResult.NameOf(part.Component)}, {(part.Layer is { } layer ? $"layer {layer}" : "all layers")}";
    }
}
