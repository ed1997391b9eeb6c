namespace Vitrine.Policies.Actions;

/// <summary>Ends a phase of an act wherever it is told how far the act is.</summary>
internal sealed class TimedProgress(ActTiming timing, IProgress<ActProgress>? also) : IProgress<ActProgress>
{
    public void Report(ActProgress value)
    {
        timing.End(value.Chosen switch { 0 => "pictures", 1 => "prompt", var token => $"token {token}" });
        also?.Report(value);
    }
}
