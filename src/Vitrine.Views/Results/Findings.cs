using Vitrine.Mechanisms.Statistics;
using Vitrine.Views.Drawing;
using Vitrine.Worlds;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;

namespace Vitrine.Views;

/// <summary>What studies and decisions say together, in sentences. Every word of them is decided by the verdicts.</summary>
public static class Findings
{
    /// <summary>All of it in one plain sentence; empty where nothing was judged.</summary>
    /// <param name="verdicts">On the edits of closed-loop studies.</param>
    /// <param name="decisions">On single decisions, one a concept.</param>
    public static string Sentence(IReadOnlyList<Verdict> verdicts, IReadOnlyList<OneStepVerdict> decisions)
    {
        ArgumentNullException.ThrowIfNull(verdicts);
        ArgumentNullException.ThrowIfNull(decisions);
        Verdict[] effects = [.. verdicts.Where(v => v.Class != VerdictClass.NotShown)];
        if (effects.Length > 0)
        {
            return EditWords.Sentence(string.Join("; ", [.. Held(verdicts), .. effects.GroupBy(v => EditWords.Doing(v.Arm)).Select(edit => Moved([.. edit]))]));
        }

        string[] carried = [.. decisions.Where(d => d.IsEffect).Select(d => $"{EditWords.Part(d.Carrier)} carries *{d.Concept}*")];
        var inOneDecision = carried.Length > 0 ? "in one decision " + EditWords.List(carried) : "";
        return verdicts.Count > 0
            ? EditWords.Sentence($"nothing was shown to steer the robot: no edit for {EditWords.List(Concepts(verdicts), "or")} moved it beyond chance and "
                + "random edits" + (carried.Length > 0 ? $", although {inOneDecision}" : ""))
            : carried.Length > 0 ? EditWords.Sentence(inOneDecision)
            : decisions.Count > 0 ? EditWords.Sentence("nothing was shown: no part of a single layer carries a word in one decision beyond random directions")
            : "";
    }

    /// <summary>The statements, one about each thing that was tried; what one concept was shown in several ways is put together.</summary>
    /// <param name="verdicts">On the edits of closed-loop studies.</param>
    /// <param name="decisions">On single decisions, one a concept.</param>
    /// <param name="units">Of the world.</param>
    public static IReadOnlyList<Statement> Statements(IReadOnlyList<Verdict> verdicts, IReadOnlyList<OneStepVerdict> decisions, WorldUnits units)
    {
        ArgumentNullException.ThrowIfNull(verdicts);
        ArgumentNullException.ThrowIfNull(decisions);
        ArgumentNullException.ThrowIfNull(units);
        string[] concepts = [.. verdicts.Select(v => v.Arm.Concept ?? "").Concat(decisions.Select(d => d.Concept)).Distinct()];
        return [.. concepts.SelectMany(concept => About(
            [.. verdicts.Where(v => (v.Arm.Concept ?? "") == concept)], decisions.FirstOrDefault(d => d.Concept == concept), units))];
    }

    private static IEnumerable<Statement> About(Verdict[] verdicts, OneStepVerdict? decision, WorldUnits units)
    {
        Verdict[] shown = [.. verdicts.Where(v => v.Class == VerdictClass.Shown)];
        if (decision is { IsEffect: true })
        {
            yield return Carried(decision, shown, units);
        }
        else
        {
            foreach (var verdict in shown)
            {
                yield return new Statement(EditWords.Sentence(Moves(verdict)), VerdictClass.Shown) { Evidence = [Measured(verdict, units)] };
            }
        }

        foreach (var verdict in verdicts.Where(v => v.Class == VerdictClass.BreaksTask))
        {
            yield return new Statement(EditWords.Sentence($"{Moves(verdict)}, and the task is solved less often"), VerdictClass.BreaksTask)
            {
                Evidence = [Measured(verdict, units)],
            };
        }

        foreach (var verdict in verdicts.Where(v => v.Class == VerdictClass.NotShown))
        {
            yield return new Statement(
                EditWords.Sentence($"{Doing(verdict)} {Not(verdict.IsNothing)} {Effect(verdict, plain: true)}"), VerdictClass.NotShown)
            {
                Evidence = [Measured(verdict, units)],
            };
        }

        if (decision is { IsEffect: false })
        {
            yield return new Statement(
                EditWords.Sentence($"in one decision no part of a single layer carries *{decision.Concept}* beyond what random directions do"),
                VerdictClass.NotShown)
            {
                Evidence = [Decided(decision)],
            };
        }
    }

    /// <remarks>
    /// A mean difference and an interchange answer two questions, and both answers are true: where a fixed vector comes in, and where the work is done state by
    /// state. Said apart, they seem to contradict each other.
    /// </remarks>
    private static Statement Carried(OneStepVerdict decision, Verdict[] shown, WorldUnits units)
    {
        var (concept, carrier, direction) = (decision.Concept, EditWords.Part(decision.Carrier), EditWords.Part(decision.Direction));
        var what = !decision.HasDirection ? $"{carrier} carries *{concept}* in one decision"
            : carrier == direction ? $"{carrier} brings *{concept}* in and carries it, in one decision"
            : $"{direction} brings *{concept}* in, and {carrier} carries it, state by state, in one decision";
        string[] moved = [.. shown.Select(Moves)];
        return new Statement(EditWords.Sentence(string.Join("; ", [what, .. moved])), VerdictClass.Shown)
        {
            Evidence = [Decided(decision), .. shown.Select(v => Measured(v, units))],
        };
    }

    private static IEnumerable<string> Held(IReadOnlyList<Verdict> verdicts)
    {
        Verdict[] held = [.. verdicts.Where(v => v.Arm.Name == ConceptArms.LexicalClamp && v.Class == VerdictClass.NotShown)];
        if (held.Length > 0)
        {
            yield return $"holding the neurons that spell {EditWords.List(Concepts(held), "or")} {Not(held.All(v => v.IsNothing))} steer the robot";
        }
    }

    private static string Moved(Verdict[] edit)
    {
        string[] effects = [.. edit.Select(v => $"{For(v)} {Effect(v)}{(v.Class == VerdictClass.BreaksTask ? " but breaks the task" : "")}")];
        return EditWords.Doing(edit[0].Arm) + string.Join(", and", effects);
    }

    private static string[] Concepts(IEnumerable<Verdict> verdicts) => [.. verdicts.Select(v => $"*{v.Arm.Concept}*").Distinct()];

    private static string Doing(Verdict verdict) => EditWords.Doing(verdict.Arm) + For(verdict);

    private static string Moves(Verdict verdict) => $"{Doing(verdict)} {Effect(verdict)}";

    /// <remarks>What is held names its concept already.</remarks>
    private static string For(Verdict verdict)
        => verdict.Arm.Name == ConceptArms.LexicalClamp || verdict.Arm.Concept is not { Length: > 0 } concept ? "" : $" for *{concept}*";

    /// <remarks>What was not moved is named the way the word would have moved it.</remarks>
    private static string Effect(Verdict verdict, bool plain = false)
        => EditWords.Effect(verdict.Measure, (verdict.Class == VerdictClass.NotShown ? verdict.Said?.Mean ?? 1 : verdict.Change.Mean) > 0, plain);

    private static string Not(bool isNothing) => isNothing ? "does not" : "was not seen to";

    private static string Measured(Verdict verdict, WorldUnits units)
    {
        var unit = Measure.Named(verdict.Measure).Unit(units);
        string[] parts =
        [
            $"closed loop, {verdict.Arm.Name}: {verdict.Measure} {Figures.Change(verdict.Change)}{(unit.Length > 0 ? " " + unit : "")}",
            .. verdict is { Said: { } said, ShareOfWord: { } share }
                ? [$", {Figures.Percent(share)} of what saying “{verdict.Word}” does ({Figures.Change(said.Mean, Figures.Fine)})"]
                : Array.Empty<string>(),
            verdict.Random is { } random ? $"; random draws {Figures.Range(random)}" : "; no random draws were made",
            $"; success {Figures.Percent(verdict.Success.Rate)} against {Figures.Percent(verdict.BaselineSuccess.Rate)} without edits, "
                + $"{Figures.Points(verdict.SuccessChange)}",
        ];
        return string.Concat(parts);
    }

    private static string Decided(OneStepVerdict decision)
        => $"one decision, activation patching of {EditWords.Part(decision.Carrier)}, in shares of the word’s own effect: put in alone (denoising) it gives "
            + $"{Share(decision.Carrier.Sufficient, decision)}, as far as it is sufficient; held back (noising) {Share(decision.Carrier.Necessary, decision)} "
            + $"remains, as far as it is necessary; its mean difference, one vector for all states, gives {Share(decision.Carrier.MeanDifference, decision)}"
            + (decision.Direction == decision.Carrier ? ""
                : $", that of {EditWords.Part(decision.Direction)} {Share(decision.Direction.MeanDifference, decision)}")
            + (decision.Random is not { } random ? "; no random draws were made"
                : $"; random draws {Figures.Range(random)}, the word {Figures.Change(decision.Word)}");

    /// <summary>A share of the word's effect, and its interval.</summary>
    private static string Share(Estimate part, OneStepVerdict decision) => decision.Word.Mean is var whole && whole == 0
        ? "no share that could be told"
        : Figures.Share(new Estimate(part.Mean / whole, Math.Min(part.Low / whole, part.High / whole), Math.Max(part.Low / whole, part.High / whole)));
}
