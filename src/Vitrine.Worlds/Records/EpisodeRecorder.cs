using System.Text;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Points;
using Vitrine.Worlds.Studies;
using static TorchSharp.torch;

namespace Vitrine.Worlds.Records;

/// <summary>
/// Writes an episode, or a session of a server, as a folder, step by step. A step that was added survives the end of the process at any moment; a step that was
/// being added is as if it had never been.
/// </summary>
/// <remarks>
/// While it grows: <c>record.json</c>, a line a step in <c>steps.jsonl</c>, <c>pictures/CAMERA/000012.png</c>, <c>activations/000012.safetensors</c> and
/// <c>plans/HASH.json</c>. <see cref="Finish"/> makes <c>steps.parquet</c>, <c>activations.safetensors</c> and a film a camera of it. Calls may come from
/// several threads, one after the other.
/// </remarks>
public sealed class EpisodeRecorder : IDisposable
{
    /// <summary>Name of the tensor that holds a step's given noise.</summary>
    internal const string Noise = "noise";

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);
    private readonly Lock gate = new();
    private readonly FileStream lines, held;
    private readonly AddressPattern[] points;
    private readonly HashSet<string> plans = [];

    private EpisodeRecorder(
        string folder, RecordHeader header, AddressPattern[] points, FileStream held, IReadOnlyList<RecordedStep> kept, long length)
    {
        (Folder, Header, this.points, this.held, Kept, Steps) = (folder, header, points, held, kept, kept.Count);
        lines = new FileStream(
            Path.Combine(folder, RecordFolder.Growing), FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        lines.SetLength(length);
        lines.Seek(0, SeekOrigin.End);
    }

    /// <summary>Where the record lies.</summary>
    public string Folder { get; }

    /// <summary>What it is of.</summary>
    public RecordHeader Header { get; }

    /// <summary>Steps that are kept so far.</summary>
    public int Steps { get; private set; }

    /// <summary>Steps that were found when a record that had been cut off was gone on with.</summary>
    public IReadOnlyList<RecordedStep> Kept { get; }

    /// <summary>What a run must capture for this record, besides its plan; null for nothing.</summary>
    public RunPlan? Capture => Header.Points.Count == 0 ? null : RunPlan.Capturing([.. Header.Points]);

    /// <summary>Begins a record.</summary>
    /// <param name="folder">Is made; it must be empty.</param>
    /// <param name="header">What it is of; an address of its points may have wildcards.</param>
    /// <exception cref="VitrineException">The folder holds something, or cannot be written, or a point is no address.</exception>
    public static EpisodeRecorder Create(string folder, RecordHeader header)
    {
        ArgumentNullException.ThrowIfNull(header);
        var points = PointsOf(header); // before anything is written
        AtomicFile.RequireFolder(folder);
        return Directory.EnumerateFileSystemEntries(folder).Any()
            ? throw new VitrineException($"{folder}: is not empty; a record needs a folder of its own.")
            : Begun(folder, header, points);
    }

    /// <summary>Begins a record, or goes on behind the last whole step of one that was cut off.</summary>
    /// <param name="folder">Is made where there is none.</param>
    /// <param name="header">What it is of.</param>
    /// <exception cref="VitrineException">The folder holds another record, or a finished one, or something else.</exception>
    public static EpisodeRecorder Resume(string folder, RecordHeader header)
    {
        ArgumentNullException.ThrowIfNull(header);
        if (!File.Exists(Path.Combine(folder, RecordFolder.Header)))
        {
            return Create(folder, header);
        }

        var found = EpisodeRecord.HeaderOf(folder);
        if (!found.IsOfSame(header))
        {
            throw new VitrineException($"{folder}: holds another record (policy {found.Policy.Name}, {found.Condition.Name}, "
                + $"{found.Layout?.Task} {found.Layout?.Index}); what policy, plan, world, layout and machine say must be the same to go on.");
        }

        if (found.End is not null)
        {
            throw new VitrineException($"{folder}: holds a finished record; nothing can be added to it.");
        }

        return Behind(folder, found);
    }

    /// <summary>Goes on with the newest record that was cut off and is of the same.</summary>
    /// <param name="folder">Holds records.</param>
    /// <param name="header">What it is to be of.</param>
    /// <returns>Null where there is none, or where another process writes it.</returns>
    public static EpisodeRecorder? ResumeNewest(string folder, RecordHeader header)
        => CutOff(folder).Where(r => r.Header.IsOfSame(header)).OrderByDescending(r => r.Header.Begun).Select(r => Try(r.Folder, r.Header))
            .FirstOrDefault(r => r is not null);

    /// <summary>Ends the records of a folder that were cut off and that nobody will go on with: those whose client calls its session nothing.</summary>
    /// <param name="folder">Holds records; it may be missing.</param>
    /// <returns>How many were ended. Those that another process writes are left alone.</returns>
    /// <exception cref="VitrineException">The folder cannot be written.</exception>
    public static int EndCutOff(string folder)
    {
        var ended = 0;
        foreach (var (path, header) in CutOff(folder).Where(r => r.Header is { Client: not null, Caller: null }))
        {
            using var recorder = Try(path, header);
            if (recorder is not null)
            {
                recorder.Finish(new RecordEnd(0, "cut off"));
                ended++;
            }
        }

        return ended;
    }

    /// <summary>Adds a step.</summary>
    /// <param name="step">The next one; its cameras are those of <paramref name="seen"/>.</param>
    /// <param name="seen">What was seen; its pictures are kept as PNG.</param>
    /// <param name="run">The run that it was decided in, of which the header's points are kept; null where a row of an earlier chunk was carried out.</param>
    /// <param name="row">Which observation of the run.</param>
    /// <param name="plan">The plan of this step, where it is not the condition's; without what it captures.</param>
    /// <param name="noise">What the chunk started from: a seed is kept in the step, given numbers as the tensor <c>noise</c>.</param>
    /// <exception cref="VitrineException">
    /// It is not the next step, a number is not finite, a point was not captured, or the folder cannot be written.
    /// </exception>
    public void Add(RecordedStep step, Observation seen, PolicyRun? run = null, int row = 0, RunPlan? plan = null, ActNoise? noise = null)
    {
        ArgumentNullException.ThrowIfNull(step);
        ArgumentNullException.ThrowIfNull(seen);
        lock (gate)
        {
            Require(step);
            using var scope = NewDisposeScope();
            var tensors = run is null ? [] : Shares(run, row);
            if (noise?.Given(row) is { } numbers)
            {
                tensors[Noise] = numbers;
            }

            var written = step with
            {
                Cameras = [.. seen.Cameras.Keys],
                NoiseSeed = noise is { Seeds: [_, ..] seeds } ? seeds[seeds.Count == 1 ? 0 : row] : step.NoiseSeed,
                Plan = plan is null ? step.Plan : Named(plan),
            };
            Write(written, seen, tensors);
            Steps++;
        }
    }

    /// <summary>Ends the record: its steps become one table, its activations one file, its pictures a film a camera.</summary>
    /// <param name="end">How it ended; its steps are counted here.</param>
    /// <returns>The record.</returns>
    /// <exception cref="VitrineException">The folder cannot be written.</exception>
    public EpisodeRecord Finish(RecordEnd end)
    {
        ArgumentNullException.ThrowIfNull(end);
        lock (gate)
        {
            lines.Dispose();
            var record = RecordClosing.Close(Folder, Header with { End = end with { Steps = Steps } });
            held.Dispose();
            return record;
        }
    }

    /// <summary>Stops writing. Without <see cref="Finish"/> before, the record stays unfinished; its steps can be read.</summary>
    public void Dispose()
    {
        lines.Dispose();
        held.Dispose();
    }

    private static AddressPattern[] PointsOf(RecordHeader header) => [.. header.Points.Select(AddressPattern.Parse)];

    private static EpisodeRecorder Begun(string folder, RecordHeader header, AddressPattern[] points) => Holding(folder, held =>
    {
        AtomicFile.WriteAllText(Path.Combine(folder, RecordFolder.Header), RecordJson.Write(header, indented: true));
        return new EpisodeRecorder(folder, header, points, held, [], 0);
    });

    private static EpisodeRecorder Behind(string folder, RecordHeader found) => Holding(folder, held =>
    {
        var (steps, length) = StepLines.Read(folder);
        return new EpisodeRecorder(folder, found, PointsOf(found), held, steps, length);
    });

    /// <summary>The records of a folder that have no end.</summary>
    private static (string Folder, RecordHeader Header)[] CutOff(string folder)
        => !Directory.Exists(folder) ? []
            : [.. Directory.EnumerateDirectories(folder)
                .Where(f => File.Exists(Path.Combine(f, RecordFolder.Growing)) && File.Exists(Path.Combine(f, RecordFolder.Header)))
                .Order(StringComparer.Ordinal).Select(f => (f, EpisodeRecord.HeaderOf(f))).Where(r => r.Item2.End is null)];

    private static EpisodeRecorder? Try(string folder, RecordHeader header)
    {
        try
        {
            return Behind(folder, header);
        }
        catch (VitrineException e) when (e.InnerException is IOException)
        {
            return null; // Another process writes it.
        }
    }

    /// <summary>Keeps other writers out for as long as the recorder lives; the system lets go where the process dies.</summary>
    private static EpisodeRecorder Holding(string folder, Func<FileStream, EpisodeRecorder> open)
    {
        FileStream? held = null;
        try
        {
            held = new FileStream(
                Path.Combine(folder, RecordFolder.Lock), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1,
                FileOptions.DeleteOnClose);
            return open(held);
        }
        catch (Exception e)
        {
            held?.Dispose();
            if (e is IOException or UnauthorizedAccessException)
            {
                throw new VitrineException($"{folder}: cannot be written ({e.Message}). Is another process recording there?", e);
            }

            throw;
        }
    }

    private void Require(RecordedStep step)
    {
        if (step.Step != Steps)
        {
            throw new VitrineException($"{Folder}: step {step.Step} is added; expected {Steps}.");
        }

        if (step.Action.Concat((step.Chunk ?? []).SelectMany(r => r)).Concat(step.Readings.Select(r => r.Score)).Any(v => !double.IsFinite(v)))
        {
            throw new VitrineException($"{Folder}: a number of step {step.Step} is not finite; a record holds finite ones.");
        }
    }

    private Dictionary<string, Tensor> Shares(PolicyRun run, int row)
    {
        var kept = new Dictionary<string, Tensor>();
        foreach (var address in run.Run.Activations.Keys.Where(a => points.Any(p => p.Matches(a))))
        {
            kept[address.ToString()] = KeptActivations.Of(run, row, address, Header.KeepsAllPositions).cpu().contiguous();
        }

        foreach (var missing in points.Where(p => !run.Run.Activations.Keys.Any(p.Matches)))
        {
            throw new VitrineException(
                $"{Folder}: '{missing}' is to be kept, and the run captured nothing of that name; add the recorder's capture to its plan.");
        }

        return kept;
    }

    private string Named(RunPlan plan)
    {
        var bare = plan with { Capture = [] };
        var name = RecordFolder.NameOf(bare);
        if (plans.Add(name) && RecordFolder.Plan(Folder, name) is var path && !File.Exists(path))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            AtomicFile.WriteAllText(path, bare.ToJson());
        }

        return name;
    }

    /// <remarks>The line comes last, in one write: what it names is there when it is.</remarks>
    private void Write(RecordedStep step, Observation seen, Dictionary<string, Tensor> tensors)
    {
        try
        {
            foreach (var (camera, picture) in seen.Cameras)
            {
                Directory.CreateDirectory(RecordFolder.PicturesOf(Folder, camera));
                AtomicFile.WriteAllBytes(RecordFolder.Picture(Folder, camera, step.Step), PictureFile.EncodePng(picture));
            }

            if (tensors.Count > 0)
            {
                Directory.CreateDirectory(RecordFolder.StepFolder(Folder));
                SafetensorsFile.Save(RecordFolder.Step(Folder, step.Step), tensors);
            }

            lines.Write(Utf8.GetBytes(RecordJson.Write(step) + "\n"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{Folder}: step {step.Step} cannot be written ({e.Message}).", e);
        }
    }
}
