using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Vitrine.Checkpoints;

namespace Vitrine.Mechanisms;

/// <summary>Work that was begun, in a JSON file that is written over every few seconds: who asks again goes on from there.</summary>
/// <param name="path">The file.</param>
/// <param name="type">How the work is written.</param>
/// <param name="now">The work as far as it is.</param>
/// <param name="isSaved">Whether the file has all of it.</param>
internal sealed class ProgressFile<T>(string path, JsonTypeInfo<T> type, Func<T> now, bool isSaved) : IDisposable
    where T : class
{
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(2);
    private readonly Stopwatch since = Stopwatch.StartNew();
    private bool isSaved = isSaved;

    /// <summary>What a file has.</summary>
    /// <param name="path">The file.</param>
    /// <param name="type">How the work is written.</param>
    /// <param name="article">Of the work's name.</param>
    /// <param name="what">The work's name.</param>
    /// <exception cref="VitrineException">It holds something else, or cannot be read.</exception>
    public static T Read(string path, JsonTypeInfo<T> type, string article, string what)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(path), type)
                ?? throw new VitrineException($"{path}: is null; expected {article} {what} that was begun.");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: is no {what} that was begun ({e.Message})", e);
        }
    }

    /// <summary>More is done than the file has.</summary>
    public void Changed()
    {
        isSaved = false;
        if (since.Elapsed >= Between)
        {
            Save();
        }
    }

    /// <summary>Also where work was cancelled: what was done is kept.</summary>
    public void Dispose()
    {
        if (!isSaved)
        {
            Save();
        }
    }

    private void Save()
    {
        AtomicFile.WriteAllText(path, JsonSerializer.Serialize(now(), type));
        isSaved = true;
        since.Restart();
    }
}
