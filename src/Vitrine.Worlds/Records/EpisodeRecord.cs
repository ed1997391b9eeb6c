using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds.Studies;
using static TorchSharp.torch;

namespace Vitrine.Worlds.Records;

/// <summary>A record that was read: its header and steps are in memory, its pictures and activations are read when asked.</summary>
public sealed class EpisodeRecord
{
    private const long LargestHeader = 1L << 28;

    /// <summary>Why a record ended whose last action an alarm kept from being carried out.</summary>
    internal const string Alarm = "alarm";

    private EpisodeRecord(string folder, RecordHeader header, IReadOnlyList<RecordedStep> steps)
        => (Folder, Header, Steps) = (folder, header, steps);

    /// <summary>Where it lies.</summary>
    public string Folder { get; }

    /// <summary>What it is of.</summary>
    public RecordHeader Header { get; }

    /// <summary>In order; of a record that was cut off those that were whole.</summary>
    public IReadOnlyList<RecordedStep> Steps { get; }

    /// <summary>Whether it was ended; else it still grows, or was cut off.</summary>
    public bool IsFinished => Header.End is not null;

    /// <summary>Reads a record.</summary>
    /// <param name="folder">Its folder.</param>
    /// <exception cref="VitrineException">It is none, or a part of it is broken; the part is named.</exception>
    public static EpisodeRecord Open(string folder)
    {
        var header = HeaderOf(folder);
        var table = Path.Combine(folder, RecordFolder.Table);
        var steps = !File.Exists(Path.Combine(folder, RecordFolder.Growing)) && File.Exists(table)
            ? StepTable.ReadAsync(table, header.ActionNames).GetAwaiter().GetResult()
            : StepLines.Read(folder).Steps;
        return header.End is { } end && end.Steps != steps.Count
            ? throw new VitrineException($"{folder}: ended after {end.Steps} steps; {steps.Count} are there.")
            : new EpisodeRecord(folder, header, steps);
    }

    /// <summary>Folders of records: the folder itself, or those in it, by name.</summary>
    /// <param name="folder">A record, or a folder of records.</param>
    /// <exception cref="VitrineException">There is none.</exception>
    public static IReadOnlyList<string> Find(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new VitrineException($"{folder}: there is no such folder; expected a record, or a folder of records.");
        }

        string[] found = IsRecord(folder) ? [folder] : [.. Directory.EnumerateDirectories(folder).Where(IsRecord).Order(StringComparer.Ordinal)];
        return found.Length > 0 ? found : throw new VitrineException($"{folder}: holds no record; expected {RecordFolder.Header} in it, or in folders in it.");

        static bool IsRecord(string path) => File.Exists(Path.Combine(path, RecordFolder.Header));
    }

    /// <summary>What was seen at a step, pictures included.</summary>
    /// <param name="step">From 0.</param>
    /// <exception cref="VitrineException">A picture is missing or broken.</exception>
    public Observation Seen(int step)
        => new(Steps[step].Cameras.ToDictionary(c => c, c => PictureFile.Read(RecordFolder.Picture(Folder, c, step))), Steps[step].Instruction)
        {
            State = Steps[step].State,
        };

    /// <summary>The plan under which a step was computed, where it is not the condition's; else null.</summary>
    /// <param name="step">From 0.</param>
    /// <exception cref="VitrineException">The plan is missing, broken or another one.</exception>
    public RunPlan? PlanOf(int step)
    {
        if (Steps[step].Plan is not { } name)
        {
            return null;
        }

        var plan = RunPlan.Load(RecordFolder.Plan(Folder, name));
        return RecordFolder.NameOf(plan) == name ? plan : throw new VitrineException($"{Folder}: the plan {name[..12]} of step {step} was changed.");
    }

    /// <summary>What a chunk's noise was, as the policy is asked for it again; null where it started from none.</summary>
    /// <param name="step">From 0.</param>
    public ActNoise? NoiseOf(int step)
    {
        if (Steps[step].NoiseSeed is { } seed)
        {
            return ActNoise.OfSeed(seed);
        }

        using var kept = new RecordedActivations(Folder);
        using var given = kept.Find(step, EpisodeRecorder.Noise);
        return given is null ? null : ActNoise.Of(given);
    }

    /// <summary>What was kept of a step, by address; a row of one observation each.</summary>
    /// <param name="step">From 0.</param>
    /// <returns>Owned by the caller's dispose scope; empty where nothing was kept.</returns>
    /// <exception cref="VitrineException">The file is broken.</exception>
    public IReadOnlyDictionary<string, Tensor> Activations(int step)
    {
        using var kept = new RecordedActivations(Folder);
        return kept.Addresses(step).Where(a => a != EpisodeRecorder.Noise).ToDictionary(a => a, a =>
        {
            using var mapped = kept.Find(step, a)!;
            return mapped.clone();
        });
    }

    /// <summary>The record as an episode of a world, for measures and films.</summary>
    /// <param name="withPictures">Whether it is to hold what the camera saw before each action; a record has none of the end.</param>
    /// <exception cref="VitrineException">It has no world, or is not finished.</exception>
    public Episode ToEpisode(bool withPictures = false)
    {
        if (Header is not { Layout: { } layout, End: { Succeeded: not null, Gripper: not null } end })
        {
            throw new VitrineException($"{Folder}: is no finished episode of a world.");
        }

        var episode = EpisodeOf(layout, Steps.Count == 0 ? "" : WithoutWord(Steps[0].Instruction), Steps, end);
        return withPictures ? episode with { Pictures = [.. Enumerable.Range(0, episode.Steps).Select(s => Seen(s).Picture)] } : episode;
    }

    /// <summary>Steps of a world as its episode. An action that an alarm kept from being carried out is none of it.</summary>
    /// <param name="layout">The starting situation.</param>
    /// <param name="instruction">The world's, without a condition's word.</param>
    /// <param name="steps">In order.</param>
    /// <param name="end">How it ended, in a world.</param>
    internal static Episode EpisodeOf(LayoutKey layout, string instruction, IReadOnlyList<RecordedStep> steps, RecordEnd end)
    {
        RecordedStep[] carried = [.. end.Reason == Alarm ? steps.SkipLast(1) : steps];
        return new Episode
        {
            Layout = layout,
            Instruction = instruction,
            Succeeded = end.Succeeded!.Value,
            Actions = [.. carried.Select(s => s.Action.ToArray())],
            Path = [.. carried.Select(s => s.Gripper!.Value), end.Gripper!.Value],
            Measures = end.Measures ?? new Dictionary<string, double>(),
        };
    }

    /// <summary>The header alone.</summary>
    internal static RecordHeader HeaderOf(string folder)
    {
        var path = Path.Combine(folder, RecordFolder.Header);
        try
        {
            var header = new FileInfo(path) is { Exists: true, Length: > LargestHeader } file
                ? throw new VitrineException($"{path}: takes {file.Length} bytes; expected at most {LargestHeader}.")
                : RecordJson.Read<RecordHeader>(File.ReadAllText(path), path);
            return header.Format == RecordHeader.CurrentFormat ? header
                : throw new VitrineException($"{path}: is of the form '{header.Format}'; this version reads {RecordHeader.CurrentFormat}.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{folder}: is no record ({e.Message}).", e);
        }
    }

    private string WithoutWord(string instruction)
        => Header.Condition.Word is { Length: > 0 } word && instruction.EndsWith($" {word}", StringComparison.Ordinal)
            ? instruction[..^(word.Length + 1)]
            : instruction;
}
