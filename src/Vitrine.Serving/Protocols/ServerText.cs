using Vitrine.Serving.Fit;
using Vitrine.Serving.Hosting;

namespace Vitrine.Serving.Protocols;

/// <summary>What a server tells its user in words.</summary>
internal static class ServerText
{
    /// <summary>What was found when a session's first request came.</summary>
    public static void Say(ServerOptions options, HostSession session, FitCheck fit)
    {
        foreach (var line in fit.Lines.Where(l => l.Kind is FitKind.Guessed or FitKind.Missing or FitKind.Unused))
        {
            options.Say?.Invoke($"{session.Name}: {line.Kind.ToString().ToLowerInvariant()}: {line.What}: {line.Why}");
        }
    }
}
