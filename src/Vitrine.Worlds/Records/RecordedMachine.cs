using System.Runtime.InteropServices;
using Vitrine.Checkpoints;
using Vitrine.Policies;
using static TorchSharp.torch;

namespace Vitrine.Worlds.Records;

/// <summary>On what a record was computed: all that may touch the last bits of a number.</summary>
/// <param name="Device">Kind of device, e.g. <c>cpu</c>.</param>
/// <param name="Processor">The CPU's name as the system tells it, or its architecture.</param>
/// <param name="Threads">libtorch threads.</param>
/// <param name="Dtype">Number format of the weights in memory.</param>
/// <param name="Versions">Of program, runtime and compute library, by name.</param>
public sealed record RecordedMachine(string Device, string Processor, int Threads, string Dtype, IReadOnlyDictionary<string, string> Versions)
{
    private const string Processors = "/proc/cpuinfo", Named = "model name";

    /// <summary>This machine, as the calling thread computes on it.</summary>
    /// <param name="policy">Whose device and number format are meant.</param>
    public static RecordedMachine Of(Policy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return new RecordedMachine(
            $"{policy.Device.type}".ToLowerInvariant(), Name(), ComputeThreads.Here, $"{policy.Dtype}",
            new SortedDictionary<string, string>(StringComparer.Ordinal)
            {
                ["vitrine"] = typeof(RecordedMachine).Assembly.GetName().Version?.ToString(3) ?? "",
                [".NET"] = RuntimeInformation.FrameworkDescription,
                ["system"] = RuntimeInformation.OSDescription,
                ["TorchSharp"] = typeof(Tensor).Assembly.GetName().Version?.ToString() ?? "",
            });
    }

    /// <summary>In what another machine differs, in words; none where replays may be expected to agree to the bit.</summary>
    /// <param name="other">The other.</param>
    public IReadOnlyList<string> DifferencesTo(RecordedMachine other)
    {
        ArgumentNullException.ThrowIfNull(other);
        (string What, string Here, string There)[] parts =
        [
            ("device", Device, other.Device), ("processor", Processor, other.Processor), ("threads", $"{Threads}", $"{other.Threads}"),
            ("number format", Dtype, other.Dtype),
            .. Versions.Keys.Union(other.Versions.Keys).Order(StringComparer.Ordinal)
                .Select(name => (name, Versions.GetValueOrDefault(name, "unknown"), other.Versions.GetValueOrDefault(name, "unknown"))),
        ];
        return [.. parts.Where(p => p.Here != p.There).Select(p => $"{p.What}: {p.Here}, here {p.There}")];
    }

    private static string Name()
    {
        try
        {
            return File.Exists(Processors) && File.ReadLines(Processors).FirstOrDefault(l => l.StartsWith(Named, StringComparison.Ordinal)) is { } line
                ? line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()
                : $"{RuntimeInformation.ProcessArchitecture}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{RuntimeInformation.ProcessArchitecture}";
        }
    }
}
