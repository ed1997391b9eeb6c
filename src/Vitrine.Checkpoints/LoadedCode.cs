using System.Globalization;
using System.Runtime.InteropServices;

namespace Vitrine.Checkpoints;

/// <summary>Gives back what libtorch touched of its own code while it was loaded, most of which is read once in a process.</summary>
/// <remarks>
/// Registering its operators leaves some 50 MB of its 400 MB of code resident, and opening and reading a prompt 19 MB more than the tokens behind it need. The
/// pages of a file come back from the system's cache when they are needed, which few are. Only mappings that are executed and that nobody wrote into are given
/// back.
/// </remarks>
internal static partial class LoadedCode
{
    private const string Library = "libtorch_cpu.so";
    private const int DontNeed = 4;
    private static readonly Lazy<IReadOnlyList<(nint Begin, nuint Length)>> Mappings = new(Found);

    /// <summary>Gives back what is resident now; libtorch has been used before.</summary>
    public static void Release()
    {
        foreach (var (begin, length) in Mappings.Value)
        {
            _ = Advise(begin, length, DontNeed);
        }
    }

    /// <summary>The same, once in a process for each place that asks: a later model, or prompt, needs what is resident by then.</summary>
    /// <param name="done">The place's own; not 0 once it has asked.</param>
    public static void ReleaseOnce(ref int done)
    {
        if (Interlocked.Exchange(ref done, 1) == 0)
        {
            Release();
        }
    }

    private static IReadOnlyList<(nint Begin, nuint Length)> Found()
    {
        try
        {
            return OperatingSystem.IsLinux() ? Unwritten(File.ReadLines("/proc/self/smaps")) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // it stays resident: nothing is wrong for that
        }
    }

    /// <summary>Mappings of the library that are executed and have no page of their own.</summary>
    /// <param name="smaps">Lines as of <c>/proc/self/smaps</c>.</param>
    internal static IReadOnlyList<(nint Begin, nuint Length)> Unwritten(IEnumerable<string> smaps)
    {
        var found = new List<(nint, nuint)>();
        (nint Begin, nuint Length)? current = null;
        foreach (var line in smaps)
        {
            var parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (parts is [var range, _, _, _, ..] && range.IndexOf('-', StringComparison.Ordinal) is > 0 and var at)
            {
                current = parts[1] == "r-xp" && parts[^1].EndsWith($"/{Library}", StringComparison.Ordinal)
                    && nint.TryParse(range.AsSpan(0, at), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var begin)
                    && nint.TryParse(range.AsSpan(at + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var end)
                    ? (begin, (nuint)(end - begin))
                    : null;
            }
            else if (current is { } mapping && parts is ["Private_Dirty:", "0", ..])
            {
                found.Add(mapping);
            }
        }

        return found;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint begin, nuint length, int advice);
}
