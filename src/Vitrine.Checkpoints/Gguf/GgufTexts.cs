namespace Vitrine.Checkpoints.Gguf;

/// <summary>A list of texts of a file's metadata, read when it is asked for: a vocabulary has tens of thousands, most want none.</summary>
/// <param name="file">Where it stands.</param>
/// <param name="begin">First byte of the first text's length.</param>
/// <param name="count">Texts.</param>
/// <param name="what">For errors.</param>
internal sealed class GgufTexts(string file, long begin, int count, string what)
{
    private string[]? texts;

    /// <summary>The texts.</summary>
    /// <exception cref="VitrineException">The file cannot be read any more, or is another one now.</exception>
    public string[] Read() => texts ??= FromFile();

    private string[] FromFile()
    {
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            if (begin > stream.Length)
            {
                throw new VitrineException($"{file}: ends at byte {stream.Length}, before {what}; it was longer when it was opened.");
            }

            stream.Position = begin;
            var reader = new GgufBytes(stream, file, stream.Length, begin);
            var read = new string[count];
            for (var i = 0; i < count; i++)
            {
                read[i] = reader.Text(what, strict: false);
            }

            return read;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{file}: cannot be read ({e.Message}).", e);
        }
    }
}
