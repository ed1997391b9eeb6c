using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;
using Vitrine.Worlds;
using Vitrine.Worlds.Monitors;
using Vitrine.Worlds.Records;
using Vitrine.Worlds.Studies;

namespace Vitrine.Cli.Commands;

/// <summary>What a rollout keeps of its episodes, and which monitors watch them.</summary>
internal sealed class WatchArguments
{
    private readonly Option<string?> record = new("--record")
    {
        Description = "Keep a record of every episode here: steps, pictures, an animated PNG, an MP4 where ffmpeg is; 'vitrine replay' computes it again.",
    };
    private readonly Option<string[]> points = new("--point")
    {
        Description = "With --record: activations to keep, e.g. language.5.resid_post; wildcards allowed, several with commas.",
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<bool> everywhere = new("--all-positions")
    {
        Description = "With --point: keep them at all positions, not only where the action is decided.",
    };
    private readonly Option<string[]> monitors = new("--monitor")
    {
        Description = "A monitor that 'vitrine monitor train' wrote; watches every act. May be repeated.",
    };
    private readonly Option<bool> stops = new("--stop-on-alarm")
    {
        Description = "With --monitor: an alarm ends the episode before the action is carried out.",
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[record, points, everywhere, monitors, stops])
        {
            command.Add(option);
        }
    }

    /// <summary>Whether anything of it was asked for.</summary>
    public bool IsAsked(ParseResult parsed)
    {
        if (parsed.GetValue(record) is null && (parsed.GetValue(points) is { Length: > 0 } || parsed.GetValue(everywhere)))
        {
            throw new VitrineException("rollout: --point and --all-positions say what --record keeps; give --record FOLDER.");
        }

        if (parsed.GetValue(stops) && parsed.GetValue(monitors) is not { Length: > 0 })
        {
            throw new VitrineException("rollout: --stop-on-alarm asks for a --monitor.");
        }

        return parsed.GetValue(record) is not null || parsed.GetValue(monitors) is { Length: > 0 };
    }

    /// <summary>Runs a rollout's arms, each episode by itself.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="study">What is run.</param>
    /// <param name="policy">Who acts.</param>
    /// <param name="world">The world.</param>
    /// <param name="workers">Episodes side by side.</param>
    /// <param name="cancellation">Stops between acts.</param>
    /// <returns>One list of episodes an arm.</returns>
    public async Task<IReadOnlyList<IReadOnlyList<WatchedEpisode>>> RunAsync(
        ParseResult parsed, Study study, Policy policy, RecordedWorld world, int workers, CancellationToken cancellation)
    {
        var rollouts = new WatchedRollouts(WorldRegistry.Open(world.Name, world.Options), world, study.StepLimit);
        ActivationMonitor[] watching = [.. (parsed.GetValue(monitors) ?? []).Select(ActivationMonitor.Open)];
        var layouts = study.Layouts().ToArray();
        var done = new List<IReadOnlyList<WatchedEpisode>>();
        foreach (var (i, arm) in study.Arms.Index())
        {
            var options = new WatchOptions
            {
                Folder = parsed.GetValue(record),
                Prefix = study.Arms.Count > 1 ? string.Create(CultureInfo.InvariantCulture, $"{i:D2}-") : "",
                Points = Output.List(parsed.GetValue(points)),
                KeepsAllPositions = parsed.GetValue(everywhere),
                Monitors = watching,
                StopsOnAlarm = parsed.GetValue(stops),
                ActionSteps = study.ActionSteps,
                Workers = workers,
            };
            done.Add(await Output.WithProgressAsync(
                $"{arm.Name} in the tabletop world, episode by episode",
                progress => rollouts.RunAsync(policy, arm, layouts, options, progress, cancellation)).ConfigureAwait(false));
        }

        if (parsed.GetValue(record) is { } folder)
        {
            var films = await RecordFilm.WriteAllAsync([.. done.SelectMany(e => e).Select(e => e.Folder!)], cancellation).ConfigureAwait(false);
            await Console.Error.WriteLineAsync($"records: {folder}{(films is null ? " (no MP4: there is no ffmpeg)" : "")}").ConfigureAwait(false);
        }

        return done;
    }

    /// <summary>What monitors said, an arm and a monitor a row.</summary>
    public static IReadOnlyList<MonitorRow> Rows(Study study, IReadOnlyList<IReadOnlyList<WatchedEpisode>> episodes)
        => [.. study.Arms.Zip(episodes).SelectMany(a => NamesIn(a.Second).Select(name => MonitorRow.Of(a.First.Name, name, a.Second)))];

    /// <summary>Prints them.</summary>
    public static void Print(IReadOnlyList<MonitorRow> rows)
    {
        if (rows.Count == 0)
        {
            return;
        }

        var table = Output.Table("arm", "monitor", "episodes with an alarm", "Wilson 95 %", "of failures", "of successes", "acts with an alarm", "first alarm");
        foreach (var row in rows)
        {
            table.Add(
                row.Arm, row.Monitor, $"{row.Alarmed.Successes} of {row.Alarmed.Count}", Interval(row.Alarmed),
                $"{row.OfFailures.Successes} of {row.OfFailures.Count}", $"{row.OfSuccesses.Successes} of {row.OfSuccesses.Count}",
                $"{row.Alarms} of {row.Acts}",
                row.FirstAlarm is { } first ? $"step {first.ToString("0.0", CultureInfo.InvariantCulture)}" : "-");
        }

        AnsiConsole.Write(table);
        Console.WriteLine("first alarm: mean control step, from 0, over episodes with an alarm");
    }

    private static string[] NamesIn(IReadOnlyList<WatchedEpisode> episodes)
        => [.. episodes.SelectMany(e => e.Readings).SelectMany(r => r).Select(r => r.Monitor).Distinct()];

    private static string Interval(Proportion share) => string.Create(CultureInfo.InvariantCulture, $"[{share.Low:0.000}, {share.High:0.000}]");
}

/// <summary>What a monitor said of an arm's episodes.</summary>
/// <param name="Arm">The arm.</param>
/// <param name="Monitor">The monitor.</param>
/// <param name="Alarmed">Episodes with an alarm.</param>
/// <param name="OfFailures">Those that failed, or were stopped.</param>
/// <param name="OfSuccesses">Those that succeeded.</param>
/// <param name="Alarms">Acts with an alarm.</param>
/// <param name="Acts">Acts that were watched.</param>
/// <param name="FirstAlarm">Mean control step of the first, over episodes that have one.</param>
internal sealed record MonitorRow(
    string Arm, string Monitor, Proportion Alarmed, Proportion OfFailures, Proportion OfSuccesses, int Alarms, int Acts, double? FirstAlarm)
{
    public static MonitorRow Of(string arm, string monitor, IReadOnlyList<WatchedEpisode> episodes)
    {
        var read = episodes.Select(e => (e.Episode.Succeeded, Alarms: e.Readings.Select(r => r.FirstOrDefault(m => m.Monitor == monitor)?.IsAlarm).ToArray()))
            .ToArray();
        int[] first = [.. read.Select(e => Array.IndexOf(e.Alarms, true)).Where(i => i >= 0)];
        return new MonitorRow(
            arm, monitor, Share(_ => true), Share(e => !e.Succeeded), Share(e => e.Succeeded), read.Sum(e => e.Alarms.Count(a => a == true)),
            read.Sum(e => e.Alarms.Count(a => a is not null)), first.Length > 0 ? first.Average() : null);

        Proportion Share(Func<(bool Succeeded, bool?[] Alarms), bool> among)
            => new(read.Count(e => among(e) && e.Alarms.Contains(true)), read.Count(among));
    }
}
