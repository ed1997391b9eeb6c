using System.Diagnostics;

namespace Vitrine.Cli;

/// <summary>Says on standard error how far a model is opened, where that takes more than a moment.</summary>
/// <param name="verb">What it is opened for.</param>
internal sealed class OpeningProgress(string verb) : IProgress<double>
{
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(0.5);
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private int shown = -1;

    /// <summary>Told the share that is done.</summary>
    public void Report(double value)
    {
        var percent = (int)(100 * value);
        if (clock.Elapsed < Moment || percent == shown)
        {
            return;
        }

        if (!Console.IsErrorRedirected)
        {
            Console.Error.Write(value < 1 ? $"\r{verb}: opening the model {percent,3} %" : $"\r{new string(' ', verb.Length + 30)}\r");
        }
        else if (shown < 0 && value < 1)
        {
            Console.Error.WriteLine($"{verb}: opening the model ...");
        }

        shown = percent;
    }
}
