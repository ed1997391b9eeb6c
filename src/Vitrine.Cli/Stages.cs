using Spectre.Console;

namespace Vitrine.Cli;

/// <summary>Long work in stages: one bar over all of them with the time left, on standard error; a line a stage where that is no terminal.</summary>
internal sealed class Stages
{
    private readonly double all;
    private readonly ProgressTask? bar;
    private double done;

    private Stages(ProgressTask? bar, double all) => (this.bar, this.all) = (bar, all);

    /// <summary>Runs work that tells its stages.</summary>
    /// <param name="work">The work.</param>
    /// <param name="all">Sum of the stages' weights.</param>
    /// <param name="terminal">Where the bar is drawn; standard error when null, if that is a terminal.</param>
    public static async Task<T> RunAsync<T>(Func<Stages, Task<T>> work, double all = 100, IAnsiConsole? terminal = null)
    {
        if (terminal is null && Console.IsErrorRedirected)
        {
            return await Task.Run(() => work(new Stages(bar: null, all))).ConfigureAwait(false);
        }

        var console = terminal ?? AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return await console.Progress()
            .AutoClear(false)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                var stages = new Stages(context.AddTask("starting", maxValue: all), all);
                var result = await Task.Run(() => work(stages)).ConfigureAwait(false);
                stages.bar!.Value = all;
                return result;
            }).ConfigureAwait(false);
    }

    /// <summary>Runs one stage.</summary>
    /// <param name="what">What it does.</param>
    /// <param name="weight">Its share of all.</param>
    /// <param name="work">Told where to report its own share, from 0 to 1.</param>
    public async Task<T> StageAsync<T>(string what, double weight, Func<IProgress<double>, Task<T>> work)
    {
        if (bar is null)
        {
            await Console.Error.WriteLineAsync($"{what} ...").ConfigureAwait(false);
        }
        else
        {
            bar.Description = Markup.Escape(what);
        }

        var result = await work(new Direct<double>(share =>
        {
            if (bar is not null)
            {
                bar.Value = Math.Max(bar.Value, done + (weight * Math.Clamp(share, 0, 1)));
            }
        })).ConfigureAwait(false);
        done += weight;
        if (bar is not null)
        {
            bar.Value = Math.Min(all, done);
        }

        return result;
    }
}
