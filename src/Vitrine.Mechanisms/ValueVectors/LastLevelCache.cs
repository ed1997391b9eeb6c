using System.Globalization;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>Size of the processor's last level of cache, where the system tells it.</summary>
internal static class LastLevelCache
{
    private const long Usual = 16 << 20;

    /// <summary>In bytes; 16 MiB where the system does not tell.</summary>
    public static long Bytes { get; } = Read("/sys/devices/system/cpu/cpu0/cache");

    private static long Read(string folder)
    {
        try
        {
            var sizes = Directory.Exists(folder)
                ? Directory.GetDirectories(folder, "index*").Select(d => Parse(File.ReadAllText(Path.Combine(d, "size")).Trim())).ToArray()
                : [];
            return sizes.Length > 0 ? Math.Max(sizes.Max(), 1 << 20) : Usual;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return Usual;
        }
    }

    /// <remarks>Linux writes 32768K.</remarks>
    private static long Parse(string size) => size.EndsWith('K') ? long.Parse(size[..^1], CultureInfo.InvariantCulture) << 10
        : size.EndsWith('M') ? long.Parse(size[..^1], CultureInfo.InvariantCulture) << 20
        : long.Parse(size, CultureInfo.InvariantCulture);
}
