using System.Globalization;
using Vitrine.Checkpoints;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Captures;

/// <summary>Captures activations of many prompts to disk, a shard at a time. What is in memory is bounded by one chunk of prompts.</summary>
/// <remarks>A shard stands under its name only when it is whole, so a run that was cut off goes on where it stopped.</remarks>
public static class CaptureWriter
{
    internal const string Ids = "in.input_ids";
    internal const string Positions = "in.positions";
    private const string Untouched = "untouched_edits";

    /// <summary>Captures, or goes on with what was begun.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prompts">Ids of each prompt.</param>
    /// <param name="plan">What to capture and change; rows are prompts here, so no edit may tell rows apart.</param>
    /// <param name="folder">Is made where there is none.</param>
    /// <param name="chunkSize">Prompts in a pass and in a shard.</param>
    /// <param name="progress">Hears the number of shards that are done.</param>
    /// <param name="cancellation">Stops between shards; what is done stays.</param>
    /// <returns>The complete folder.</returns>
    /// <exception cref="VitrineException">
    /// The folder was begun with other settings, or cannot be written; the plan captures nothing, or means rows; an edit touched nothing in any prompt; or the
    /// model's weights were written over meanwhile.
    /// </exception>
    /// <exception cref="NonFiniteException">A prompt gives what is no number.</exception>
    public static CaptureFolder Write(
        TextModel model, IReadOnlyList<IReadOnlyList<int>> prompts, RunPlan plan, string folder, int chunkSize = 16, IProgress<int>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(chunkSize);
        Check(prompts, plan);
        var description = CaptureDescription.Of(model, prompts, plan, chunkSize);
        AtomicFile.RequireFolder(folder);
        var index = Path.Combine(folder, CaptureDescription.FileName);
        if (File.Exists(index))
        {
            description.RequireSame(CaptureDescription.Read(folder), folder);
        }
        else
        {
            AtomicFile.WriteAllText(index, description.ToJson());
        }

        for (var shard = 0; shard < description.Shards; shard++)
        {
            cancellation.ThrowIfCancellationRequested();
            var path = Path.Combine(folder, description.FileOf(shard));
            if (!File.Exists(path))
            {
                WriteShard(model, [.. prompts.Skip(shard * chunkSize).Take(chunkSize)], description, shard, path);
            }

            progress?.Report(shard + 1);
        }

        RequireTouched(description, folder);
        return CaptureFolder.Open(folder);
    }

    /// <summary>Refuses an edit that touched nothing in any shard; a shard of an older version does not tell, and counts as touched.</summary>
    private static void RequireTouched(CaptureDescription description, string folder)
    {
        var idle = Enumerable.Range(0, description.Plan.Edits.Count).ToHashSet();
        for (var shard = 0; shard < description.Shards && idle.Count > 0; shard++)
        {
            using var file = SafetensorsFile.Open(Path.Combine(folder, description.FileOf(shard)));
            var told = file.Metadata.GetValueOrDefault(Untouched, "").Split(' ');
            idle.RemoveWhere(edit => !told.Contains(edit.ToString(CultureInfo.InvariantCulture)));
        }

        if (idle.Count > 0)
        {
            var edit = new UntouchedEdit(idle.Min(), description.Plan.Edits[idle.Min()], "nothing that it names is in any prompt");
            throw new VitrineException($"{folder}: {edit}. What was captured is as without it; mend the plan, or leave the edit out.");
        }
    }

    private static void WriteShard(TextModel model, IReadOnlyList<IReadOnlyList<int>> prompts, CaptureDescription description, int shard, string path)
    {
        using var scope = NewDisposeScope();
        var batch = TokenBatch.Of(prompts);
        using var run = model.Run(batch, Cut(description.Plan, model.Stacks));
        model.RequireUnchanged();
        var tensors = run.Activations.ToDictionary(a => a.Key.ToString(), a => a.Value);
        (tensors[Ids], tensors[Positions]) = (TokenIds.Matrix(batch.Ids), Matrix(batch.Positions));
        var metadata = new Dictionary<string, string>
        {
            ["settings"] = description.Settings(),
            ["fingerprint"] = description.Fingerprint,
            [Untouched] = string.Join(' ', run.UntouchedEdits.Select(e => e.Index.ToString(CultureInfo.InvariantCulture))),
            ["first_prompt"] = (shard * description.ChunkSize).ToString(CultureInfo.InvariantCulture),
        };
        using var writer = SafetensorsWriter.Create(path, [.. tensors.Select(t => TensorPlan.Of(t.Key, t.Value))], metadata);
        foreach (var (key, value) in tensors)
        {
            writer.Write(key, value);
        }

        writer.Finish();
    }

    private static void Check(IReadOnlyList<IReadOnlyList<int>> prompts, RunPlan plan)
    {
        if (prompts.Count == 0)
        {
            throw new VitrineException("capture: there are no prompts.");
        }

        if (plan.Capture.Select(AddressPattern.Parse).FirstOrDefault(p => p.Steps != 0) is { } later)
        {
            throw new VitrineException($"capture: '{later}' names steps of a generation; prompts are only read.");
        }

        if (plan.Capture.Count == 0 || plan.Gradients.Count > 0)
        {
            throw new VitrineException("capture: the plan must name activations to keep, and no gradients.");
        }

        if (plan.Edits.FirstOrDefault(TellsRowsApart) is { } edit)
        {
            throw new VitrineException($"capture: the edit {edit.GetType().Name} tells rows apart; here a row is whichever prompt comes next.");
        }
    }

    /// <summary>
    /// The plan, stopped behind the last block that it names: logits of long prompts and large vocabularies would be the largest thing in memory.
    /// </summary>
    private static RunPlan Cut(RunPlan plan, IReadOnlyList<StackShape> stacks)
    {
        AddressPattern[] patterns = [.. plan.Capture.Select(AddressPattern.Parse), .. plan.Edits.SelectMany(e => e.Places()).Select(AddressPattern.Parse)];
        Address[] named = [.. stacks.SelectMany(s => s.Places()).Where(p => patterns.Any(n => n.MatchesPlace(p.Stack, p.Layer, p.Point)))];
        return plan.StopAfter is null && named.Length > 0 && named.All(p => p.Layer is not null) ? plan with { StopAfter = named.Max(p => p.Layer) } : plan;
    }

    private static bool TellsRowsApart(Edit edit) => edit.Scope.Rows is not null || edit is Mean { Over: MeanOver.Rows };

    private static Tensor Matrix(IReadOnlyList<IReadOnlyList<long>> rows) => tensor([.. rows.SelectMany(r => r)], [rows.Count, rows[0].Count]);
}
