using System.Globalization;
using Vitrine.Mechanisms.Causes;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;

namespace Vitrine.Views;

/// <summary>One plain sentence about what a run showed or did not show. Words between asterisks are set in italics.</summary>
/// <param name="Text">The sentence.</param>
/// <param name="IsEffect">True: an effect was found. False: it was looked for and not found. Null: neither, as for a limit of the study.</param>
public sealed record Statement(string Text, bool? IsEffect = null)
{
    /// <summary>A study's verdict on an edit as a sentence.</summary>
    public static Statement Of(Verdict verdict)
    {
        ArgumentNullException.ThrowIfNull(verdict);
        var change = verdict.Change;
        string[] parts =
        [
            $"*{verdict.Arm.Concept}*, {verdict.Arm.Name}: {verdict.Measure} changes by {Signed(change.Mean)} [{Signed(change.Low)}, {Signed(change.High)}]",
            .. verdict is { Said: { } said, ShareOfWord: { } share }
                ? [$", {Percent(share)} of what saying '{verdict.Word}' does ({Signed(said.Mean)})"]
                : Array.Empty<string>(),
            verdict.Random is { } random ? $"; random draws {Signed(random.Smallest)} to {Signed(random.Largest)}" : "; no random draws were made",
            $"; success {Percent(verdict.Success.Rate)} against {Percent(verdict.BaselineSuccess.Rate)} without edits.",
        ];
        return new Statement(string.Concat(parts), verdict.IsEffect);
    }

    /// <summary>The verdict on one decision as a sentence.</summary>
    public static Statement Of(OneStepVerdict verdict)
    {
        ArgumentNullException.ThrowIfNull(verdict);
        var part = verdict.Carrier.Component == Component.Attention ? "attention output" : "feed-forward output";
        return new Statement(
            $"*{verdict.Concept}*, one decision: the {part} of layer {verdict.Carrier.Layer} put in state by state gives {Percent(verdict.Sufficient)} of "
                + "the word's effect; "
            + $"held back, {Percent(verdict.Necessary)} remains; its mean difference gives {Percent(verdict.MeanDifference)}.",
            verdict.IsEffect);
    }

    private static string Signed(double value) => value.ToString("+0.0000;-0.0000;0.0000", CultureInfo.InvariantCulture);

    private static string Percent(double? share)
        => share is { } value ? (Math.Round(value, 2) + 0.0).ToString("0 %", CultureInfo.InvariantCulture) : "no share that could be told";
}
