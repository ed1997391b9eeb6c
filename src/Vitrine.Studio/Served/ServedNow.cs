using System.Globalization;
using Vitrine.Serving.Live;

namespace Vitrine.Studio.Served;

/// <summary>A served policy at one moment, as one window sees it.</summary>
/// <param name="State">The server; null before it has answered.</param>
/// <param name="Problem">Why it is not there; null where it is.</param>
/// <param name="ForAll">What is set for everybody.</param>
/// <param name="Sessions">Those that are open, in the server's order.</param>
internal sealed record ServedNow(LiveState? State, string? Problem, LiveSetting ForAll, IReadOnlyList<ServedSession> Sessions)
{
    /// <summary>Before the server has answered.</summary>
    public static ServedNow Nothing { get; } = new(null, null, new LiveSetting(0, 1, null), []);

    /// <summary>What is set for a session alone, or for everybody.</summary>
    public LiveSetting SettingOf(string? session)
        => session is null ? ForAll : Sessions.FirstOrDefault(s => s.Name == session)?.Own ?? Nothing.ForAll;
}

/// <summary>A session at one moment.</summary>
/// <param name="Session">As the server tells of it.</param>
/// <param name="Steps">Its last answers, oldest first, <see cref="MostSteps"/> at most.</param>
/// <param name="Pictures">What its cameras saw last, as data addresses; none of a session that is not shown.</param>
/// <param name="Own">What is set for it alone.</param>
public sealed record ServedSession(LiveSession Session, IReadOnlyList<LiveStep> Steps, IReadOnlyList<(string Camera, string Uri)> Pictures, LiveSetting Own)
{
    /// <summary>Answers that strips show.</summary>
    public const int MostSteps = 120;

    /// <summary>Milliseconds to about three digits; nothing of none.</summary>
    public static string Milliseconds(double? time) => time is not { } ms ? ""
        : ms.ToString(ms < 1 ? "0.00" : ms < 10 ? "0.0" : "0", CultureInfo.InvariantCulture);

    /// <summary>Its name.</summary>
    public string Name => Session.Name;

    /// <summary>The last answer; null before the first.</summary>
    public LiveStep? Last => Steps.Count > 0 ? Steps[^1] : null;
}
