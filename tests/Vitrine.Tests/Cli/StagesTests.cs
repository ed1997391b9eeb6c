using Spectre.Console;
using Vitrine.Cli;

namespace Vitrine.Tests.Cli;

/// <summary>Progress of long work, on a terminal and without one.</summary>
public sealed class StagesTests
{
    [Fact]
    public async Task A_terminal_shows_one_bar_that_ends_full()
    {
        using var @out = new StringWriter();
        var terminal = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(@out),
            Ansi = AnsiSupport.Yes,
            Interactive = InteractionSupport.Yes,
            ColorSystem = ColorSystemSupport.NoColors,
        });
        terminal.Profile.Width = 100;
        (await Stages.RunAsync(WorkAsync, all: 10, terminal)).ShouldBe(3);
        var shown = @out.ToString();
        shown.ShouldContain("second [part]");
        shown.ShouldContain("100%");
    }

    [Fact]
    public async Task Without_a_terminal_each_stage_is_a_line()
    {
        using var error = new StringWriter();
        SharedConsole.Redirect(TextWriter.Null, error);
        Assert.SkipUnless(Console.IsErrorRedirected, "standard error is a terminal here");
        (await Stages.RunAsync(WorkAsync, all: 10)).ShouldBe(3);
        error.ToString().ReplaceLineEndings("\n").ShouldBe("first ...\nsecond [part] ...\n");
    }

    private static async Task<int> WorkAsync(Stages stages)
    {
        var one = await stages.StageAsync("first", 4, p =>
        {
            p.Report(0.5);
            return Task.FromResult(1);
        });
        return one + await stages.StageAsync("second [part]", 6, p =>
        {
            p.Report(1);
            return Task.FromResult(2);
        });
    }
}
