namespace Vitrine.Tests.Cli;

/// <summary>Asking for help, and what shells ask.</summary>
public sealed class HelpTests
{
    [Fact]
    public async Task Nothing_help_and_the_option_show_the_same_help()
    {
        var (exit, asked, _) = await CommandLine.RunAsync("--help");
        exit.ShouldBe(0);
        asked.ShouldContain("rollout");
        (await CommandLine.RunAsync()).ShouldBe((0, asked, ""));
        (await CommandLine.RunAsync("help")).ShouldBe((0, asked, ""));
        (await CommandLine.RunAsync("help", "act")).Out.ShouldBe((await CommandLine.RunAsync("act", "--help")).Out);
        var (unknown, _, error) = await CommandLine.RunAsync("help", "rolout");
        unknown.ShouldBe(2);
        error.ShouldContain("the nearest is 'rollout'");
    }

    [Theory]
    [InlineData("vitrine ro", "rollout")]
    [InlineData("vitrine run --cap", "--capture")]
    [InlineData("vitrine completion ", "zsh")]
    public async Task What_may_follow_is_told_to_the_shell(string line, string expected)
    {
        var (exit, @out, error) = await CommandLine.RunAsync($"[suggest:{line.Length}]", line);
        exit.ShouldBe(0, error);
        @out.ReplaceLineEndings("\n").Split('\n').ShouldContain(expected);
    }

    [Fact]
    public async Task Every_shell_has_a_script_and_another_is_named()
    {
        foreach (var shell in (string[])["bash", "zsh", "fish", "pwsh"])
        {
            var (exit, @out, _) = await CommandLine.RunAsync("completion", shell);
            exit.ShouldBe(0);
            @out.ShouldContain("[suggest:");
        }

        (await CommandLine.RunAsync("completion", "tcsh")).Error.ShouldContain("'tcsh' is no shell of these: bash, zsh, fish, pwsh");
    }
}
