using Vitrine.Cli;
using Vitrine.Cli.Commands;

namespace Vitrine.Tests.Cli;

public sealed class WorkersOptionTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    /// <remarks>Refused before anything else is looked at: neither study file nor record is there.</remarks>
    [Theory]
    [InlineData("perturb", "expert", "--held-out", "red cone")]
    [InlineData("perturb", "expert")]
    [InlineData("study", "check", "none.yaml")]
    [InlineData("study", "run", "none.yaml", "--out", "none")]
    [InlineData("locate", "none", "--word", "quickly")]
    [InlineData("rollout", "expert")]
    [InlineData("replay", "none")]
    [InlineData("monitor", "train", "--policy", "none", "--out", "none")]
    public async Task Fewer_than_one_is_refused_in_one_line(params string[] verb)
        => (await folder.RefusedAsync([.. verb, "--workers", "0"])).ShouldBe("--workers is 0; expected at least 1.");

    [Fact]
    public void Every_verb_that_has_it_checks_it()
    {
        var verbs = VitrineCommand.Create().Subcommands.SelectMany(v => v.Subcommands.Prepend(v)).ToArray();
        var having = verbs.SelectMany(v => v.Options).Where(o => o.Name == "--workers").ToArray();
        having.Length.ShouldBe(9);
        having.ShouldAllBe(o => o is WorkersOption);
    }

    public void Dispose() => folder.Dispose();
}
