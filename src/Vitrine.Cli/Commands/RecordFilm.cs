using System.ComponentModel;
using System.Diagnostics;

namespace Vitrine.Cli.Commands;

/// <summary>Films of records as MP4, where ffmpeg is on the path.</summary>
internal static class RecordFilm
{
    private const int FramesASecond = 10;

    /// <summary>Writes <c>episode.mp4</c> beside each animated PNG of records that have none.</summary>
    /// <returns>How many there are now; null where there is no ffmpeg.</returns>
    /// <exception cref="VitrineException">ffmpeg refuses a film; what it says is told.</exception>
    public static async Task<int?> WriteAllAsync(IReadOnlyList<string> records, CancellationToken cancellation)
    {
        var written = 0;
        foreach (var film in records.SelectMany(r => Directory.EnumerateFiles(r, "episode*.png")))
        {
            var file = Path.ChangeExtension(film, ".mp4");
            if (!File.Exists(file) && !await WriteAsync(film, file, cancellation).ConfigureAwait(false))
            {
                return null;
            }

            written++;
        }

        return written;
    }

    /// <remarks>Small pictures are drawn larger, pixel by pixel, and to even sides, which the codec asks for.</remarks>
    private static async Task<bool> WriteAsync(string film, string file, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo("ffmpeg") { RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var argument in (string[])["-y", "-loglevel", "error", "-f", "apng", "-r", $"{FramesASecond}", "-i", film, "-vf",
            "scale=trunc(iw*max(1\\,floor(512/iw))/2)*2:trunc(ih*max(1\\,floor(512/iw))/2)*2:flags=neighbor", "-pix_fmt", "yuv420p", $"{file}.tmp.mp4"])
        {
            start.ArgumentList.Add(argument);
        }

        try
        {
            using var process = Process.Start(start)!;
            process.StandardInput.Close();
            var said = await process.StandardError.ReadToEndAsync(cancellation).ConfigureAwait(false);
            await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
            if (process.ExitCode != 0)
            {
                throw new VitrineException($"{film}: ffmpeg makes no MP4 of it ({said.Trim()}).");
            }

            File.Move($"{file}.tmp.mp4", file, overwrite: true);
            return true;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
