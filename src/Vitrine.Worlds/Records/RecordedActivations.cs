using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Worlds.Records;

/// <summary>Reads activations out of a record, step by step: one file of a finished record is opened once, one a step of a growing one in turn.</summary>
/// <param name="folder">Of the record.</param>
internal sealed class RecordedActivations(string folder) : IDisposable
{
    private string? path;
    private SafetensorsFile? file;

    /// <summary>What was kept of a step; nothing where there is no file.</summary>
    /// <exception cref="VitrineException">The file is broken.</exception>
    public IReadOnlyList<string> Addresses(int step)
    {
        var prefix = Turn(step);
        return file is null ? [] : [.. file.Tensors.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal)).Select(k => k[prefix.Length..])];
    }

    /// <summary>One tensor of a step; null where it was not kept.</summary>
    /// <returns>Owned by the caller and mapped: to be copied or summed up before another step is asked for, and before this is disposed.</returns>
    /// <exception cref="VitrineException">The file is broken.</exception>
    public Tensor? Find(int step, string address)
    {
        var name = Turn(step) + address;
        return file?.Tensors.ContainsKey(name) == true ? file.Read(name) : null;
    }

    /// <inheritdoc/>
    public void Dispose() => file?.Dispose();

    /// <summary>Opens the file that holds a step.</summary>
    /// <returns>What its names begin with.</returns>
    private string Turn(int step)
    {
        var alone = RecordFolder.Step(folder, step);
        var (wanted, prefix) = File.Exists(alone) ? (alone, "") : (Path.Combine(folder, RecordFolder.Activations), RecordFolder.Tensor(step, ""));
        if (wanted != path)
        {
            file?.Dispose();
            (path, file) = (wanted, null);
            file = File.Exists(wanted) ? SafetensorsFile.Open(wanted) : null;
        }

        return prefix;
    }
}
