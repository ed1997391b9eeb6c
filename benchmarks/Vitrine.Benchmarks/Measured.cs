using System.Diagnostics;

namespace Vitrine.Benchmarks;

/// <summary>Wall and processor time of a piece of work.</summary>
/// <param name="Wall">Seconds on the clock.</param>
/// <param name="Processor">Seconds of all threads together; what neighbours on the machine disturb least.</param>
internal readonly record struct Measured(double Wall, double Processor)
{
    public static Measured Of(Action work)
    {
        var before = Now();
        work();
        return Now() - before;
    }

    /// <summary>Since the machine and the process began; differences of two are spans.</summary>
    public static Measured Now()
    {
        using var process = Process.GetCurrentProcess();
        return new Measured(Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency, process.TotalProcessorTime.TotalSeconds);
    }

    public static Measured operator -(Measured later, Measured earlier) => new(later.Wall - earlier.Wall, later.Processor - earlier.Processor);

    public static Measured operator +(Measured a, Measured b) => new(a.Wall + b.Wall, a.Processor + b.Processor);

    public static Measured operator *(Measured a, double times) => new(a.Wall * times, a.Processor * times);

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>Largest resident memory of the process so far, mapped files included, in bytes.</summary>
    public static long PeakMemory()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
