using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;

namespace Vitrine.Worlds.Studies;

/// <summary>
/// A plan of closed-loop episodes: every arm meets the same layouts. It is a value: read from a file on another machine it is the same study.
/// </summary>
public sealed record Study
{
    /// <summary>Random draws that an edit's control needs at least.</summary>
    public const int FewestRandomDraws = 8;

    private const int DefaultBlockSize = 24;

    /// <summary>A study whose properties say what it is.</summary>
    public Study()
    {
    }

    /// <remarks>What JSON may lack: the generated code takes the defaults of a constructor, not of a property.</remarks>
    [JsonConstructor]
    internal Study(LayoutSplit split = LayoutSplit.Test, int blockSize = DefaultBlockSize) => (Split, BlockSize) = (split, blockSize);

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Who acts; null for a scripted actor.</summary>
    public StudyPolicy? Policy { get; init; }

    /// <summary>The <see cref="IWorld.Description"/> of the world that it is for.</summary>
    public required string World { get; init; }

    /// <summary>Tasks of the world.</summary>
    public required IReadOnlyList<string> Tasks { get; init; }

    /// <summary>Layouts of each task.</summary>
    public required int LayoutsPerTask { get; init; }

    /// <summary>The first of them, from 0: a study that goes on behind another's layouts begins later.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int FirstLayout { get; init; }

    /// <summary>An episode that has not succeeded by then has failed.</summary>
    public required int StepLimit { get; init; }

    /// <summary>Decides layouts and sensor noise.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Whether its layouts serve to choose or to report; the two share none.</summary>
    public LayoutSplit Split { get; init; } = LayoutSplit.Test;

    /// <summary>Episodes that run in lock step. Part of the study, since a policy's batch may touch its last bits.</summary>
    public int BlockSize { get; init; } = DefaultBlockSize;

    /// <summary>Rows of each chunk that are carried out before the policy acts again; as many as its checkpoint says when null.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? ActionSteps { get; init; }

    /// <summary>The conditions.</summary>
    public required IReadOnlyList<Arm> Arms { get; init; }

    /// <summary>The layouts, tasks mixed.</summary>
    public IEnumerable<LayoutKey> Layouts()
        => Enumerable.Range(FirstLayout, LayoutsPerTask).SelectMany(i => Tasks.Select(task => new LayoutKey(Seed, Split, task, i)));

    /// <summary>Adds a baseline where there is none, and the controls of every edit.</summary>
    /// <param name="controls">
    /// The arms that an edit needs beside it: zero dose, random draws, the prompt word. Arms that are there already are not added again.
    /// </param>
    public Study WithControls(Func<Arm, IEnumerable<Arm>> controls)
    {
        ArgumentNullException.ThrowIfNull(controls);
        IEnumerable<Arm> baseline = Arms.Any(a => a.Kind == ArmKind.Baseline) ? [] : [new Arm { Name = "baseline", Kind = ArmKind.Baseline }];
        return this with { Arms = [.. baseline.Concat(Arms).Concat(Arms.Where(a => a.Kind == ArmKind.Edit).SelectMany(controls)).DistinctBy(a => a.Label())] };
    }

    /// <summary>Refuses a study that could not support what it would report.</summary>
    /// <exception cref="VitrineException">The reason, by name.</exception>
    public void Check()
    {
        if (Tasks.Count == 0 || LayoutsPerTask < 1 || FirstLayout < 0 || StepLimit < 1 || BlockSize < 1)
        {
            throw new VitrineException(
                $"study '{Name}': {Tasks.Count} tasks, {LayoutsPerTask} layouts per task, {StepLimit} steps, blocks of {BlockSize}; each must be at least 1.");
        }

        if (ActionSteps < 1)
        {
            throw new VitrineException($"study '{Name}': {ActionSteps} rows of each chunk are carried out; expected at least 1.");
        }

        if (Repeated(Tasks) is { } task)
        {
            throw new VitrineException($"study '{Name}': the task '{task}' is listed twice; ask for more layouts instead.");
        }

        if (Repeated(Arms.Select(a => a.Name)) is { } name)
        {
            throw new VitrineException($"study '{Name}': two arms are called '{name}'; an arm's name must be its own.");
        }

        if (Arms.Count(a => a.Kind == ArmKind.Baseline) is not 1 and var baselines)
        {
            throw new VitrineException($"study '{Name}': {baselines} baseline arms; expected exactly one. {nameof(WithControls)} adds it.");
        }

        foreach (var prompt in Arms.Where(a => a.Kind == ArmKind.Prompt && string.IsNullOrEmpty(a.Word)))
        {
            throw new VitrineException($"study '{Name}': the prompt arm '{prompt.Name}' has no word.");
        }

        foreach (var arm in Arms.Where(a => a.Schedule is not null && a.Plan is not { Edits.Count: > 0 }))
        {
            throw new VitrineException($"study '{Name}': the arm '{arm.Name}' has a schedule and no edit that it could schedule.");
        }

        foreach (var edit in Arms.Where(a => a.Kind == ArmKind.Edit))
        {
            CheckControls(edit);
        }
    }

    /// <summary>The study as JSON.</summary>
    public string ToJson() => RecordJson.Write(this);

    /// <summary>Reads a study.</summary>
    /// <exception cref="VitrineException">The text is none.</exception>
    public static Study FromJson(string json) => RecordJson.Read<Study>(json, "study");

    /// <summary>Changes when anything changes that the episodes depend on: policy, world, layouts, any arm's plan, schedule or word.</summary>
    public string Fingerprint()
        => Convert.ToHexStringLower(
            SHA256.HashData(Encoding.UTF8.GetBytes((this with { Policy = Policy is null ? null : Policy with { Name = "" } }).ToJson())));

    private void CheckControls(Arm edit)
    {
        if (edit.Concept is null)
        {
            throw new VitrineException($"study '{Name}': the edit '{edit.Name}' names no concept, so its controls cannot be told.");
        }

        if (!Arms.Any(a => a.Kind == ArmKind.ZeroDose && a.Concept == edit.Concept))
        {
            throw new VitrineException(
                $"study '{Name}': the edit '{edit.Name}' has no zero-dose arm of concept '{edit.Concept}'. {nameof(WithControls)} adds it.");
        }

        var draws = Arms.Where(a => a.IsRandom && a.Concept == edit.Concept).GroupBy(a => (a.Kind, a.Group)).Select(g => g.Count()).DefaultIfEmpty().Max();
        if (draws < FewestRandomDraws)
        {
            throw new VitrineException(
                $"study '{Name}': the edit '{edit.Name}' has {draws} random draws of concept '{edit.Concept}' in its largest group; expected at least "
                    + $"{FewestRandomDraws}. {nameof(WithControls)} adds them.");
        }
    }

    private static string? Repeated(IEnumerable<string> names) => names.GroupBy(n => n).FirstOrDefault(g => g.Count() > 1)?.Key;
}
