namespace Vitrine.Checkpoints;

/// <summary>Writes files whole: to a temporary name first, then renamed, so that nothing is ever half-written.</summary>
public static class AtomicFile
{
    /// <summary>Writes a text as UTF-8.</summary>
    /// <exception cref="VitrineException">The folder cannot be written.</exception>
    public static void WriteAllText(string path, string text) => Write(path, temporary => File.WriteAllText(temporary, text));

    /// <summary>Writes a text as UTF-8 where there is no such file: of several processes that come at once one writes, and none writes over it.</summary>
    /// <returns>Whether this text was written.</returns>
    /// <exception cref="VitrineException">The folder cannot be written.</exception>
    public static bool WriteAllTextOnce(string path, string text)
    {
        try
        {
            Write(path, temporary => File.WriteAllText(temporary, text), overwrite: false);
            return true;
        }
        catch (VitrineException) when (File.Exists(path))
        {
            return false;
        }
    }

    /// <summary>Writes bytes.</summary>
    /// <exception cref="VitrineException">The folder cannot be written.</exception>
    public static void WriteAllBytes(string path, byte[] bytes) => Write(path, temporary => File.WriteAllBytes(temporary, bytes));

    /// <summary>Makes sure that a file can be written before the work that fills it begins.</summary>
    /// <exception cref="VitrineException">It is a folder, or its folder cannot be made or written.</exception>
    public static void RequireWritable(string path)
    {
        if (Directory.Exists(path))
        {
            throw new VitrineException($"{path}: is a folder; expected a file to write.");
        }

        try
        {
            RequireFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (VitrineException e)
        {
            throw new VitrineException($"{path}: cannot be written ({e.InnerException!.Message}).", e);
        }
    }

    /// <summary>Makes a folder where there is none.</summary>
    /// <exception cref="VitrineException">It cannot be made or written.</exception>
    public static void RequireFolder(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            var probe = Path.Combine(folder, $".{Guid.NewGuid():N}.tmp");
            File.WriteAllBytes(probe, []);
            File.Delete(probe);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{folder}: cannot be written ({e.Message}).", e);
        }
    }

    /// <summary>Lets a temporary file be written, then gives it its name; nothing remains of it when that fails.</summary>
    internal static void Write(string path, Action<string> write, bool overwrite = true)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            write(temporary);
            File.Move(temporary, path, overwrite);
        }
        catch (Exception e)
        {
            if (File.Exists(temporary))
            {
                File.Delete(temporary);
            }

            if (e is IOException or UnauthorizedAccessException)
            {
                throw new VitrineException($"{path}: cannot be written ({e.Message}).", e);
            }

            throw;
        }
    }
}
