namespace Vitrine.Serving.Hosting;

/// <summary>What a host has done so far.</summary>
public sealed class HostTotals
{
    private long answers, refusals, failures, alarms;

    /// <summary>Requests that were answered.</summary>
    public long Answers => Interlocked.Read(ref answers);

    /// <summary>Requests and sessions that were refused because too many waited.</summary>
    public long Refusals => Interlocked.Read(ref refusals);

    /// <summary>Requests that the model refused.</summary>
    public long Failures => Interlocked.Read(ref failures);

    /// <summary>Answers with an alarm.</summary>
    public long Alarms => Interlocked.Read(ref alarms);

    internal void Answered(ServedAnswer answer)
    {
        Interlocked.Increment(ref answers);
        if (answer.Alarms.Count > 0)
        {
            Interlocked.Increment(ref alarms);
        }
    }

    internal void Refused() => Interlocked.Increment(ref refusals);

    internal void Failed() => Interlocked.Increment(ref failures);
}
