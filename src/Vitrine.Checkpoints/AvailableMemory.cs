using System.Globalization;

namespace Vitrine.Checkpoints;

/// <summary>How much memory this process can still take.</summary>
public static class AvailableMemory
{
    /// <summary>Free bytes: of the machine or of the container, whichever is less.</summary>
    /// <remarks>
    /// Linux: MemAvailable of /proc/meminfo, and the control group's limit less what it uses and cannot give back (version 2 of cgroups, then 1). Elsewhere
    /// what the runtime knows.
    /// </remarks>
    public static long Read() => Read("/");

    internal static long Read(string root)
    {
        var machine = MemInfo(Path.Combine(root, "proc/meminfo"));
        var group = Group(Path.Combine(root, "sys/fs/cgroup"), "memory.max", "memory.current", "inactive_file")
            ?? Group(Path.Combine(root, "sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");
        return machine is null && group is null ? Runtime() : Math.Max(0, Math.Min(machine ?? long.MaxValue, group ?? long.MaxValue));
    }

    private static long Runtime()
    {
        var info = GC.GetGCMemoryInfo();
        return Math.Max(0, info.TotalAvailableMemoryBytes - info.MemoryLoadBytes);
    }

    private static long? MemInfo(string path) => Field(path, "MemAvailable:") * 1024;

    /// <remarks>Pages of files that nobody used lately count as used and are given back when needed.</remarks>
    private static long? Group(string folder, string limit, string used, string reclaimable)
        => Number(Path.Combine(folder, limit)) is { } most && Number(Path.Combine(folder, used)) is { } taken
            ? most - Math.Max(0, taken - (Field(Path.Combine(folder, "memory.stat"), reclaimable) ?? 0))
            : null;

    private static long? Number(string path)
        => Lines(path) is [var first, ..] && long.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static long? Field(string path, string key)
        => Lines(path).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).FirstOrDefault(p => p.Length >= 2 && p[0] == key) is { } parts
            && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;

    private static string[] Lines(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllLines(path) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
