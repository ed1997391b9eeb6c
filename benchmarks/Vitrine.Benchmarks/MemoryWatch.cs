using System.Globalization;

namespace Vitrine.Benchmarks;

/// <summary>
/// Looks at the process's resident memory ten times a second: pages of mapped files, which the system can drop and read again, and all others, which it cannot.
/// </summary>
internal sealed class MemoryWatch : IDisposable
{
    private readonly Timer timer;
    private readonly Lock gate = new();

    public MemoryWatch() => timer = new Timer(_ => Look(), null, TimeSpan.Zero, TimeSpan.FromMilliseconds(100));

    /// <summary>Most of both together, in bytes.</summary>
    public long Resident { get; private set; }

    /// <summary>Most that was no file's, in bytes.</summary>
    public long Own { get; private set; }

    public void Dispose() => timer.Dispose();

    public override string ToString()
    {
        Look();
        return string.Create(
            CultureInfo.InvariantCulture, $"at most {Resident / 1e9:0.00} GB resident with the pages of the mapped files, {Own / 1e9:0.00} GB without");
    }

    /// <remarks>statm: pages in all, resident, of files and shared (proc_pid_statm(5)).</remarks>
    private void Look()
    {
        const string Statm = "/proc/self/statm";
        if (!File.Exists(Statm))
        {
            return;
        }

        var pages = File.ReadAllText(Statm).Split(' ').Select(p => long.Parse(p, CultureInfo.InvariantCulture) * Environment.SystemPageSize).ToArray();
        lock (gate)
        {
            (Resident, Own) = (Math.Max(Resident, pages[1]), Math.Max(Own, pages[1] - pages[2]));
        }
    }
}
