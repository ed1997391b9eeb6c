using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using Vitrine.Worlds.Studies;

namespace Vitrine.Worlds.Records;

/// <summary>Makes of a record that grew the files that are kept. Cut off anywhere, it can be done again.</summary>
internal static class RecordClosing
{
    private const int FrameMilliseconds = 100;

    public static EpisodeRecord Close(string folder, RecordHeader header)
    {
        var (steps, _) = StepLines.Read(folder);
        StepTable.WriteAsync(Path.Combine(folder, RecordFolder.Table), steps, header.ActionNames).GetAwaiter().GetResult();
        WriteActivations(folder, steps.Count);
        WriteFilms(folder, steps);
        AtomicFile.WriteAllText(Path.Combine(folder, RecordFolder.Header), RecordJson.Write(header, indented: true));
        if (Directory.Exists(RecordFolder.StepFolder(folder)))
        {
            Directory.Delete(RecordFolder.StepFolder(folder), recursive: true);
        }

        File.Delete(Path.Combine(folder, RecordFolder.Growing)); // last: while it is there, it is what counts
        return EpisodeRecord.Open(folder);
    }

    private static void WriteActivations(string folder, int steps)
    {
        int[] kept = [.. Enumerable.Range(0, steps).Where(s => File.Exists(RecordFolder.Step(folder, s)))];
        if (kept.Length == 0)
        {
            return;
        }

        using var writer = SafetensorsWriter.Create(Path.Combine(folder, RecordFolder.Activations), [.. kept.SelectMany(Planned)]);
        foreach (var step in kept)
        {
            using var file = SafetensorsFile.Open(RecordFolder.Step(folder, step));
            foreach (var name in file.Tensors.Keys)
            {
                using var tensor = file.Read(name);
                writer.Write(RecordFolder.Tensor(step, name), tensor);
            }
        }

        writer.Finish();

        IEnumerable<TensorPlan> Planned(int step)
        {
            using var file = SafetensorsFile.Open(RecordFolder.Step(folder, step));
            return [.. file.Tensors.Values.Select(t => new TensorPlan(RecordFolder.Tensor(step, t.Name), t.Dtype, t.Shape))];
        }
    }

    private static void WriteFilms(string folder, IReadOnlyList<RecordedStep> steps)
    {
        string[] cameras = [.. steps.SelectMany(s => s.Cameras).Distinct()];
        foreach (var camera in cameras)
        {
            RecordedStep[] seen = [.. steps.Where(s => s.Cameras.Contains(camera))];
            string[] pictures = [.. seen.Select(s => RecordFolder.Picture(folder, camera, s.Step))];
            if (pictures.Select(PictureFile.SizeOf).Distinct().Count() == 1) // a client may change its camera; such pictures make no film
            {
                Write(
                    RecordFolder.Film(folder, camera, cameras.Length == 1, "png"),
                    stream => AnimatedPng.Write(stream, pictures.Select(p => PictureFile.Read(p)), seen.Length, FrameMilliseconds));
            }
        }
    }

    private static void Write(string path, Action<Stream> write)
    {
        using var memory = new MemoryStream();
        write(memory);
        AtomicFile.WriteAllBytes(path, memory.ToArray());
    }
}
