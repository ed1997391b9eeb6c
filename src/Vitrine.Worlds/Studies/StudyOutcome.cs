using Vitrine.Mechanisms.Statistics;
using Vitrine.Worlds.Studies.Files;

namespace Vitrine.Worlds.Studies;

/// <summary>All that a study file came to: what was written down, what was compared, and every arm.</summary>
public sealed record StudyOutcome
{
    /// <summary>Name of the form; another number, other keys.</summary>
    public const string Form = "vitrine.study/1";

    /// <summary><see cref="Form"/>.</summary>
    public required string Schema { get; init; }

    /// <summary>SHA-256 of the study file's content: what was decided before the study ran.</summary>
    public required string Registered { get; init; }

    /// <summary>The study file.</summary>
    public required StudyFile File { get; init; }

    /// <summary>Who acted, with the fingerprint of its weights.</summary>
    public required StudyPolicy Policy { get; init; }

    /// <summary>How strong the conditions are in one decision.</summary>
    public required IReadOnlyList<ConditionStrength> Strengths { get; init; }

    /// <summary>What was compared: planned ones, then exploratory ones.</summary>
    public required IReadOnlyList<ArmComparison> Comparisons { get; init; }

    /// <summary>Looks in their order; empty where there was one at the end.</summary>
    public required IReadOnlyList<StudyLook> Looks { get; init; }

    /// <summary>Every arm.</summary>
    public required StudyResult Result { get; init; }

    /// <summary>Reads a run.</summary>
    /// <param name="file">The study file.</param>
    /// <param name="planned">Made of it.</param>
    /// <param name="run">All its episodes.</param>
    /// <param name="also">Measures that were added after results were seen; their comparisons are exploratory.</param>
    /// <param name="looks">What was seen before the end.</param>
    /// <exception cref="VitrineException">The run is not of the file's study, or there is no such measure.</exception>
    public static StudyOutcome Of(
        StudyFile file, PlannedStudy planned, StudyRun run, IReadOnlyList<string>? also = null, IReadOnlyList<StudyLook>? looks = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(planned);
        ArgumentNullException.ThrowIfNull(run);
        if (planned.Registered != file.Hash)
        {
            throw new VitrineException($"study '{file.Name}': the study was made of another file: {planned.Registered[..12]} was registered, this one is "
                + $"{file.Hash[..12]}.");
        }

        var result = StudyResult.Of(run);
        return new StudyOutcome
        {
            Schema = Form,
            Registered = planned.Registered,
            File = file,
            Policy = planned.Study.Policy!,
            Strengths = planned.Strengths,
            Comparisons = new ArmComparisons(file, run, result, looks ?? []).All(also ?? []),
            Looks = looks ?? [],
            Result = result,
        };
    }

    /// <summary>As JSON.</summary>
    public string ToJson() => RecordJson.Write(this, indented: true);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">What to call it in errors.</param>
    /// <exception cref="VitrineException">The text is none.</exception>
    public static StudyOutcome FromJson(string json, string source = "study result")
        => RecordJson.Read<StudyOutcome>(json, source) is { Schema: Form } outcome ? outcome : throw new VitrineException($"{source}: is no {Form}.");
}

/// <summary>One edit and one measure, with its controls beside it.</summary>
public sealed record ArmComparison
{
    /// <summary>The concept.</summary>
    public required string Concept { get; init; }

    /// <summary>Name of the edit's arm.</summary>
    public required string Arm { get; init; }

    /// <summary>What is compared.</summary>
    public required string Measure { get; init; }

    /// <summary>Whether it was decided on after results were seen; such a comparison suggests and claims nothing.</summary>
    public required bool IsExploratory { get; init; }

    /// <summary>Layouts of either arm.</summary>
    public required int Layouts { get; init; }

    /// <summary>Mean of the baseline.</summary>
    public required double Baseline { get; init; }

    /// <summary>Mean of the edit.</summary>
    public required double Mean { get; init; }

    /// <summary>Mean paired difference, with its bootstrap interval of 95 %.</summary>
    public required Estimate Change { get; init; }

    /// <summary>Two-sided, by sign flips.</summary>
    public required double P { get; init; }

    /// <summary>Holm's adjustment over all planned comparisons of the file; null for an exploratory one.</summary>
    public double? AdjustedP { get; init; }

    /// <summary>Whether the adjusted p is at most alpha; never for an exploratory one.</summary>
    public required bool IsSignificant { get; init; }

    /// <summary>d_z: mean over deviation of the paired differences; null where they are all alike.</summary>
    public double? EffectSize { get; init; }

    /// <summary>Cliff's delta: how often a layout of the edit exceeds one of the baseline, minus how often it falls below.</summary>
    public required double CliffsDelta { get; init; }

    /// <summary>Intended minus unintended movement; null for measures that are no motion.</summary>
    public Selectivity? Selectivity { get; init; }

    /// <summary>What saying the word changes; null where no word is said.</summary>
    public Estimate? Word { get; init; }

    /// <summary>What matched random neurons change, over all draws; null where there are none.</summary>
    public Spread? MatchedRandom { get; init; }

    /// <summary>What random directions change, over all draws; null where there are none.</summary>
    public Spread? RandomDirection { get; init; }

    /// <summary>What the reversed sign changes; null where the edit has none.</summary>
    public Estimate? Reversed { get; init; }

    /// <summary>What the zero dose changes; it must be nothing.</summary>
    public Estimate? ZeroDose { get; init; }

    /// <summary>Success under the edit, with Wilson's interval.</summary>
    public required Proportion Success { get; init; }

    /// <summary>Success of the baseline.</summary>
    public required Proportion BaselineSuccess { get; init; }

    /// <summary>Change of the success rate.</summary>
    public required Estimate SuccessChange { get; init; }

    /// <summary>McNemar's exact p of success against the baseline.</summary>
    public required double SuccessP { get; init; }

    /// <summary>The verdict. Shown needs a significant comparison, no control that moves as far, and a task that is solved as often.</summary>
    public required VerdictClass Verdict { get; init; }
}

/// <summary>
/// How far an edit moves what it should, and what it should not, in the world's lengths: a height as it is, a speed as the distance over its first steps.
/// </summary>
/// <param name="Difference">Intended minus unintended, with its bootstrap interval of 95 %.</param>
/// <param name="Intended">Of the compared measure; towards the word's side where a word is said, else its size.</param>
/// <param name="Unintended">Size of the largest movement among the other measures of motion.</param>
/// <param name="Of">That measure.</param>
public sealed record Selectivity(Estimate Difference, double Intended, double Unintended, string Of);

/// <summary>A look at results before the end.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Layouts">Of every arm so far.</param>
/// <param name="Level">Nominal two-sided p that a comparison must not exceed here, for the alpha of all looks and comparisons.</param>
/// <param name="Crossed">Planned comparisons that did not: arm and measure.</param>
/// <param name="IsLast">Whether the study ended here.</param>
public sealed record StudyLook(int Number, int Layouts, double Level, IReadOnlyList<string> Crossed, bool IsLast);
